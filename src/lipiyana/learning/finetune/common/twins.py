"""Registers a float model and its INT8 twin: which of them is preferred, and the notes on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from lipiyana.runtime.model_folder import NewModel
from lipiyana.runtime.timings import TWIN

FLOAT_SUFFIX = "-float"
"""Suffix on the name of the float model; its INT8 twin has the requested name itself."""


def today() -> str:
    """Return today's date as the version of a new model."""
    return datetime.now(UTC).strftime("%Y.%m.%d")


def twins(whole: NewModel, small: NewModel, *, good: bool, faster: bool) -> list[NewModel]:
    """Link both models as twins and return them, the preferred one first.

    Args:
        whole: the float model.
        small: the INT8 model.
        good: whether INT8 loses next to nothing; otherwise only the float model is returned.
        faster: whether INT8 is preferred, because it is faster here.
    """
    if not good:
        return [whole]
    pair = [_with_twin(whole, small), _with_twin(small, whole)]
    return pair[::-1] if faster else pair


def _with_twin(model: NewModel, twin: NewModel) -> NewModel:
    return replace(model, parameters={**model.parameters, TWIN: twin.name})


def int8_notes(cost: str, *, good: bool, faster: bool) -> Iterator[str]:
    """Explain why INT8 is not preferred; yield nothing if it is.

    Args:
        cost: the loss by INT8, for example "0.012 of CER".
        good: see `twins`.
        faster: see `twins`.
    """
    if not good:
        yield f"INT8 loses {cost}, so only the float model is registered and served"
    elif not faster:
        yield "INT8 is slower on this machine, so the float model is served"


def no_gain_note(measure: str, before: float, after: float, *, perfect: float) -> str:
    """Explain that the new model is no better than the base on the validation set.

    Args:
        measure: name of the score.
        before: score of the base.
        after: score of the new model.
        perfect: score of a model without mistakes.
    """
    advice = (
        "The base makes no mistake there: only pictures on which it does can improve it"
        if before == perfect
        else "More pictures or more minutes are needed"
    )
    return (
        f"the new model is no better on your validation part ({measure} {after:.3f}, "
        f"{before:.3f} before), but it is registered, and whoever uses its folder uses it. "
        f"{advice}"
    )
