"""The open connections of the HTTP API: their number, and their end.

`max_connections` limits them. When all are taken, a new one replaces the oldest idle connection of
the client that has the most, so a client with thousands of connections only displaces itself.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from lipiyana.server.http.tuning import REST


class Connections:
    """The connections of one process. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        """Allow at most `most` connections."""
        self._most = most
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._count = 0
        self._of_client: dict[str, dict[Connection, None]] = {}  # oldest first

    def __len__(self) -> int:
        return self._count

    def admit(self, connection: Connection) -> bool:
        """Count a new connection, perhaps in place of an idle one; return whether it may stay."""
        if self._count >= self._most and not self._make_room(connection.client):
            return False
        self._of_client.setdefault(connection.client, {})[connection] = None
        self._count += 1
        self._none_left.clear()
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended. May be called again."""
        own = self._of_client.get(connection.client, {})
        if connection in own:
            del own[connection]
            self._count -= 1
            if not own:
                del self._of_client[connection.client]
            if not self._count:
                self._none_left.set()

    async def none_left(self) -> None:
        """Wait until all connections have ended."""
        await self._none_left.wait()

    def all(self) -> tuple[Connection, ...]:
        """All open connections."""
        return tuple(one for own in self._of_client.values() for one in own)

    def _make_room(self, client: str) -> bool:
        most = max(map(len, self._of_client.values()))
        greediest = [name for name, own in self._of_client.items() if len(own) == most]
        # of several with as many, a client first gives up its own
        chosen = client if client in greediest else greediest[0]
        victim = next((one for one in self._of_client[chosen] if not one.busy), None)
        if victim is None:
            return False
        victim.abort()
        self.leave(victim)
        return True


class Connection:
    """One connection; for its protocols, its transport.

    `close` first sends what is buffered, and then drops what the client still sends. A client that
    neither reads nor closes is cut off after `linger_seconds`.

    Attributes:
        client: the address of the peer without its port.
        peer: the address with its port; names the connection.
        busy: whether a request is being answered.
        has_begun: whether the task that makes the transport runs.
        upgraded: whether it is a WebSocket.
        has_unread_body: tells whether the client still sends the body of its request.
    """

    def __init__(self, client: str, peer: str, accepted: socket.socket) -> None:
        self.client = client
        self.peer = peer
        self.busy = False
        self.has_begun = False
        self.upgraded = False
        self.has_unread_body: Callable[[], bool] = lambda: False
        self._socket = accepted
        self._transport: Any = None
        self._ends_at: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._handshake: asyncio.Task[Any] | None = None

    def handshaking(self, task: asyncio.Task[Any]) -> None:
        """Note the task that makes the transport."""
        self._handshake = task

    def open(self, transport: asyncio.Transport) -> None:
        """Take the transport, once there is one."""
        self._transport = transport
        transport.set_write_buffer_limits(REST.piece_bytes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)  # everything else that protocols call

    def write(self, data: bytes) -> None:
        """Send data, unless the connection is closing."""
        if not self.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._is_closing or bool(self._transport.is_closing())

    def close(self) -> None:
        """Close the connection, once the client has what was sent."""
        if self.is_closing():
            return
        self._is_closing = True
        loop = asyncio.get_running_loop()
        self._ends_at = loop.call_later(REST.linger_seconds, self.abort)
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._transport.resume_reading()
        else:  # TLS has no half-closed connections
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.abort()
            return
        if self._handshake is not None:
            self._handshake.cancel()
        if not self.has_begun:
            self._socket.close()  # a task that is cancelled before its first step closes nothing

    def lost(self) -> None:
        """Note that the connection has ended."""
        self._is_closing = True
        if self._ends_at is not None:
            self._ends_at.cancel()
