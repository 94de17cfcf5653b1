"""The gRPC server, protected against calls for unknown methods that would end it.

`grpc.aio` decodes the path of a call as UTF-8 in the loop that accepts calls. A path that is not
UTF-8 raises there, and the whole server shuts down: one call of any client, without a token, was
enough (grpcio 1.85). Methods that are registered in advance are matched before that, by their
bytes. So all methods are registered, and every other call is refused here, without a look at its
path.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server as grpc_aio_server

from lipiyana.server.queue.pace import Pace
from lipiyana.server.telemetry.line_limit import LineLimit

NO_SUCH_METHOD = "this server has no such method: use lipiyana.v1 or grpc.health.v1"

_GRPC_LOG = "grpc._cython.cygrpc"
_log = logging.getLogger("lipiyana.server")


class _AioServer(cygrpc.AioServer):  # type: ignore[misc]
    """Refuses calls for methods that are not registered."""

    refused: Callable[[], None] | None = None
    pace: Pace

    async def _request_call(self) -> Any:
        """Wait for calls of unknown methods, and refuse them; ends with the server's shutdown."""
        loop = asyncio.get_running_loop()
        refusals: set[asyncio.Task[None]] = set()
        while True:
            state = await super()._request_call()
            task = loop.create_task(self._refuse(cygrpc._ServicerContext(state, None, None, loop)))
            refusals.add(task)
            task.add_done_callback(refusals.discard)

    async def _refuse(self, context: Any) -> None:
        if self.refused is not None:
            self.refused()
        await self.pace.turn(context.peer())
        try:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_SUCH_METHOD)
        except cygrpc.AbortError as aborted:
            aborted.__traceback__ = None  # held by the call, it would hold the call
        except cygrpc.BaseError:
            pass  # the caller has gone, or the server


def _shorten(record: logging.LogRecord) -> bool:
    """Say in few lines what callers can make gRPC log as often as they like.

    Metadata that is not UTF-8 would be quoted, tokens among it. A caller who leaves before it has
    taken its answer is an error of the server for gRPC, with a traceback.
    """
    if record.exc_info is not None and record.exc_info[0] is cygrpc.ExecuteBatchError:
        record.msg, record.args = "a caller left before it had taken its answer", ()
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        record.exc_info = record.exc_text = None
        return _not_taken.allows()
    if str(record.msg).startswith("Invalid encoding"):
        record.msg, record.args = "a call has metadata that is not UTF-8", ()
        record.exc_info = record.exc_text = None
        return _not_utf8.allows()
    return True


def _tell_not_utf8(calls: int) -> None:
    _log.error("%d calls more had metadata that is not UTF-8", calls)


def _tell_not_taken(calls: int) -> None:
    _log.info("%d callers more left before they had taken their answers", calls)


_not_taken = LineLimit(_tell_not_taken)
_not_utf8 = LineLimit(_tell_not_utf8)  # one for the process, as gRPC's log is


def make_server(
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    options: Sequence[tuple[str, int]],
    *,
    refused: Callable[[], None],
    pace: Pace,
) -> grpc.aio.Server:
    """Make a server that serves registered methods alone (`add_registered_method_handlers`).

    Args:
        interceptors: of the registered methods.
        options: of gRPC.
        refused: called for each call of an unknown method.
        pace: at which these are refused.
    """
    logging.getLogger(_GRPC_LOG).addFilter(_shorten)  # once, however often it is added
    try:
        core = _AioServer(
            cygrpc.get_working_loop(), None, (), tuple(interceptors), tuple(options), None
        )
    except TypeError:  # another version of grpcio, which may have mended it
        _log.warning("this grpcio is not known: a call with a malformed path may end the server")
        return grpc.aio.server(interceptors=interceptors, options=options)
    core.refused, core.pace = refused, pace
    server: Any = grpc_aio_server.Server.__new__(grpc_aio_server.Server)
    server._loop, server._server = cygrpc.get_working_loop(), core
    return server  # type: ignore[no-any-return]
