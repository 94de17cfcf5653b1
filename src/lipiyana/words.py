"""Converts words and numbers of a request to stored values.

What is wrong raises `InvalidRequest`, which says what was given and what is possible.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Iterable, Mapping
from typing import TypeGuard, TypeVar

from lipiyana.errors import InvalidRequest

V = TypeVar("V")

_LONGEST_SHOWN = 60
_FLOAT = struct.Struct("<f")
_FORMS = ("%.6g", "%.7g", "%.8g", "%.9g")


def shown(given: object) -> str:
    """Write a value for a message, shortened."""
    try:
        text = repr(given)
    except Exception:  # the message is about another mistake
        text = f"<{type(given).__name__}>"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def word(
    given: object, known: Mapping[str, V], field: str, names: Mapping[str, str] | None = None
) -> V:
    """Find the value of a word; a member of a `StrEnum` is its own word.

    Args:
        given: by the caller.
        known: every word, and what it stands for.
        field: whose word it is.
        names: other names of the words, for messages.

    Raises:
        InvalidRequest: there is no such word.
    """
    if isinstance(given, str):
        found = known.get(given)
        if found is not None:
            return found
    raise InvalidRequest(unknown_word(given, known, field, names), field=field)


def unknown_word(
    given: object, known: Iterable[str], field: str, names: Mapping[str, str] | None = None
) -> str:
    """Make the error for an unknown word, with the known ones and the nearest."""
    names = names or {}
    possible = ", ".join(f"{one} ({names[one]})" if one in names else one for one in known)
    message = f"{field} cannot be {shown(given)}; possible: {possible}"
    return f"{message}{did_you_mean(given, known, names)}"


def did_you_mean(
    given: object, known: Iterable[str], names: Mapping[str, str] | None = None
) -> str:
    """Ask, after a full stop, whether the word that is nearest was meant; "" if none is near."""
    nearest = _nearest(given, known, names or {})
    return f". Did you mean {nearest!r}?" if nearest else ""


def _nearest(given: object, known: Iterable[str], names: Mapping[str, str]) -> str | None:
    if not isinstance(given, str) or len(given) > _LONGEST_SHOWN:
        return None
    from difflib import get_close_matches  # only for messages

    spellings = {one.lower(): str(one) for one in known}
    spellings |= {name.lower(): str(one) for one, name in names.items()}
    found = get_close_matches(given.strip().lower(), spellings, 1)
    return spellings[found[0]] if found else None


def words(
    given: object,
    known: Mapping[str, V],
    field: str,
    names: Mapping[str, str] | None = None,
    *,
    repeated: bool = True,
) -> tuple[V, ...]:
    """Find the values of several words, each once, in the given order.

    Raises:
        InvalidRequest: it is one word or no iterable, or has a word that is not known, or one
            twice without `repeated`.
    """
    if isinstance(given, (tuple, list, frozenset, set)):  # quicker than to ask for `Iterable`
        if not given:
            return ()
    elif isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        split = given.replace(",", " ").split() if isinstance(given, str) else []
        example = split if split and all(one in known for one in split) else list(known)[:1]
        written = ", ".join(f'"{one}"' for one in example)
        raise InvalidRequest(
            f"{field} takes several words, not {shown(given)}; write {field}=[{written}]",
            field=field,
        )
    values = [word(one, known, field, names) for one in given]
    once = tuple(dict.fromkeys(values))
    if len(once) < len(values) and not repeated:
        twice = next(one for one in once if values.count(one) > 1)
        raise InvalidRequest(f"{field} has {str(twice)!r} more than once", field=field)
    return once


def truth(given: object, field: str) -> bool:
    """Take True or False.

    Raises:
        InvalidRequest: it is something else.
    """
    if isinstance(given, bool):
        return given
    raise InvalidRequest(f"{field} must be True or False, not {shown(given)}", field=field)


def is_real(given: object) -> TypeGuard[float]:
    """Say whether a value is a real number; True and False are not."""
    if isinstance(given, float | int):
        return not isinstance(given, bool)
    from numbers import Real  # numbers of numpy are rare

    return isinstance(given, Real)


def whole(given: object) -> int:
    """Take a whole number, of numpy as well.

    Raises:
        TypeError: it is none; True and False are none here.
    """
    if isinstance(given, bool):
        raise TypeError("a bool is not a number here")
    return operator.index(given)  # type: ignore[arg-type]


def fraction(given: object, field: str) -> float:
    """Take a number from 0 to 1, as precise as the wire has it: 32 bits.

    Raises:
        InvalidRequest: it is no number, or outside.
    """
    if not is_real(given) or not 0 <= given <= 1:
        raise InvalidRequest(
            f"{field} must be a number from 0 to 1, not {shown(given)}", field=field
        )
    return shortest_float32(float(given))


def shortest_float32(value: float) -> float:
    """Round to 32 bits, and give the shortest decimal that is the same there.

    So 0.3 stays 0.3, and is not 0.30000001192092896 after it has been on the wire.
    """
    if not math.isfinite(value):
        return value
    rounded = _float32(value)
    for form in _FORMS:  # each is tried in less than a microsecond, and the first is mostly enough
        short = float(form % rounded)
        if _float32(short) == rounded:
            return short
    return rounded


def _float32(value: float) -> float:
    return _FLOAT.unpack(_FLOAT.pack(value))[0]  # type: ignore[no-any-return]
