"""Hypothesis strategies for results, made from the types of `lipiyana.types`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from lipiyana.rows.columns import fields_of, take_apart
from lipiyana.types import Point, Recognition

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FLOATS = st.floats(width=32)
WHOLE = st.integers(0, 2**32 - 1)
_PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXTS, int: WHOLE, float: FLOATS, bool: st.booleans(), Point: st.tuples(FLOATS, FLOATS),
}  # fmt: skip


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type of a column, with all the fields that it has."""
    one = take_apart(hint)
    found: st.SearchStrategy[Any]
    if one.kind is list:
        some = st.lists(values_of(one.item), max_size=2).map(tuple)
        found = st.tuples(*[values_of(Point)] * 4) if one.item == Point else some
    elif one.kind is dict:
        found = st.dictionaries(TEXTS, values_of(one.item), max_size=2)
    elif is_dataclass(one.kind):
        kind: Any = one.kind
        parts = {name: values_of(part) for name, part in fields_of(kind).items()}
        found = st.builds(kind, **parts)
    elif isinstance(one.kind, type) and issubclass(one.kind, StrEnum):
        found = st.sampled_from(one.kind)
    else:
        found = _PLAIN[one.kind]
    return st.none() | found if one.optional else found


RECOGNITIONS: st.SearchStrategy[Recognition] = values_of(Recognition)
