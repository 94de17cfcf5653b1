"""Base classes for learners that wrap a training run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from lipiyana.learning.finetune.common.course import Measured
from lipiyana.learning.finetune.common.saving import BEST, disk_full_as_oserror, save_weights
from lipiyana.learning.trainer.run import Recipe, Run

AnyRun = TypeVar("AnyRun", bound=Run[Any])

_NORMS = ".norm."


@dataclass(frozen=True, slots=True)
class LearnerRecipe:
    """Settings of a learner.

    Attributes:
        training: hyperparameters of the training run.
        workers: number of processes that make training examples.
        threads: number of threads for the network.
    """

    training: Recipe
    workers: int = 1
    threads: int = 1


class RunLearner(Generic[AnyRun]):
    """The methods of `course.Learner` that are the same for every training run."""

    def __init__(self, trainer: AnyRun) -> None:
        self._trainer = trainer

    @property
    def step(self) -> int:
        """See `course.Learner.step`."""
        return self._trainer.step

    def save(self) -> None:
        """See `course.Learner.save`."""
        with disk_full_as_oserror(self._trainer.run):
            self._trainer.save()

    def keep_best(self) -> None:
        """See `course.Learner.keep_best`."""
        save_weights(self._trainer.run / BEST, self._trainer.averaged.state_dict())

    def restore(self) -> bool:
        """See `course.Learner.restore`."""
        return self._trainer.resume()

    def settle(self, _best: Measured, /) -> Measured | None:
        """See `course.Learner.settle`: this one never replaces the best model."""
        return None


class NormedLearner(RunLearner[AnyRun], ABC):
    """A learner that trains with batch norms first; then it folds them and simulates INT8."""

    @abstractmethod
    def _new_trainer(self, *, norms: bool) -> AnyRun:
        """Make a run in the course's folder, either with batch norms or with INT8 simulated."""

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
        """Continue without batch norms, from the moving average."""
        weights, step = self._trainer.averaged.state_dict(), self._trainer.step
        self._trainer = self._new_trainer(norms=False)
        self._trainer.net.load_state_dict(weights)
        self._trainer.reset_average()
        self._trainer.step = step
