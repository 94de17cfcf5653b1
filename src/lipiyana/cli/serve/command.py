"""`lipiyana serve`: loads the settings and starts the server."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from lipiyana.cli.console import say_error
from lipiyana.cli.exit_codes import FAILED, USAGE
from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound
from lipiyana.server import ServerSettings
from lipiyana.server import serve as serve_until_signalled
from lipiyana.server.telemetry.logs import configure_logging
from lipiyana.variables import unread_variables

_log = logging.getLogger("lipiyana.server")


def run(config: Path | None, **arguments: Any) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        config: a file of settings.
        arguments: settings; those that are None are taken from the environment or from `config`.

    Returns:
        The exit code: 0; `CUT_OFF` if accepted calls were not answered; `USAGE` if a setting is
        invalid; `FAILED` if the server could not start and the log has the JSON format.

    Raises:
        LipiyanaError: the server could not start and the log has the text format.
    """
    try:
        settings = ServerSettings.load(config, **arguments)
    except (InvalidRequest, NotFound) as error:
        say_error(error.message)
        return USAGE
    configure_logging(settings.log_format)
    for unread in unread_variables(ServerSettings.model_fields):
        _log.warning("%s", unread)
    try:
        return serve_until_signalled(settings)
    except LipiyanaError as error:
        if settings.log_format == "text":
            raise
        # a log collector expects a JSON object in each line
        _log.error("%s", error.message, extra={"code": error.code, "reason": error.reason})
        return FAILED
