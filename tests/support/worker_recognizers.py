"""Recognizers created in worker processes, which let tests identify the worker that answered."""

from __future__ import annotations

import os
import signal

from served_fake import FakeRecognizer, recognition

from lipiyana.errors import ModelUnavailable
from lipiyana.server import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import ImageInput, Recognition, RecognitionConfig

KILLER = b"kill"
"""Picture that kills the worker that reads it, once: the proof file marks that it has happened."""

PROOF = "LIPIYANA_TEST_PROOF"
"""Environment variable with the path of the proof file."""


class TellsPid(FakeRecognizer):
    """Returns its process id as the text of every picture."""

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


class TellsRelease(FakeRecognizer):
    """Returns as the text of every picture what the manifest said when it was made."""

    def __init__(self, release: str) -> None:
        super().__init__(digest=release)
        self.release = release

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        return recognition(self.release)


def tells_release(settings: ServerSettings, metrics: Metrics) -> TellsRelease:
    assert settings.models is not None
    release = (settings.models / "manifest.toml").read_text()
    if release == "broken":
        raise ModelUnavailable("the manifest is broken")
    return TellsRelease(release)
