"""Admits calls by their tokens, whichever transport brought them.

Calls without a valid token are rejected before any message is received.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from lipiyana.errors import Unauthenticated
from lipiyana.server.calls.calls import log_call, request_id_of
from lipiyana.server.security.callers import Entry
from lipiyana.server.security.tokens import Tokens
from lipiyana.server.telemetry.line_limit import LineLimit
from lipiyana.server.telemetry.metrics import Metrics

_log = logging.getLogger("lipiyana.server")


class Access:
    """The door of one server."""

    def __init__(self, tokens: Tokens, metrics: Metrics) -> None:
        self._tokens = tokens
        self._metrics = metrics
        self._lines = LineLimit(_tell_refused)

    def admit(self, rpc: str, metadata: Mapping[str, str]) -> Entry:
        """Find the key of a call; a rejected call is counted and logged.

        Raises:
            Unauthenticated: there is no token, or it is unknown.
        """
        # called for each picture, so that changes of the file apply to open streams too
        authenticate = partial(self._tokens.authenticate, metadata)
        try:
            return Entry(authenticate().name, authenticate)
        except Unauthenticated as error:
            self._metrics.call_ended(rpc, error.code, None)
            if self._lines.allows():
                log_call(request_id_of(metadata), rpc, error.code, error.reason)
            raise


def _tell_refused(calls: int) -> None:
    _log.info("%d more calls were rejected because of their token", calls)
