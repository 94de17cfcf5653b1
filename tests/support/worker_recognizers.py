"""Recognizers that worker processes make for themselves, so that tests can tell them apart."""

from __future__ import annotations

import os
import signal

from served_fake import FakeRecognizer, recognition

from lipiyana.errors import ModelUnavailable
from lipiyana.server import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import ImageInput, Recognition, RecognitionConfig

KILLER = b"kill"
"""The worker that is to read this dies while it does, once: the file of this name is the proof."""

PROOF = "LIPIYANA_TEST_PROOF"
"""Variable that names that file."""


class TellsPid(FakeRecognizer):
    """Reads in every picture the number of its own process."""

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        if image == KILLER:
            try:
                os.close(os.open(os.environ[PROOF], os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return recognition(str(os.getpid()))


def tells_pid(settings: ServerSettings, metrics: Metrics) -> TellsPid:
    return TellsPid()


def cannot_start(settings: ServerSettings, metrics: Metrics) -> TellsPid:
    raise ModelUnavailable("no model here")
