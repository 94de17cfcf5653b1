"""The rows of a folder: which pictures have one, and which files count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from lipiyana.cluster.addresses import error_of_store, scheme_of
from lipiyana.cluster.folder import TakenError, folder_at
from lipiyana.cluster.inputs import Picture
from lipiyana.cluster.worker import Staged, error_of_writing
from lipiyana.conversions.visible_text import printable
from lipiyana.errors import InternalError
from lipiyana.rows.output import OutputError
from lipiyana.rows.provenance import Provenance

_DIGEST_BYTES = 16


class OutputFolder:
    """A folder of Parquet files that one run at a time adds to.

    It has the digest of each path that has a row or is being read, about 0.1 kB, so that no
    picture is read twice however often it is listed.

    Raises:
        OutputError: on entering: another run writes there, the folder has rows and `resume` is
            False, its rows are not like those of this run, or it cannot be used.
    """

    def __init__(self, address: str, run: str, provenance: Provenance, *, resume: bool) -> None:
        self.address = address
        self.folder = folder_at(address)
        self.rows = 0
        """Rows of earlier runs."""
        self.failed = 0
        """Those of them with an error."""
        self.run = run
        self._provenance = provenance
        self._resume = resume
        self._seen: set[bytes] = set()
        self._held = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.folder.take(self.run, self._held)
            self._read_earlier()
        except BaseException as error:
            self._held.close()
            if isinstance(error, TakenError):
                raise OutputError(str(error)) from error
            if isinstance(error, OSError) and not scheme_of(self.address):
                raise OutputError(f"cannot use {self.address}: {error.strerror}") from error
            if isinstance(error, Exception) and not isinstance(error, OutputError):
                why = error_of_store(error, self.address).message
                raise OutputError(f"cannot use {self.address}: {why}") from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    def new(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Leave out the pictures whose path has a row, and all but the first of a path."""
        for picture in pictures:
            digest = _digest(printable(picture.path))
            if digest not in self._seen:
                self._seen.add(digest)
                yield picture

    def publish(self, staged: Staged) -> None:
        """Make the rows of a batch count.

        Raises:
            OutputError: another run has taken over the folder.
            LipiyanaError: the file is not there, or cannot be moved.
        """
        try:
            self.folder.publish(self.run, staged.name)
        except TakenError as error:
            raise OutputError(str(error)) from error
        except FileNotFoundError as error:
            raise InternalError(
                "a worker wrote a file that this machine does not see: --output must be on "
                "storage that all machines of the cluster share"
            ) from error
        except Exception as error:
            raise error_of_writing(error) from error

    def _read_earlier(self) -> None:
        for name in self.folder.names():
            if not self._resume:
                raise OutputError(
                    f"{self.address} has rows already: continue it with --resume, or name another "
                    "folder"
                )
            for path, code in self._rows_of(name):
                self._seen.add(_digest(path))
                self.rows += 1
                self.failed += code is not None

    def _rows_of(self, name: str) -> Iterator[tuple[str, str | None]]:
        try:
            with self.folder.open(name) as file:
                parquet = pq.ParquetFile(file)
                earlier = Provenance.from_metadata(parquet.schema_arrow.metadata)
                if difference := self._provenance.difference(earlier):
                    raise OutputError(
                        f"the rows of {self.address} were written {difference}: use the same, or "
                        "name another folder"
                    )
                for batch in parquet.iter_batches(columns=["path", "error_code"]):
                    yield from zip(
                        batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True
                    )
        except (pa.ArrowException, ValueError, IndexError) as error:
            raise OutputError(
                f"cannot continue {self.address}: {name} is no file of rows: {error}"
            ) from error


def _digest(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=_DIGEST_BYTES).digest()
