"""The recognizer that a command uses: in this process, or a server's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipiyana.recognizer import Recognizer

CALLS_IN_FLIGHT = 8
"""Default of calls to a server at a time: enough for it to batch, too few to fill its queue."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A recognizer, and how many pictures to give it at a time."""

    recognizer: Recognizer
    workers: int


def connect(server: str, workers: int | None) -> Chosen:
    """Use a server, `HOST:PORT`."""
    from lipiyana.client import Client

    return Chosen(Client(server), workers or CALLS_IN_FLIGHT)


def in_process(models: Path | None, workers: int | None, pictures: int) -> Chosen:
    """Use this process, whose CPUs the workers share.

    Pictures side by side beat threads within one, so there is a worker a CPU; where there are
    fewer `pictures` than CPUs each gets more threads.

    Raises:
        ModelUnavailable: `models` has no manifest.
    """
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.runtime import available_threads

    cpus = available_threads()
    chosen = workers or max(1, min(cpus, pictures))
    recognizer = LocalRecognizer(models_dir=models, threads=max(1, cpus // chosen))
    return Chosen(recognizer, chosen)
