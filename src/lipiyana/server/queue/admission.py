"""Admission to the queue: bounds by pictures and bytes, with a reserve for light clients."""

from __future__ import annotations

from dataclasses import dataclass

from lipiyana.server.tuning import QUEUE


def open_to_one(bound: int) -> int:
    """Give how much of a bound a single client may take while there is no other client."""
    return bound - bound // QUEUE.reserve


@dataclass(slots=True)
class _Held:
    items: int = 0
    size: int = 0


class Admission:
    """Counts what was admitted and has not left, in all and by client.

    A client that floods the server may fill all but the reserve. The reserve is open to clients
    that hold no more than an equal share, counted as if one more client came. Not safe to share
    between threads.
    """

    def __init__(self, max_items: int, max_bytes: int, *, least_reserve: int = 0) -> None:
        """Admit nothing yet.

        Args:
            max_items: in all.
            max_bytes: in all.
            least_reserve: items in the reserve at least, where an eighth is less.
        """
        self._open_items = max_items - max(max_items // QUEUE.reserve, least_reserve)
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.items = 0
        self.size = 0
        self._clients: dict[str, _Held] = {}

    def refusal(self, client: str, items: int, size: int) -> str:
        """Say why `items` of `size` bytes in all are refused now; "" if they are admitted."""
        held = self._clients.get(client, _Held())
        sharers = len(self._clients) + (client not in self._clients) + 1
        bounds = (
            ("pictures", self.items, held.items, items, self.max_items, self._open_items),
            ("bytes", self.size, held.size, size, self.max_bytes, open_to_one(self.max_bytes)),
        )
        for unit, total, own, more, bound, open_ in bounds:
            if not more:  # bytes alone are no matter of pictures
                continue
            if total + more > bound:
                return f"the queue is full ({total} of {bound} {unit})"
            if total + more > open_ and (own + more) * sharers > bound:
                return f"the queue is nearly full and you have {own} {unit} in it already"
        return ""

    def enter(self, client: str, size: int, *, items: int = 1) -> None:
        """Count items of `size` bytes together; there may be bytes alone."""
        self._count(client, items, size)

    def leave(self, client: str, size: int, *, items: int = 1) -> None:
        """Remove items that entered, in the same parts or in others."""
        self._count(client, -items, -size)

    def _count(self, client: str, items: int, size: int) -> None:
        held = self._clients.setdefault(client, _Held())
        held.items += items
        held.size += size
        self.items += items
        self.size += size
        if not held.items and not held.size:
            del self._clients[client]
