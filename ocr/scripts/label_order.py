"""The order of a reader's labels: as signs stand on a picture, from its left to its right.

A CTC reader sees a line from left to right and cannot go back, so its labels follow the picture.
`to_labels` brings text into this order, `to_text` brings labels back into that of Unicode.

Perso-Arabic lines are reversed as a whole, and the runs in them that read from left to right
(digits, Latin, and what joins them) are turned back.

In Indic syllables a vowel sign follows its consonants in text, and the ra that begins a conjunct
comes first. On a picture some vowel signs stand before the consonants, some on both sides of them,
and that ra is a hook above or behind their end (reph). In Telugu and Kannada the sign is on the
first consonant, and the others of a conjunct hang below and behind it: कि is ि क, কো is ে ক া, र्मा
is म ा and the hook, స్తి is స ి ్ త. Ra with a joiner stays in its place: র‍্যা is র ্ য া, and র্যা is
য, the hook and া.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lipiyana.ocr.scripts.clusters import JOINER, LETTERS, MARKS, WITH_JOINED_RA, clusters
from lipiyana.ocr.scripts.table import SCRIPTS, script_of_char

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_DIGITS = "0-9\u0660-\u0669\u06f0-\u06f9"
_LATIN = "A-Za-z\u00c0-\u024f"
# a run begins and ends in a letter or a digit, so that it is the same run seen from either side
LEFT_TO_RIGHT = re.compile(
    rf"[{_DIGITS}{_LATIN}](?:[{_DIGITS}{_LATIN} .,:;/&'+\-\u066b\u066c]*[{_DIGITS}{_LATIN}])?"
)


def runs_from_the_right(text: str) -> bool:
    """Whether a text has right-to-left letters."""
    return _RIGHT_TO_LEFT.search(text) is not None


def swap_order(text: str) -> str:
    """Turn a line from logical into visual order, or from visual into logical.

    The function is its own inverse. Text without right-to-left letters comes back unchanged.
    """
    return "".join(text[index] for index in swapped_indices(text))


def swapped_indices(text: str) -> list[int]:
    """Where each character of `swap_order(text)` stands in `text`."""
    order = list(range(len(text)))
    if not runs_from_the_right(text):
        return order
    order.reverse()
    for run in LEFT_TO_RIGHT.finditer(text[::-1]):
        start, end = run.span()
        order[start:end] = reversed(order[start:end])
    return order


Sourced = tuple[str, tuple[int, ...]]
"""A character of text, and where the labels stand that it was made of."""

_BEFORE = {
    "Deva": "\u093f",
    "Beng": "\u09bf\u09c7\u09c8\u09cc",
    "Guru": "\u0a3f",
    "Gujr": "\u0abf",
    "Orya": "\u0b47\u0b48\u0b4c",
    "Taml": "\u0bc6\u0bc7\u0bc8\u0bcc",
    "Mlym": "\u0d46\u0d47\u0d48",
}
# what stands on both sides: Unicode's canonical decomposition, where the reader knows both halves
_AROUND = {
    "\u09cb": "\u09c7\u09be",
    "\u0b4b": "\u0b47\u0b3e",
    "\u0bca": "\u0bc6\u0bbe",
    "\u0bcb": "\u0bc7\u0bbe",
    "\u0d4a": "\u0d46\u0d3e",
    "\u0d4b": "\u0d47\u0d3e",
    "\u0d4c": "\u0d46\u0d57",
}
# scripts whose first consonant bears the vowel sign of a conjunct
_HANGING = frozenset({"Telu", "Knda"})
_WHOLE = {halves: whole for whole, halves in _AROUND.items()}


@dataclass(frozen=True, slots=True)
class _Hook:
    """A reph: its label, the ra that it stands for, and whether vowel signs stand before it."""

    label: str
    ra: str
    after_vowels: bool


# of the private use area: the hook has no code point of its own
_HOOKS = (
    _Hook("\ue000", "र", after_vowels=True),
    _Hook("\ue001", "র", after_vowels=False),
    _Hook("\ue002", "ৰ", after_vowels=False),
    _Hook("\ue003", "ર", after_vowels=True),
    _Hook("\ue004", "ର", after_vowels=False),
    _Hook("\ue005", "ರ", after_vowels=True),
)
_HOOK_OF_RA = {hook.ra: hook for hook in _HOOKS}
_RA_OF_HOOK = {hook.label: hook.ra for hook in _HOOKS}

HOOKS: Mapping[str, str] = {hook.label: script_of_char(hook.ra) for hook in _HOOKS}
"""Labels that are no characters of text, with the script of each."""

# signs of nasals and breath end a syllable, whatever else is in it
_LAST = {code: "".join(chr(SCRIPTS[code].ranges[0][0] + n) for n in (1, 2, 3)) for code in LETTERS}


def _syllables() -> re.Pattern[str]:
    """A syllable in the order of a picture: sign before, consonants, what follows."""
    alternatives = []
    for code, letters in LETTERS.items():
        virama, before = SCRIPTS[code].virama, _BEFORE.get(code, "")
        nukta = chr(SCRIPTS[code].ranges[0][0] + 0x3C)
        hooks = "".join(label for label, script in HOOKS.items() if script == code)
        joined = f"(?:{nukta}?{virama}[{letters}])*"
        if code == "Taml":
            joined = "(?:(?<=க)்ஷ|(?<=ஸ)்ர(?=ீ))?"
        ahead = f"[{before}]?" if before else ""
        behind = f"(?![{before}])" if before else ""
        tail = f"(?:{behind}[{MARKS[code]}{virama}{hooks}])*"
        borne = f"[{MARKS[code]}]*" if code in _HANGING else ""
        alternatives.append(f"{ahead}[{letters}]{borne}{joined}{tail}")
    return re.compile("|".join(alternatives))


_SYLLABLE = _syllables()
_NUKTA = re.compile("[\u0c3c\u0cbc]")
_CONSONANTS = {SCRIPTS[code].virama: re.compile(f"[{LETTERS[code]}]") for code in _HANGING}


def as_seen(text: str) -> str:
    """Order NFC text as on a picture; what has no such signs comes back unchanged."""
    return "".join(map(_seen, clusters(text)))


def as_spelt(labels: str) -> list[Sourced]:
    """Order labels as text is spelt, each character with the labels that it was made of.

    What is no well-formed syllable stays where it is, so this is defined for whatever a reader
    makes up; a stray hook becomes its ra and a virama.
    """
    spelt: list[Sourced] = []
    end = 0
    for found in _SYLLABLE.finditer(labels):
        spelt += _as_it_is(labels, end, found.start())
        spelt += _spelt(found[0], found.start())
        end = found.end()
    return spelt + _as_it_is(labels, end, len(labels))


def _seen(cluster: str) -> str:
    script = SCRIPTS.get(script_of_char(cluster[0]))
    if script is None or script.code not in LETTERS:
        return cluster
    seen = cluster.replace(JOINER, "")
    base, tail = _parted(seen, script.virama)
    hook = None
    if seen == cluster and len(base) > 2 and base[1] == script.virama:
        hook = _HOOK_OF_RA.get(base[0])
    if hook:
        base = base[2:]
    before = ""
    if script.code in _HANGING:
        return _hanging(base, tail, hook, _LAST[script.code])
    for sign in tail:
        if sign in _AROUND:
            halves = _AROUND[sign]
            before, tail = halves[0], tail.replace(sign, halves[1], 1)
            break
        if sign in _BEFORE.get(script.code, ""):
            before = sign
            tail = tail.replace(sign, "", 1)
            break
    if not hook:
        return before + base + tail
    if not hook.after_vowels:
        return before + base + hook.label + tail
    vowels = tail.rstrip(_LAST[script.code])
    return before + base + vowels + hook.label + tail[len(vowels) :]


def _hanging(base: str, tail: str, hook: _Hook | None, last: str) -> str:
    vowels = tail.rstrip(last)
    label = hook.label if hook else ""
    # a virama that shows: there is no vowel sign; and a nukta tells whose it is by its place
    if any(sign in _CONSONANTS for sign in vowels) or _NUKTA.search(base):
        return base + tail + label
    return base[0] + vowels + base[1:] + label + tail[len(vowels) :]


def _parted(cluster: str, virama: str) -> tuple[str, str]:
    """Consonants with their nuktas and viramas, and the signs behind them."""
    nukta = chr(ord(virama) - 0x11)
    end = 1
    while end < len(cluster):
        step = end + (cluster[end] == nukta)
        if step + 1 >= len(cluster) or cluster[step] != virama:
            break
        end = step + 2
    return cluster[:end], cluster[end:]


def _spelt(syllable: str, start: int) -> Iterator[Sourced]:
    places: list[Sourced] = [(character, (start + i,)) for i, character in enumerate(syllable)]
    code = script_of_char(syllable[0])
    before = places.pop(0) if syllable[0] in _BEFORE.get(code, "") else None
    hook = next((p for p in places if p[0] in _RA_OF_HOOK), None)
    if hook:
        places.remove(hook)
        yield _RA_OF_HOOK[hook[0]], hook[1]
        yield SCRIPTS[code].virama, hook[1]
    if code in _HANGING:
        places = _gathered(places, SCRIPTS[code].virama)
    base, _ = _parted("".join(character for character, _ in places), SCRIPTS[code].virama)
    if not hook and _is_joined_ra(base):
        yield places[0]
        yield JOINER, places[0][1]
        yield from places[1 : len(base)]
    else:
        yield from places[: len(base)]
    rest = places[len(base) :]
    if before:
        for i, (sign, place) in enumerate(rest):
            if whole := _WHOLE.get(before[0] + sign):
                rest[i] = whole, before[1] + place
                break
        else:
            nukta = len(rest) and rest[0][0] == chr(ord(SCRIPTS[code].virama) - 0x11)
            rest.insert(1 if nukta else 0, before)
    for character, place in rest:
        # of two hooks the second is stray
        yield from spelt_alone(character, place)


def _is_joined_ra(base: str) -> bool:
    """Whether the consonants begin with a ra that would be a hook if no joiner were spelt."""
    code = script_of_char(base[0])
    return (
        code in WITH_JOINED_RA
        and base[0] in _HOOK_OF_RA
        and len(base) > 2
        and base[1] == SCRIPTS[code].virama
        and (code != "Beng" or base[2] == "\u09af")
    )


def _gathered(places: list[Sourced], virama: str) -> list[Sourced]:
    """Put the consonants that hang behind the first one's signs before them."""
    joins = [
        i
        for i in range(1, len(places) - 1)
        if places[i][0] == virama
        and _CONSONANTS[virama].match(places[i + 1][0])
        and not _NUKTA.match(places[i - 1][0])
    ]
    moved = {index for join in joins for index in (join, join + 1)}
    order = [0, *sorted(moved), *(i for i in range(1, len(places)) if i not in moved)]
    return [places[i] for i in order]


