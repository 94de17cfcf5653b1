"""A queue in which one client's flood does not delay the others."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

from lipiyana.server.queue.sources import Kind, Source

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Round-robin over kinds of work, then over the clients of a kind; a client's items are FIFO.

    So in each turn of its client, a call waits for at most one picture of a batch and one frame of
    a stream, however many of these wait. All operations except `discard` are O(1). Not safe to
    share between threads.
    """

    def __init__(self) -> None:
        # the next in turn is first; empty queues are removed
        self._kinds: OrderedDict[Kind, OrderedDict[str, deque[T]]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, source: Source, item: T) -> None:
        """Add an item behind those of its source."""
        self._kinds.setdefault(source.kind, OrderedDict()).setdefault(
            source.client, deque()
        ).append(item)
        self._length += 1

    def take(self) -> T:
        """Take the item whose turn it is.

        Raises:
            IndexError: the queue is empty.
        """
        if not self._kinds:
            raise IndexError("the queue is empty")
        kind, clients = next(iter(self._kinds.items()))
        client, items = next(iter(clients.items()))
        item = items.popleft()
        clients.move_to_end(client)
        self._kinds.move_to_end(kind)
        self._length -= 1
        self._forget_if_empty(Source(kind, client))
        return item

    def discard(self, source: Source, item: T) -> bool:
        """Remove an item that was not taken yet; return whether it was in the queue."""
        try:
            self._kinds[source.kind][source.client].remove(item)
        except (KeyError, ValueError):
            return False
        self._length -= 1
        self._forget_if_empty(source)
        return True

    def _forget_if_empty(self, source: Source) -> None:
        clients = self._kinds[source.kind]
        if not clients[source.client]:
            del clients[source.client]
        if not clients:
            del self._kinds[source.kind]
