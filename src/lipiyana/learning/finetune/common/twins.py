"""A model in two files, the float one and its INT8 twin: which of them is served, and what is said
of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from lipiyana.runtime.model_folder import NewModel
from lipiyana.runtime.timings import TWIN

FLOAT_SUFFIX = "-float"
"""Of the name of the float model; its twin has the name that was asked for."""


def today() -> str:
    """Give the version of a model that is made now."""
    return datetime.now(UTC).strftime("%Y.%m.%d")


def twins(whole: NewModel, small: NewModel, *, good: bool, faster: bool) -> list[NewModel]:
    """Name each other's twin, and put the preferred one first.

    Args:
        whole: the float model.
        small: INT8.
        good: whether INT8 loses next to nothing; it is left out where it does not.
        faster: whether it is also the faster one.
    """
    if not good:
        return [whole]
    pair = [_of(whole, small), _of(small, whole)]
    return pair[::-1] if faster else pair


def _of(model: NewModel, twin: NewModel) -> NewModel:
    return replace(model, parameters={**model.parameters, TWIN: twin.name})


def int8_notes(cost: str, *, good: bool, faster: bool) -> Iterator[str]:
    """Say why INT8 is not what is served; nothing where it is.

    Args:
        cost: what it loses, in words.
        good: as in `twins`.
        faster: as in `twins`.
    """
    if not good:
        yield f"INT8 loses {cost}: it is not registered, and the float model is served alone"
    elif not faster:
        yield "INT8 is slower on this machine, so the float model is served"


def no_better(measure: str, before: float, after: float, *, perfect: float) -> str:
    """Say that nothing was gained on the validation part, by a measure.

    Args:
        measure: its name.
        before: of the base.
        after: of the new model.
        perfect: of a model that makes no mistake.
    """
    advice = (
        "The base makes no mistake there: nothing can be gained without pictures on which it does"
        if before == perfect
        else "More pictures are needed, or more minutes"
    )
    return (
        f"the new model is no better on your validation part ({measure} {after:.3f}, "
        f"{before:.3f} before), and is registered all the same: whatever uses its folder uses it. "
        f"{advice}"
    )
