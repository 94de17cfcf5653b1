"""What learners have that are runs of training: their files, and the phases of those with norms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from lipiyana.learning.finetune.common.course import Measured
from lipiyana.learning.finetune.common.saving import BEST, full_disk_told, save_weights
from lipiyana.learning.trainer.run import Recipe, Run

AnyRun = TypeVar("AnyRun", bound=Run[Any])

_NORMS = ".norm."


@dataclass(frozen=True, slots=True)
class LearnerRecipe:
    """How any of them learns.

    Attributes:
        training: learning rates and their course.
        workers: processes that make what is learned from.
        threads: of the network.
    """

    training: Recipe
    workers: int = 1
    threads: int = 1


class RunLearner(Generic[AnyRun]):
    """The part of a `course.Learner` that is the same for every run."""

    def __init__(self, trainer: AnyRun) -> None:
        self._trainer = trainer

    @property
    def step(self) -> int:
        """See `course.Learner.step`."""
        return self._trainer.step

    def save(self) -> None:
        """See `course.Learner.save`."""
        with full_disk_told(self._trainer.run):
            self._trainer.save()

    def keep_best(self) -> None:
        """See `course.Learner.keep_best`."""
        save_weights(self._trainer.run / BEST, self._trainer.averaged.state_dict())

    def restore(self) -> bool:
        """See `course.Learner.restore`."""
        return self._trainer.resume()

    def settle(self, _best: Measured, /) -> Measured | None:
        """See `course.Learner.settle`: nothing is looked for."""
        return None


class NormedLearner(RunLearner[AnyRun], ABC):
    """One that learns with batch norms first, and then, these folded, with INT8 simulated."""

    @abstractmethod
    def _new_trainer(self, *, norms: bool) -> AnyRun:
        """Make a run in the folder of the course; without norms it simulates INT8."""

    @property
    def _has_norms(self) -> bool:
        return any(_NORMS in name for name in self._trainer.net.state_dict())

    def restore(self) -> bool:
        """See `course.Learner.restore`."""
        path = self._trainer.run / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._trainer = self._new_trainer(norms=any(_NORMS in name for name in state["net"]))
        return self._trainer.resume()

    def _fold(self) -> None:
        """Go on without norms, from the average."""
        weights, step = self._trainer.averaged.state_dict(), self._trainer.step
        self._trainer = self._new_trainer(norms=False)
        self._trainer.net.load_state_dict(weights)
        self._trainer.begin_average()
        self._trainer.step = step
