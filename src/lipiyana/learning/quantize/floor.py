"""Minimum quality of new models: a useless model must never be registered and served by mistake."""

from __future__ import annotations

from lipiyana.errors import ModelUnavailable

LEAST_SHARE = 0.5
"""Minimum share of the score of the reference model (the teacher or the base)."""

LEAST = 0.05
"""Minimum score, whatever the reference model reaches."""

TOO_WEAK = "MODEL_TOO_WEAK"
"""`reason` of the error."""


def require_useful(name: str, measure: str, reached: float, before: float) -> None:
    """Refuse a model that scores much lower than its reference model (its teacher or its base).

    Args:
        name: name of the new model.
        measure: name of the score, for the message.
        reached: score of the new model, from 0 to 1.
        before: score of the reference model.

    Raises:
        ModelUnavailable: the new model is too weak (MODEL_TOO_WEAK).
    """
    least = max(LEAST, LEAST_SHARE * before)
    if not reached >= least:  # true for NaN too
        raise ModelUnavailable(
            f"{name} is not registered: {measure} is {reached:.1%}; the model that it is compared "
            f"with reaches {before:.1%}, and at least {least:.1%} is required",
            reason=TOO_WEAK,
        )


def require_answers(name: str, says_nothing: bool) -> None:
    """Refuse a model that finds or reads nothing in all calibration pictures.

    Raises:
        ModelUnavailable: it finds nothing (MODEL_TOO_WEAK).
    """
    if says_nothing:
        raise ModelUnavailable(
            f"{name} is not registered: it finds nothing in the pictures of --calibration. Give "
            "pictures like those that it will see; if they are, the model is of no use",
            reason=TOO_WEAK,
        )
