"""What every fine-tuning has: who is told of it, and the folder of its course."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipiyana.errors import InvalidRequest
from lipiyana.finetuning.course import CourseState, Standing, read_state

WORK = ".finetuning"
"""Folder of the course, within that of the models to be."""

_NEEDED_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of what; every function may be left out.

    Attributes:
        on_step: what is done next, in a few words.
        on_labels: how many labels, or labelled pictures, there are.
        on_label: that one more was looked at.
        on_checked: what is left of them.
        on_standing: how far the learning is.
    """

    on_step: Callable[[str], None] = lambda _: None
    on_labels: Callable[[int], None] = lambda _: None
    on_label: Callable[[], None] = lambda: None
    on_checked: Callable[[Any], None] = lambda _: None
    on_standing: Callable[[Standing], None] = lambda _: None


def key_of(parts: Iterable[str]) -> str:
    """Tell data and base apart from others."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def begin(out: Path, key: str, *, resume: bool) -> CourseState:
    """Make the folder of the course, or find the course that was stopped there.

    Args:
        out: the folder of models to be.
        key: of data and base.
        resume: whether to go on with a course that was stopped.

    Raises:
        InvalidRequest: an unfinished course is there and `resume` is not set, or it is of other
            data or another base (UNFINISHED); the disk is nearly full (DISK_FULL).
        OSError: the folder cannot be made.
    """
    work = out / WORK
    found = read_state(work)
    if found is not None and found.seconds > 0:
        if not resume:
            raise InvalidRequest(
                f"{out} holds an unfinished fine-tuning; --resume goes on with it, another "
                f"--out begins anew, and so does removing {work}",
                field="out",
                reason="UNFINISHED",
            )
        if found.key != key:
            raise InvalidRequest(
                f"the unfinished fine-tuning in {out} is of other data or another base; name "
                f"another --out, or remove {work}",
                field="out",
                reason="UNFINISHED",
            )
        return found
    work.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(work).free < _NEEDED_BYTES:
        raise InvalidRequest(
            f"the disk of {out} has less than {_NEEDED_BYTES / 1e6:.0f} MB left, which the "
            "checkpoints need; free some space or name another --out",
            field="out",
            reason="DISK_FULL",
        )
    return CourseState(key)
