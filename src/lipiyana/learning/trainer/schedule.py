"""Learning rate schedule for a run of fixed duration: warm-up, constant, cosine decay."""

from __future__ import annotations

import math
from typing import Protocol


class Schedule(Protocol):
    """The fields of a recipe that the schedule needs."""

    @property
    def warm_up_steps(self) -> int:
        """Number of steps in which the rate rises."""
        ...

    @property
    def decay_share(self) -> float:
        """Share of the time, at the end, in which the rate falls."""
        ...


def learning_rate_factor(step: int, elapsed_share: float, recipe: Schedule) -> float:
    """Factor on the peak learning rate: linear warm-up by steps, then 1, then a cosine decay over
    the last `decay_share` of the time (none if that is 0).
    """
    warm = min(1.0, (step + 1) / recipe.warm_up_steps)
    if not recipe.decay_share:
        return warm
    into_decay = (elapsed_share - (1 - recipe.decay_share)) / recipe.decay_share
    fall = 1.0 if into_decay <= 0 else 0.5 * (1 + math.cos(math.pi * min(1.0, into_decay)))
    return warm * max(fall, 0.01)
