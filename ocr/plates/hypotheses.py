"""Which registration the rows of a plate spell: hypotheses over all attempts to read them.

Limits and costs are natural logarithms of probabilities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import fmean, median

import numpy as np

from lipiyana.ocr.plates.grammar_search import (
    Candidate,
    Evidence,
    Seen,
    align,
    best_path,
)
from lipiyana.ocr.plates.remembered_searches import RememberedSearches
from lipiyana.ocr.plates.row_contents import (
    GrammarProbabilities,
    characters,
    has_number,
    may_show_digits,
)
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.ocr.registrations import CONFUSIONS, GRAMMAR, Reading
from lipiyana.ocr.scripts.label_order import sourced_text
from lipiyana.types import Registration


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row as one model saw it.

    Attributes:
        probabilities: as `grammar_search.grammar_probabilities` returns them.
        steps: how many of its time steps show the crop; the rest is padding.
        model: the name of the model.
        ends_at_ink: whether the crop was cut at the ink, so that no character is cut in half.
    """

    probabilities: GrammarProbabilities
    steps: float
    model: str = ""
    ends_at_ink: bool = False


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for and against a registration.

    An objection is the number of nats by which another model or look prefers another
    registration: 0 if it prefers the same, at most 6, and 2 if it finds none that is likely.

    Attributes:
        a_character: as of `Verdict`.
        margin: nats to the next registration, at most 10.
        other_model: objection of the other models, in all attempts.
        second_look: mean objection of each model in the attempt that is a second look at the crop.
        weakest: of its characters, the probability of that least surely seen, by the sum of it and
            the likeliest other at its place.
        overridden: characters in whose place another was surely seen.
        ignored: characters that were seen and that it does not have, in rows left out too.
        room: distance of its outermost characters from the ends of their rows, by that between
            characters; of one that the edge cuts in halves it is near 0.
        unusual: `Reading.prior`.
        alone: whether one model alone has read the plate.
    """

    a_character: float
    margin: float
    other_model: float
    second_look: float
    weakest: float
    overridden: int
    ignored: int
    room: float
    unusual: float
    alone: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The likeliest registration.

    Attributes:
        registration: with its alternatives, best first.
        attempt: index of the attempt in which it is likeliest.
        attempts: indices of those that show it about as well, `attempt` among them.
        a_character: mean log probability of its characters, so that registrations of any length
            can be compared. If it is clear to see, its prior does not count.
        signs: what speaks for it and against it.
    """

    registration: Registration
    attempt: int
    attempts: tuple[int, ...]
    a_character: float
    signs: Signs


@dataclass(frozen=True, slots=True, eq=False)
class _Hypothesis:
    candidate: Candidate
    score: float  # log probability, less what was left out
    attempt: int
    window: slice

    @property
    def text(self) -> str:
        return self.candidate.text


def likeliest(
    attempts: Sequence[Sequence[Row]],
    second_look: Collection[int] = (),
    *,
    searches: RememberedSearches,
    settings: PlateSettings = PLATES,
) -> Verdict | None:
    """Find the registration that is likeliest over all attempts to read one plate.

    Args:
        attempts: the rows of each, from the top, all read by one model.
        second_look: indices of those that show the rows of others once more.
        searches: those of the same rows in other calls.
        settings: tuned constants.

    Returns:
        None if no row can be a part of one.
    """
    hypotheses = list(_hypotheses(attempts, searches, settings))
    totals: dict[str, float] = defaultdict(lambda: -np.inf)
    best: dict[str, _Hypothesis] = {}
    for hypothesis in hypotheses:
        text = hypothesis.text
        totals[text] = float(np.logaddexp(totals[text], hypothesis.score))
        if text not in best or hypothesis.score > best[text].score:
            best[text] = hypothesis
    ranked = sorted(totals, key=lambda text: (-totals[text], text))
    reading = GRAMMAR.reading(ranked[0]) if ranked else None
    if reading is None:
        return None
    chosen, total = best[ranked[0]], totals[ranked[0]]
    others = [t for t in ranked[1:] if total - totals[t] < settings.alternatives_margin]
    unusual = reading.prior
    clear = _clear(reading, chosen.score - unusual, settings)
    counted = unusual if clear else 0.0
    rows = attempts[chosen.attempt][chosen.window]
    evidence = align(
        [row.probabilities for row in rows],
        chosen.candidate.labels,
        [row.steps for row in rows],
        settings=settings,
    )
    rooms = _rooms(evidence, rows)
    agreed = _agreement(chosen.text, totals, counted, settings)
    seen = _seen(chosen.candidate, evidence, rooms, settings)
    registration = replace(
        reading.registration(tuple(map(min, agreed, seen))),
        alternatives=tuple(others[: settings.most_alternatives]),
    )
    a_character = (chosen.score - counted) / len(chosen.text)
    left_out = [row for row in attempts[chosen.attempt] if row not in rows]
    signs = Signs(
        a_character=a_character,
        margin=min(settings.max_margin, total - totals[ranked[1]])
        if len(ranked) > 1
        else settings.max_margin,
        other_model=_other_model(chosen, hypotheses, attempts, settings),
        second_look=_second_look(chosen, hypotheses, second_look, settings),
        weakest=min(one.share for one in evidence.characters),
        overridden=sum(
            _is_overridden(label, seen, settings)
            for label, seen in zip(chosen.candidate.labels, evidence.characters, strict=True)
        ),
        ignored=evidence.ignored + sum(characters(row.probabilities, settings) for row in left_out),
        room=min(rooms.values(), default=1.0),
        unusual=unusual,
        alone=len({row.model for attempt in attempts for row in attempt}) == 1,
    )
    as_well = {
        one.attempt
        for one in hypotheses
        if one.text == chosen.text and chosen.score - one.score <= settings.same_rows_margin
    }
    return Verdict(registration, chosen.attempt, tuple(sorted(as_well)), a_character, signs)


