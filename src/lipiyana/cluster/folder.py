"""The folder of a run, on disk or in a store: where its files lie, and how one gets its place.

A file is staged under a name that nothing reads, and then moved; names that begin with `_` are
passed over by what reads folders of Parquet.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

from lipiyana.cluster.addresses import open_store, scheme_of
from lipiyana.files import open_regular, write_atomically

if sys.platform != "win32":
    import fcntl

OWN = "_lipiyana"
"""Subfolder of what belongs to no reader: staged files, the lock."""

_STAGED = f"{OWN}/staged"
_LOCK = f"{OWN}/lock"


def new_name() -> str:
    """A name that nothing else has."""
    return os.urandom(6).hex()


class TakenError(Exception):
    """Another run writes to the folder."""


class Folder(Protocol):
    """A folder of files. It can be pickled, for the workers."""

    def names(self) -> list[str]:
        """The names of its Parquet files, sorted; not those of subfolders."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open one of its files."""
        ...

    def stage(self, run: str, name: str, data: bytes) -> None:
        """Write a file that does not count yet."""
        ...

    def begin(self, run: str, batch: int) -> int:
        """Note that a worker begins a batch; return how many have begun it before."""
        ...

    def publish(self, run: str, name: str) -> None:
        """Move a staged file to its place, all at once.

        Raises:
            FileNotFoundError: it is not there.
            TakenError: another run has taken the folder.
        """
        ...

    def take(self, run: str, held: ExitStack) -> None:
        """Make the folder that of a run until `held` is closed; remove what others staged.

        Raises:
            TakenError: another run has it.
        """
        ...

    def is_taken_by(self, run: str) -> bool:
        """Whether the folder is that of a run, seen from this machine."""
        ...


def folder_at(address: str) -> Folder:
    """The folder of a path or of an address."""
    if scheme_of(address):
        return StoreFolder(address.rstrip("/"))
    return LocalFolder(Path(address).absolute())


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of a file system that all machines see at the same path."""

    path: Path

    def names(self) -> list[str]:  # noqa: D102
        return sorted(
            one.name
            for one in self.path.iterdir()
            if one.suffix == ".parquet" and not one.name.startswith((".", "_"))
        )

    def open(self, name: str) -> IO[bytes]:  # noqa: D102
        return open_regular(self.path / name)

    def stage(self, run: str, name: str, data: bytes) -> None:  # noqa: D102
        write_atomically(self.path / _STAGED / run / name, data)

    def begin(self, run: str, batch: int) -> int:  # noqa: D102
        noted = self.path / _STAGED / run / f"begun-{batch}"
        noted.mkdir(exist_ok=True)
        before = sum(1 for _ in noted.iterdir())
        (noted / new_name()).touch()
        return before

    def publish(self, run: str, name: str) -> None:  # noqa: D102
        (self.path / _STAGED / run / name).rename(self.path / name)

    def take(self, run: str, held: ExitStack) -> None:
        """Lock a file, so that a run that is killed leaves no lock."""
        (self.path / OWN).mkdir(parents=True, exist_ok=True)
        lock = held.enter_context((self.path / _LOCK).open("a+b"))
        if sys.platform != "win32":
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TakenError(f"another run is writing to {self.path}") from error
        # a worker of a run that was killed may still write there, and is in nobody's way
        shutil.rmtree(self.path / _STAGED, ignore_errors=True)
        (self.path / _STAGED / run).mkdir(parents=True)
        held.callback(shutil.rmtree, self.path / _STAGED, ignore_errors=True)

    def is_taken_by(self, run: str) -> bool:  # noqa: D102
        return (self.path / _STAGED / run).is_dir()


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """A prefix of a store.

    Stores have no locks. A run writes its name into a file, and stops when it finds another one's
    there: the later run goes on. Two runs that begin within the same moment are not told apart.
    """

    address: str

    def names(self) -> list[str]:  # noqa: D102
        store, root = open_store(self.address)
        try:
            found = [str(path).rpartition("/")[2] for path in store.ls(root, detail=False)]
        except FileNotFoundError:  # a prefix without files does not exist
            return []
        return sorted(
            name for name in found if name.endswith(".parquet") and not name.startswith((".", "_"))
        )

    def open(self, name: str) -> IO[bytes]:  # noqa: D102
        store, root = open_store(self.address)
        return cast("IO[bytes]", store.open(f"{root}/{name}", "rb"))

    def stage(self, run: str, name: str, data: bytes) -> None:  # noqa: D102
        store, root = open_store(self.address)
        store.pipe_file(f"{root}/{_STAGED}/{run}/{name}", data)

    def begin(self, run: str, batch: int) -> int:  # noqa: D102
        store, root = open_store(self.address)
        noted = f"{root}/{_STAGED}/{run}/begun-{batch}"
        try:
            before = len(store.ls(noted, detail=False))
        except FileNotFoundError:
            before = 0
        store.pipe_file(f"{noted}/{new_name()}", b"begun")
        return before

    def publish(self, run: str, name: str) -> None:  # noqa: D102
        store, root = open_store(self.address)
        if not self.is_taken_by(run):
            raise TakenError(f"another run has taken over {self.address}")
        store.mv(f"{root}/{_STAGED}/{run}/{name}", f"{root}/{name}")

    def take(self, run: str, held: ExitStack) -> None:  # noqa: D102
        store, root = open_store(self.address)
        self._remove(store, f"{root}/{_STAGED}")
        store.pipe_file(f"{root}/{_LOCK}", run.encode())
        held.callback(self._remove, store, f"{root}/{_STAGED}/{run}")

    def is_taken_by(self, run: str) -> bool:  # noqa: D102
        store, root = open_store(self.address)
        with suppress(FileNotFoundError):
            return bool(store.cat_file(f"{root}/{_LOCK}") == run.encode())
        return False

    @staticmethod
    def _remove(store: Any, path: str) -> None:
        with suppress(OSError):
            store.rm(path, recursive=True)
