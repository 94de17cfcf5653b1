"""Logs as text or as JSON. Neither contains what was read in a picture."""

from __future__ import annotations

import json
import logging
import time
import traceback
from typing import Any, Literal

LogFormat = Literal["text", "json"]

FIELDS = ("request_id", "rpc", "code", "reason", "seconds", "pictures", "client")
"""Attributes of records that become separate fields."""


class TextFormatter(logging.Formatter):
    """Formats a record as a line; exceptions with class and traceback, but without message."""

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Leave out the message of the exception, because it may quote a plate."""
        frames = "".join(traceback.format_tb(ei[2]))
        return f"{frames}{ei[0].__name__}" if ei[0] is not None else ""


class JsonFormatter(TextFormatter):
    """One JSON object per line: time (RFC 3339, UTC), level, logger, message, and `FIELDS`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def configure_logging(how: LogFormat) -> None:
    """Send records of INFO and above to standard error; replaces any earlier configuration."""
    handler = logging.StreamHandler()
    if how == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(TextFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
