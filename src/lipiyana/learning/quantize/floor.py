"""What a new model must do at least to be registered: one that finds or reads next to nothing is
never served by mistake.
"""

from __future__ import annotations

from lipiyana.errors import ModelUnavailable

LEAST_SHARE = 0.5
"""Of what the model does that it was taught by, or began from."""

LEAST = 0.05
"""Share of all there is to find or to read, whatever the other model does."""

TOO_WEAK = "MODEL_TOO_WEAK"
"""Reason of the error."""


def require_useful(name: str, measure: str, reached: float, before: float) -> None:
    """Refuse a model that does much less than the one it was taught by, or began from.

    Args:
        name: of the new model.
        measure: what both numbers are shares of.
        reached: by the new model, from 0 to 1.
        before: by the other one.

    Raises:
        ModelUnavailable: it is not to be registered (MODEL_TOO_WEAK).
    """
    least = max(LEAST, LEAST_SHARE * before)
    if not reached >= least:  # nor NaN
        raise ModelUnavailable(
            f"{name} is not registered: {measure}: {reached:.1%}, {before:.1%} by the model that "
            f"it is compared with, and {least:.1%} is the least that is of use",
            reason=TOO_WEAK,
        )


def require_answers(name: str, says_nothing: bool) -> None:
    """Refuse a model that finds, or reads, nothing in any picture that it was shown.

    Raises:
        ModelUnavailable: it does not (MODEL_TOO_WEAK).
    """
    if says_nothing:
        raise ModelUnavailable(
            f"{name} is not registered: it finds nothing in the pictures of --calibration. Give "
            "pictures as it will see them; if they are, the model is of no use",
            reason=TOO_WEAK,
        )