def _clear(reading: Reading, seen: float, settings: PlateSettings) -> bool:
    """Tell whether a registration is seen too clearly to be a part of another one, or none."""
    length = sum(map(len, reading.parts))
    return (
        not reading.variant.looks_like_others
        and length >= settings.clear_min_characters
        and seen >= settings.clear_likelihood * length
    )


def _hypotheses(
    attempts: Sequence[Sequence[Row]], searches: RememberedSearches, settings: PlateSettings
) -> Iterator[_Hypothesis]:
    for index, rows in enumerate(attempts):
        for window in _windows(len(rows)):
            seen = [row.probabilities for row in rows[window]]
            if not any(may_show_digits(row, settings) for row in seen):
                continue  # every registration has some, and a search takes milliseconds
            left_out = [*rows[: window.start], *rows[window.stop :]]
            cost = settings.dropped_row_cost * len(left_out) + settings.dropped_number_cost * sum(
                has_number(row.probabilities, settings) for row in left_out
            )
            least = best_path(seen) + settings.min_path_ratio + cost
            for candidate in searches.search(seen, least, settings=settings):
                score = candidate.log_probability - cost
                if candidate.log_probability >= least:
                    yield _Hypothesis(candidate, score, index, window)


def _windows(count: int) -> Iterator[slice]:
    """All rows, then two and one of them: a dealer's name may stand above or below."""
    if count:
        yield slice(0, count)
    for size in (2, 1):
        if size < count:
            yield from (slice(start, start + size) for start in range(count - size + 1))


def _is_overridden(label: str, seen: Seen, settings: PlateSettings) -> bool:
    """Whether something else was seen than the character that a registration needs: surely, or
    likelier and not one of the confusions that its place may decide. O and 0 have one shape, and so
    have the zeros of all scripts.
    """
    if seen.rival_probability <= seen.probability:
        return False
    pair = {label, seen.rival}
    if pair == {"O", "0"} or all(c.isdecimal() and not int(c) for c in pair):
        return False
    return (
        seen.rival_probability > settings.overriding_probability
        or seen.rival not in CONFUSIONS.get(label, "")
    )


def _rooms(evidence: Evidence, rows: Sequence[Row]) -> dict[int, float]:
    """How far the outermost characters of each row are from its ends, in distances of characters,
    by their index.
    """
    found = {}
    for index, row in enumerate(rows):
        mine = [i for i, one in enumerate(evidence.characters) if one.row == index]
        places = [evidence.characters[i].place * row.steps for i in mine]
        if len(places) > 1 and not row.ends_at_ink:
            pitch = max(1.0, median(b - a for a, b in pairwise(places)))
            found[mine[0]] = places[0] / pitch
            found[mine[-1]] = (row.steps - places[-1]) / pitch
    return found


def _seen(
    candidate: Candidate, evidence: Evidence, rooms: Mapping[int, float], settings: PlateSettings
) -> list[float]:
    """How surely each character of the text was seen; the arrow of a military plate is none."""
    sure = [one.share for one in evidence.characters]
    for place, room in rooms.items():
        if room < settings.cut_off_room:
            sure[place] = min(sure[place], settings.cut_off_confidence)
    spelt = sourced_text(candidate.labels)
    text = "".join(character for character, _ in spelt)
    if text == candidate.text:
        return [min(sure[place] for place in places) for _, places in spelt]
    start = next(
        place for place in range(len(text)) if text[:place] + text[place + 1 :] == candidate.text
    )
    return [*sure[:start], *sure[start + 1 :]]


def _other_model(
    chosen: _Hypothesis,
    hypotheses: Sequence[_Hypothesis],
    attempts: Sequence[Sequence[Row]],
    settings: PlateSettings,
) -> float:
    mine = attempts[chosen.attempt][0].model
    theirs: defaultdict[str, list[_Hypothesis]] = defaultdict(list)
    for one in hypotheses:
        model = attempts[one.attempt][0].model
        if model != mine:
            theirs[model].append(one)
    return fmean(_objection(chosen.text, found, settings) for found in theirs.values() or [[]])


def _second_look(
    chosen: _Hypothesis,
    hypotheses: Sequence[_Hypothesis],
    looks: Collection[int],
    settings: PlateSettings,
) -> float:
    if not looks:
        return 0.0
    return fmean(
        _objection(chosen.text, [one for one in hypotheses if one.attempt == look], settings)
        for look in looks
    )


def _objection(text: str, found: Sequence[_Hypothesis], settings: PlateSettings) -> float:
    highest = max((one.score for one in found), default=-np.inf)
    if highest < settings.opinion_min_likelihood * len(text):
        return settings.no_opinion_objection
    mine = max((one.score for one in found if one.text == text), default=-np.inf)
    return float(min(settings.max_objection, highest - mine))


def _agreement(
    text: str, totals: dict[str, float], unusual: float, settings: PlateSettings
) -> tuple[float, ...]:
    """Probability of each character of `text`: the share of readings that have it at its place.
    They are all registrations found and "none", with `min_likelihood` a character and `unusual`.
    """
    nothing = settings.min_likelihood * len(text) + unusual
    highest = max(nothing, *totals.values())
    weights = {other: float(np.exp(total - highest)) for other, total in totals.items()}
    agreed = np.zeros(len(text))
    for other, weight in weights.items():
        for block in SequenceMatcher(None, text, other, autojunk=False).get_matching_blocks():
            agreed[block.a : block.a + block.size] += weight
    whole = sum(weights.values()) + float(np.exp(nothing - highest))
    return tuple((agreed / whole).tolist())
