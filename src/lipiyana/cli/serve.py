"""`lipiyana serve`."""

from __future__ import annotations

from pathlib import Path

import typer

from lipiyana.errors import InvalidRequest
from lipiyana.server import ServerSettings
from lipiyana.server import serve as serve_until_signalled
from lipiyana.server.logs import configure_logging


def run(
    host: str | None,
    port: int | None,
    metrics_port: int | None,
    models: Path | None,
    config: Path | None,
    workers: int | None,
    log_format: str | None,
    keep_unsure: Path | None,
) -> int:
    """Serve until SIGTERM or Ctrl-C; what is None comes from the environment or from `config`.

    Gives the exit code: 0, or `CUT_OFF` where accepted calls were not answered.

    Raises:
        typer.BadParameter: a setting makes no sense.
        LipiyanaError: the server cannot start.
    """
    try:
        settings = ServerSettings.load(
            config,
            host=host,
            port=port,
            metrics_port=metrics_port,
            models=models,
            workers=workers,
            log_format=log_format,
            keep_unsure=keep_unsure,
        )
    except InvalidRequest as error:
        raise typer.BadParameter(error.message) from error
    configure_logging(settings.log_format)
    return serve_until_signalled(settings)