def _as_it_is(labels: str, start: int, end: int) -> list[Sourced]:
    return [sourced for i in range(start, end) for sourced in spelt_alone(labels[i], (i,))]


def spelt_alone(label: str, place: tuple[int, ...]) -> Iterator[Sourced]:
    """One label by itself; `place` is where it stands."""
    if ra := _RA_OF_HOOK.get(label):
        yield ra, place
        yield SCRIPTS[HOOKS[label]].virama, place
    else:
        yield label, place


ORDER_KEY = "label_order"
"""Of a model's metadata."""

AS_SEEN = "as_seen"
"""The value of `ORDER_KEY` of models whose labels are in this order; others follow the text, but
for lines from the right.
"""


def to_labels(text: str) -> str:
    """The labels of NFC text, one a character of the result."""
    # syllables of other scripts in a Perso-Arabic line would be turned inside out
    return swap_order(text) if runs_from_the_right(text) else as_seen(text)


def to_text(labels: str) -> str:
    """What labels spell; `to_labels` of well-formed text is undone."""
    return "".join(character for character, _ in sourced_text(labels))


def sourced_text(labels: str, order: str = AS_SEEN) -> list[Sourced]:
    """`to_text` character by character, each with the places of the labels it was made of.

    Args:
        labels: as a model read them.
        order: of the model's labels, its metadata's `ORDER_KEY`.
    """
    if order == AS_SEEN and not runs_from_the_right(labels):
        return as_spelt(labels)
    turned = swapped_indices(labels)
    return [sourced for place in turned for sourced in spelt_alone(labels[place], (place,))]
