"""Memory of this machine that a server of models reads inputs from and writes outputs to.

Triton calls it the extension `system_shared_memory`: a client makes a piece of shared memory,
registers it under a name, and a run then names places in it instead of carrying megabytes. It
needs a server on the same machine, which sees the same `/dev/shm`.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipiyana.errors import LipiyanaError
from lipiyana.inference.connection import Connection
from lipiyana.inference.tensors import Place
from lipiyana.inference.v2 import open_inference_pb2 as pb

_log = logging.getLogger("lipiyana.inference")

clock = time.monotonic

FOLDER = Path("/dev/shm")  # noqa: S108 - where Linux has what shm_open opens
EXTENSION = "system_shared_memory"

TRY_AGAIN = 30.0
"""Seconds without shared memory after it could not be used."""

_SMALLEST = 2**20
_ALIGNMENT = 64  # bytes; of a tensor in a region


class Region:
    """A piece of shared memory that the server knows. One run uses it at a time.

    Attributes:
        name: under which it is registered.
        memory: its bytes.
        unsure: whether the server may still write to it, as after a run that was given up.
    """

    def __init__(self, size: int) -> None:
        """Make a file of `size` bytes in `/dev/shm`.

        Raises:
            OSError: there is no such folder, or no memory for it.
        """
        self.name = f"lipiyana-{secrets.token_hex(12)}"
        self.unsure = False
        self._path = FOLDER / self.name
        self._used = 0
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # a file with holes would end the process with SIGBUS where the folder is full
            os.posix_fallocate(handle, 0, size)
            self.memory = mmap.mmap(handle, size)
        except BaseException:
            self.unlink()
            raise
        finally:
            os.close(handle)

    def unlink(self) -> None:
        """Remove the name; the memory stays until both sides have let it go."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    @property
    def size(self) -> int:
        """Bytes that it has."""
        return len(self.memory)

    def clear(self) -> None:
        """Begin a new run: nothing is in it."""
        self._used = 0

    def take(self, size: int) -> Place:
        """Reserve the next `size` bytes."""
        start = self._used
        self._used = start + padded(size)
        return Place(self.name, start, size)

    def view(self, place: Place) -> memoryview:
        """The bytes of a place."""
        return memoryview(self.memory)[place.offset : place.offset + place.size]

    def array(self, place: Place, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """The bytes of a place as an array."""
        return np.frombuffer(self.view(place), dtype).reshape(shape)


def padded(size: int) -> int:
    """Bytes that a tensor of `size` bytes takes in a region."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


class SharedMemory:
    """The regions that one server knows. Safe to share between threads."""

    def __init__(self, connection: Connection, most: int, timeout: float) -> None:
        """Make no region yet.

        Args:
            connection: to the server.
            most: bytes of all regions together.
            timeout: seconds of a call that registers a region.
        """
        self._connection, self._most, self._timeout = connection, most, timeout
        self._idle: list[Region] = []
        self._bytes = 0
        self._lock = threading.Lock()
        self._offered: bool | None = None
        self._rests_until = 0.0

    @contextmanager
    def region(self, size: int) -> Iterator[Region | None]:
        """Lend a region of at least `size` bytes; None where the run must do without.

        A body that raises, or says so in `unsure`, makes the region unsure: it is not used again.
        """
        region = self._borrow(size)
        try:
            yield region
        except BaseException:
            if region is not None:
                region.unsure = True
            raise
        finally:
            if region is not None:
                self._give_back(region)

    def rest(self, why: str) -> None:
        """Do without for a while, and without the regions of now: the server may not know them."""
        if clock() >= self._rests_until:
            _log.warning("tensors go over the network instead of through shared memory: %s", why)
        self._rests_until = clock() + TRY_AGAIN
        with self._lock:
            idle, self._idle = self._idle, []
            self._bytes -= sum(region.size for region in idle)

    def close(self) -> None:
        """Take the regions back from the server, as far as it answers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for region in idle:
            self._unregister(region)

    def _borrow(self, size: int) -> Region | None:
        if clock() < self._rests_until or size > self._most:
            return None
        small: list[Region] = []
        with self._lock:
            fitting = [region for region in self._idle if region.size >= size]
            if fitting:
                region = min(fitting, key=lambda region: region.size)
                self._idle.remove(region)
                region.clear()
                return region
            wanted = max(_SMALLEST, 1 << (size - 1).bit_length())
            # none of the idle ones fits: some make room for one that does
            while self._idle and self._bytes + wanted > self._most:
                small.append(self._idle.pop())
                self._bytes -= small[-1].size
            free = self._most - self._bytes
            wanted = min(wanted, free)
            if wanted >= size:
                self._bytes += wanted
        for region in small:
            self._unregister(region)
        if wanted < size:
            return None
        region_or_none = self._register(wanted)
        if region_or_none is None:
            with self._lock:
                self._bytes -= wanted
        return region_or_none

    def _give_back(self, region: Region) -> None:
        with self._lock:
            if not region.unsure and clock() >= self._rests_until:
                self._idle.append(region)
                return
            self._bytes -= region.size
        self._unregister(region)

    def _register(self, size: int) -> Region | None:
        """Make a region and tell the server; None, and a warning, where that fails."""
        try:
            if not self._offers():
                return None
            region = Region(size)
        except OSError as error:
            self.rest(f"{FOLDER}: {error.strerror}")
            return None
        except LipiyanaError as error:
            self.rest(error.message)
            return None
        request = pb.SystemSharedMemoryRegisterRequest(
            name=region.name, key=f"/{region.name}", byte_size=region.size
        )
        try:
            self._connection.ask(
                "SystemSharedMemoryRegister",
                request,
                pb.SystemSharedMemoryRegisterResponse,
                self._timeout,
            )
        except LipiyanaError as error:
            self.rest(error.message)
            return None
        finally:
            # the server has opened it, and a process that is killed leaves nothing behind
            region.unlink()
        return region

    def _offers(self) -> bool:
        """Whether the server has the extension; it is asked once."""
        if self._offered is None:
            if sys.platform != "linux":
                raise OSError(0, "only Linux has it")
            answer = self._connection.ask(
                "ServerMetadata",
                pb.ServerMetadataRequest(),
                pb.ServerMetadataResponse,
                self._timeout,
            )
            self._offered = EXTENSION in answer.extensions
            if not self._offered:
                _log.warning(
                    "%s does not offer shared memory (extension %s): tensors go over the network",
                    self._connection.options.address,
                    EXTENSION,
                )
        return self._offered

    def _unregister(self, region: Region) -> None:
        request = pb.SystemSharedMemoryUnregisterRequest(name=region.name)
        with contextlib.suppress(LipiyanaError):
            self._connection.ask(
                "SystemSharedMemoryUnregister",
                request,
                pb.SystemSharedMemoryUnregisterResponse,
                self._timeout,
            )
