"""A queue in which one client's flood does not delay the others."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

from lipiyana.server.queue.sources import Kind, Source

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Kinds of work take turns, clients of one kind take turns, and a client's items go in order.

    So a call waits for one batched picture and one frame of a stream at most per turn of its
    client, however many of these wait. Every operation but `discard` is O(1). Not safe to share
    between threads.
    """

    def __init__(self) -> None:
        # the next in turn comes first; empty queues are removed
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
        """Remove an item that has not been taken; say whether it was there."""
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
