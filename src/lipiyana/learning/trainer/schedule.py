"""The learning rate of a run of given length: warm up, stay, fall."""

from __future__ import annotations

import math
from typing import Protocol


class Schedule(Protocol):
    """What a recipe says of it."""

    @property
    def warm_up_steps(self) -> int:
        """Steps in which the rate rises."""
        ...

    @property
    def decay_share(self) -> float:
        """Of the time, how much at its end the rate falls in."""
        ...


def learning_rate_factor(step: int, elapsed_share: float, recipe: Schedule) -> float:
    """Warm up by steps, stay at 1, and fall as a cosine over the last `decay_share` of the time,
    not at all where that is 0.
    """
    warm = min(1.0, (step + 1) / recipe.warm_up_steps)
    if not recipe.decay_share:
        return warm
    into_decay = (elapsed_share - (1 - recipe.decay_share)) / recipe.decay_share
    fall = 1.0 if into_decay <= 0 else 0.5 * (1 + math.cos(math.pi * min(1.0, into_decay)))
    return warm * max(fall, 0.01)
