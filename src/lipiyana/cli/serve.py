"""`lipiyana serve`."""

from __future__ import annotations

import logging
from pathlib import Path

import typer

from lipiyana.cli.exit_codes import FAILED
from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.server import ServerSettings
from lipiyana.server import serve as serve_until_signalled
from lipiyana.server.logs import configure_logging

_log = logging.getLogger("lipiyana.server")


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

    Gives the exit code: 0, `CUT_OFF` where accepted calls were not answered, or `FAILED` where the
    server could not start and the log, of JSON, says why.

    Raises:
        typer.BadParameter: a setting makes no sense.
        LipiyanaError: the server cannot start, and the log is of text.
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
    try:
        return serve_until_signalled(settings)
    except LipiyanaError as error:
        if settings.log_format == "text":
            raise
        # whoever collects the lines expects an object in each
        _log.error("%s", error.message, extra={"code": error.code, "reason": error.reason})
        return FAILED
