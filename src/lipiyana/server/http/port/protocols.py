"""uvicorn's protocols for HTTP/1.1 and WebSocket, with bounds on what a client can make them do."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame

from lipiyana.server.http.port.connections import Connection, Connections
from lipiyana.server.http.tuning import REST

_CHUNKED = b"transfer-encoding"
_LENGTHS = {_CHUNKED, b"content-length"}


class State(ServerState):
    """What the connections of one server share."""

    def __init__(self, connections: Connections) -> None:
        self.open = connections
        self._date = (0, b"")
        super().__init__()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = now, formatdate(now, usegmt=True).encode()
        return [(b"date", self._date[1])]

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """Ignore the empty list that uvicorn sets at first."""


class _BoundedH11(h11.Connection):
    """Refuses bodies of many tiny chunks, of ambiguous length, and heads that are too long."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, REST.head_bytes)
        self._chunks = self._chunk_bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._chunk_bytes += len(event.data)
            many = self._chunks - REST.free_chunks
            if many > 0 and self._chunk_bytes < many * REST.mean_chunk_bytes:
                raise h11.RemoteProtocolError("too many small chunks")
        elif isinstance(event, h11.Request):
            self._chunks = self._chunk_bytes = 0
            if event.http_version not in {b"1.0", b"1.1"}:
                raise h11.RemoteProtocolError("another version of HTTP")
            lengths = {name for name, _ in event.headers} & _LENGTHS
            if len(lengths) > 1 or (_CHUNKED in lengths and event.http_version == b"1.0"):
                # a proxy in front may go by the other, and take the body for requests
                raise h11.RemoteProtocolError("two lengths")
            size = len(event.target) + sum(len(k) + len(v) + 4 for k, v in event.headers)
            if size > REST.head_bytes:
                raise h11.RemoteProtocolError("headers too long", error_status_hint=431)
        return event


class HttpProtocol(H11Protocol):
    """One connection of HTTP/1.1."""

    transport: Any

    def __init__(self, config: Config, state: State, connection: Connection) -> None:
        """Wait for the transport; `connection` is in the scope's state of each request."""
        super().__init__(config, state, {"connection": connection})
        self.conn = _BoundedH11()
        self.access_log = False
        self._state = state
        self._connection = connection
        self._idle: asyncio.TimerHandle | None = None
        connection.has_unread_body = self._has_unread_body

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        self._connection.open(transport)
        super().connection_made(self._connection)  # type: ignore[arg-type]
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free everything."""
        self._connection.lost()
        self._state.open.leave(self._connection)
        super().connection_lost(exc)
        self._stop_watch()

    def data_received(self, data: bytes) -> None:
        """Parse; after the last answer, drop the data."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over."""
        self._stop_watch()
        self._connection.busy = True
        early, _ = self.conn.trailing_data
        super().handle_websocket_upgrade(event)
        if early:  # the client has not waited for the answer
            self.transport.get_protocol().data_received(early)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer a request that is no HTTP/1.1; `msg` is uvicorn's."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.cycle is None or not self.cycle.response_started:
            self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def shutdown(self) -> None:
        """Close the connection, if it is busy after its answer."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def timeout_keep_alive_handler(self) -> None:
        """Do nothing: `_watch` limits this time, whatever the client sends."""

    def _has_unread_body(self) -> bool:
        return self.cycle is not None and self.cycle.more_body

    def _watch(self) -> None:
        """Limit the time without a complete request head."""
        if self._connection.upgraded:
            return
        self._connection.busy = self.cycle is not None and not self.cycle.response_complete
        if self._connection.busy or self.transport.is_closing():
            self._stop_watch()
        elif self._idle is None:
            self._idle = self.loop.call_later(REST.request_seconds, self.transport.close)

    def _stop_watch(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


_BODY = (
    b'{"type":"about:blank","title":"Bad Request","status":400,"detail":"this is no HTTP/1.1 '
    b'request, or its head or its chunks break a limit","code":"INVALID_ARGUMENT",'
    b'"reason":"UNPARSABLE_MESSAGE"}'
)
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)


class StreamProtocol(WebSocketsSansIOProtocol):
    """One WebSocket. A message is read only while the application waits for one.

    Control frames, fragments and the bytes before the first message are limited.
    """

    transport: Any

    def __init__(self, config: Config, server_state: State, app_state: dict[str, Any]) -> None:
        """Wait for the transport."""
        super().__init__(config, server_state, app_state)
        self._state = server_state
        self._connection: Connection = app_state["connection"]
        self._unparsed = bytearray()
        self._is_wanted = True  # the request of the handshake
        self._is_scheduled = False
        self._first_bytes = 0  # -1 after the first message
        self._fragments = 0
        self._paid_until = 0.0

    def connection_made(self, transport: Any) -> None:
        """Take over the connection."""
        self._connection.upgraded = True
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free everything."""
        self._connection.lost()
        self._state.open.leave(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a slice now, and the rest when the application wants it."""
        if self.transport.is_closing():
            return
        self._unparsed += data
        if not self._is_scheduled:
            self._parse()

    async def receive(self) -> Any:
        """Wait for a message."""
        if self.queue.empty():
            self._is_wanted = True
            self._schedule()
        try:
            return await self.queue.get()
        finally:
            self._is_wanted = False

    async def send(self, message: Any) -> None:
        """Send a message; after a close frame, read until the client has answered it."""
        await super().send(message)
        if self.close_sent:
            self._schedule()

    def handle_connect(self, event: Any) -> None:
        """Start the application, and read no more until it wants the first message."""
        super().handle_connect(event)
        self._is_wanted = False

    def send_receive_event_to_app(self) -> None:
        """Pass a message on, and read no more until the application wants the next."""
        super().send_receive_event_to_app()
        self._is_wanted = False
        self._fragments = 0
        self._first_bytes = -1

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment."""
        self._fragments += 1
        if self._fragments > REST.fragments:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping."""
        super().handle_ping()
        self._count_control()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        super().handle_pong(event)
        self._count_control()

    def _count_control(self) -> None:
        now = self.loop.time()
        self._paid_until = max(self._paid_until, now) + 1 / REST.control_frames_per_second
        allowed = REST.control_frames_at_once / REST.control_frames_per_second
        if self._paid_until - now > allowed:
            self._fail(CloseCode.POLICY_VIOLATION, "too many control frames")

    def _fail(self, code: CloseCode, reason: str) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._parse)

    def _parse(self) -> None:
        self._is_scheduled = False
        if self.transport.is_closing():
            self._unparsed.clear()
            return
        is_wanted = self._is_wanted or self.close_sent
        if is_wanted and self._unparsed:
            data = bytes(self._unparsed[: REST.slice_bytes])
            del self._unparsed[: REST.slice_bytes]
            if self._first_bytes >= 0:
                self._first_bytes += len(data)
                if self._first_bytes > REST.config_bytes + REST.head_bytes:
                    self._fail(CloseCode.MESSAGE_TOO_BIG, "the first message is too long")
                    return
            super().data_received(data)
            if self.transport.is_closing():
                return
            is_wanted = self._is_wanted or self.close_sent
        if not is_wanted or self._unparsed:
            self.transport.pause_reading()
            if is_wanted:
                self._schedule()
        else:
            self.read_paused = False
            self.transport.resume_reading()
