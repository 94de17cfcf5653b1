"""Replaces the models of a running server when SIGHUP comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from lipiyana.errors import LipiyanaError
from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.server.server import RecognitionServer

_log = logging.getLogger("lipiyana.server")


class Reload:
    """Makes recognizers for one server, one at a time. Belongs to its event loop."""

    def __init__(self, server: RecognitionServer, make: Callable[[], ServedRecognizer]) -> None:
        """Make nothing yet.

        Args:
            server: whose recognizer is replaced.
            make: reads the folder of models and makes a recognizer; called on another thread.
        """
        self._server, self._make = server, make
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def asked_on(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """Begin to wait; return what asks for a reload, on any thread.

        What is asked for during a reload is done after it, once.
        """
        self._task = loop.create_task(self._run())

        def ask() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._asked.set)

        return ask

    async def end(self) -> None:
        """Reload no more: the server stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                recognizer = await asyncio.to_thread(self._make)
            except LipiyanaError as error:
                self._failed(error.message)
            except Exception as error:
                self._failed(type(error).__name__)
            else:
                await self._replace(recognizer)

    async def _replace(self, recognizer: ServedRecognizer) -> None:
        try:
            await self._server.reload(recognizer)
        except LipiyanaError as error:
            recognizer.close()
            self._failed(error.message)
        else:
            self._server.metrics.reloaded("ok")
            _log.info("the models were reloaded")

    def _failed(self, why: str) -> None:
        self._server.metrics.reloaded("failed")
        _log.error("the models were not reloaded, and those from before stay: %s", why)
