"""Recognizers that do not stop when they should; the picture `stuck` blocks them."""

from __future__ import annotations

import os
import threading

from served_fake import FakeRecognizer, recognition

from lipiyana.server import ServerSettings
from lipiyana.server.telemetry.metrics import Metrics
from lipiyana.types import ImageInput, Recognition, RecognitionConfig

STUCK = b"stuck"


def for_ever() -> None:
    threading.Event().wait()


class NeverReads(FakeRecognizer):
    """Never finishes the picture `stuck`; returns its process id as the text of all others."""

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        if image == STUCK:
            os.write(1, b"began\n")
            for_ever()
        return recognition(str(os.getpid()))


class BlocksTheLoop(FakeRecognizer):
    """Blocks when the server checks the config of a call, which it does on the event loop."""

    def check_config(self, config: RecognitionConfig) -> None:
        os.write(1, b"began\n")
        for_ever()


class NeverCloses(FakeRecognizer):
    def close(self) -> None:
        for_ever()


def never_reads(settings: ServerSettings, metrics: Metrics | None) -> NeverReads:
    return NeverReads()


def blocks_the_loop(settings: ServerSettings, metrics: Metrics | None) -> BlocksTheLoop:
    return BlocksTheLoop()


def never_closes(settings: ServerSettings, metrics: Metrics | None) -> NeverCloses:
    return NeverCloses()
