"""How much CPU time a picture may take to unpack.

What a header announces bounds the work of most formats. In deflated data it does not: a few bytes
make a block with code tables of its own, and a file may be full of blocks that hold next to
nothing, at several times the cost of ordinary pixels.
"""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Iterable

from lipiyana.errors import InvalidImage

_PACKED_STEP = 1 << 16
_UNPACKED_STEP = 1 << 20


class DecodingBudget:
    """CPU seconds of the thread that makes it, for one picture."""

    def __init__(self, kind: str, seconds: float) -> None:
        """Begin to count.

        Args:
            kind: the format, for the error.
            seconds: that may be spent from now on.
        """
        self._kind, self._seconds = kind, seconds
        self._ends = time.thread_time() + seconds

    def check(self) -> None:
        """Refuse to go on where the time is spent.

        Raises:
            InvalidImage: it is (IMAGE_TOO_COMPLEX).
        """
        if time.thread_time() > self._ends:
            raise InvalidImage(
                f"unpacking the {self._kind} takes more than {self._seconds:g} s of CPU time; save "
                "it again as an ordinary JPEG or PNG",
                reason="IMAGE_TOO_COMPLEX",
            )

    def file(self, data: bytes) -> io.BytesIO:
        """Give a file of the data whose `read` raises as `check` does."""
        return _MeteredFile(data, self)

    def check_streams(self, data: bytes, places: Iterable[tuple[int, int]]) -> None:
        """Unpack zlib streams to nothing, for a decoder that unpacks each in one go.

        Args:
            data: that holds the streams.
            places: offset and size of each.

        Raises:
            InvalidImage: they take too long. A damaged stream passes: the decoder tells that.
        """
        whole = memoryview(data)
        for start, size in places:
            try:
                self._unpack(whole[start : start + size])
            except zlib.error:
                continue

    def _unpack(self, packed: memoryview) -> None:
        stream = zlib.decompressobj()
        for at in range(0, len(packed), _PACKED_STEP):
            rest: bytes | memoryview = packed[at : at + _PACKED_STEP]
            while rest and not stream.eof:
                self.check()
                stream.decompress(rest, _UNPACKED_STEP)
                rest = stream.unconsumed_tail


class _MeteredFile(io.BytesIO):
    def __init__(self, data: bytes, budget: DecodingBudget) -> None:
        super().__init__(data)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        self._budget.check()
        return super().read(size)
