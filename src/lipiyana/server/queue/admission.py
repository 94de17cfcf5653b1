"""Admission to the queue: limits on pictures and bytes, with a reserve for light clients."""

from __future__ import annotations

from dataclasses import dataclass

from lipiyana.server.tuning import QUEUE


def open_to_one(bound: int) -> int:
    """The part of a limit that a single client may use while there is no other client."""
    return bound - bound // QUEUE.reserve


@dataclass(slots=True)
class _Held:
    items: int = 0
    size: int = 0


class Admission:
    """Counts the admitted items and bytes, in total and for each client.

    A client that floods the server may fill everything but the reserve. The reserve is for clients
    that hold at most an equal share, where one more client is counted than there are. Not safe to
    share between threads.
    """

    def __init__(self, max_items: int, max_bytes: int, *, least_reserve: int = 0) -> None:
        """Start with nothing admitted.

        Args:
            max_items: maximum number of items in total.
            max_bytes: maximum number of bytes in total.
            least_reserve: minimum number of items in the reserve, which is otherwise an eighth.
        """
        self._open_items = max_items - max(max_items // QUEUE.reserve, least_reserve)
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.items = 0
        self.size = 0
        self._clients: dict[str, _Held] = {}

    def refusal(self, client: str, items: int, size: int) -> str:
        """Why `items` of `size` bytes together would be rejected now; "" if they fit."""
        held = self._clients.get(client, _Held())
        sharers = len(self._clients) + (client not in self._clients) + 1
        bounds = (
            ("pictures", self.items, held.items, items, self.max_items, self._open_items),
            ("bytes", self.size, held.size, size, self.max_bytes, open_to_one(self.max_bytes)),
        )
        for unit, total, own, more, bound, open_ in bounds:
            if not more:  # a request for bytes alone is not limited by pictures
                continue
            if total + more > bound:
                return f"the queue is full ({total} of {bound} {unit})"
            if total + more > open_ and (own + more) * sharers > bound:
                return f"the queue is nearly full and you have {own} {unit} in it already"
        return ""

    def enter(self, client: str, size: int, *, items: int = 1) -> None:
        """Count items of `size` bytes together; `items` may be 0."""
        self._count(client, items, size)

    def leave(self, client: str, size: int, *, items: int = 1) -> None:
        """Remove items and bytes; they may be grouped differently from when they entered."""
        self._count(client, -items, -size)

    def _count(self, client: str, items: int, size: int) -> None:
        held = self._clients.setdefault(client, _Held())
        held.items += items
        held.size += size
        self.items += items
        self.size += size
        if not held.items and not held.size:
            del self._clients[client]
