"""Makes the HTTP server of `lipiyana serve --http-port`.

The rest of `server` imports only this module of the HTTP API, and only if it is wanted: FastAPI and
uvicorn are of the extra `http`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lipiyana.errors import MissingExtra

try:
    import fastapi  # noqa: F401
    import uvicorn  # noqa: F401
    import websockets  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("http", "http_port") from error

from lipiyana.server.calls.recognition import Recognitions
from lipiyana.server.http.app import RestApp
from lipiyana.server.http.models import models_of
from lipiyana.server.http.port.listener import HttpListener
from lipiyana.server.queue.pace import Pace
from lipiyana.server.security.access import Access
from lipiyana.server.settings.model import ServerSettings


def bind_http(
    settings: ServerSettings,
    recognizer: Callable[[], Any],
    recognitions: Recognitions,
    *,
    access: Access | None,
    pace: Pace,
    is_ready: Callable[[], bool],
) -> HttpListener:
    """Bind `settings.http_port`, which is not None; nothing is accepted before `start`.

    `recognizer` gives what reads the pictures now.

    Raises:
        InvalidRequest: the port is in use (PORT_IN_USE), or the TLS files are invalid
            (INVALID_SETTINGS).
    """
    app = RestApp(
        recognitions,
        settings,
        access=access,
        pace=pace,
        is_ready=is_ready,
        models=lambda: models_of(recognizer(), settings),
    )
    return HttpListener(app, settings, settings.http_port or 0)
