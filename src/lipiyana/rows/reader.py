"""`RowReader`: reads pictures into rows, in this process or in the workers of an engine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipiyana.arguments import config_of
from lipiyana.conversions.visible_text import printable
from lipiyana.errors import (
    InternalError,
    LipiyanaError,
    MissingExtra,
    ModelUnavailable,
    Overloaded,
    Unauthenticated,
    Unavailable,
)
from lipiyana.files import read_picture_file
from lipiyana.recognizer import Recognizer
from lipiyana.rows.provenance import Provenance, digests, options_of
from lipiyana.rows.retry import RETRY, RetryPolicy
from lipiyana.rows.row import Row
from lipiyana.types import RecognitionConfig

if TYPE_CHECKING:
    from lipiyana.images.loading import ImageLimits
    from lipiyana.pipeline import LocalRecognizer

STOPPING: Final = (MissingExtra, ModelUnavailable, Overloaded, Unauthenticated, Unavailable)
"""Errors that do not depend on the picture: the next picture would fail too."""

STOPPING_CODES: Final = frozenset(kind.code for kind in STOPPING)


class RowReader:
    """Reads pictures into rows. May be shared between threads.

    It can be pickled, so an engine may send it to its workers. Models are not part of the pickle:
    they are loaded on first use, once in each process, however many readers are unpickled there.
    What the environment of this process says (LIPIYANA_MODELS, LIPIYANA_MAX_PIXELS) holds for the
    workers too. If `provenance` was read before, a worker that has other models raises an error.

    Examples:
        >>> from lipiyana.rows import RowReader
        >>> reader = RowReader(RecognitionConfig(layout="plate"))
        >>> names = ["samples/plates/01_standard_1row.jpg", "missing.jpg"]
        >>> for row in reader.read_paths(names):
        ...     columns = row.columns()
        ...     print(columns["path"], columns["error_code"], len(columns["plates"] or ()))
        samples/plates/01_standard_1row.jpg None 1
        missing.jpg NOT_FOUND 0
    """

    def __init__(
        self,
        config: RecognitionConfig | None = None,
        *,
        models: str | os.PathLike[str] | None = None,
        threads: int | None = 1,
        recognizer: Recognizer | None = None,
        retry: RetryPolicy = RETRY,
    ) -> None:
        """Say what to look for; no model is loaded yet.

        Args:
            config: what to look for; by default everything in a scene.
            models: folder of models that take precedence over the built-in ones, by default that
                of LIPIYANA_MODELS. Workers on other machines need it under the same path.
            threads: that a model uses; None for all CPUs of the process. Engines run several
                workers on a machine, so the default is 1.
            recognizer: reads the pictures, instead of a `LocalRecognizer` of this reader. It is
                part of the pickle.
            retry: how calls that a busy server rejects are repeated.

        Raises:
            InvalidRequest: LIPIYANA_MAX_PIXELS is no number of pixels.
        """
        self.config = config_of(config)
        self._given = recognizer
        self._retry = retry
        self._provenance: Provenance | None = None
        self._local = None if recognizer is not None else _local_arguments(models, threads)

    @property
    def provenance(self) -> Provenance:
        """What the rows depend on: versions, digests of models, options.

        Raises:
            ModelUnavailable: the folder of models has no valid manifest.
        """
        if self._provenance is None:
            self._provenance = self._current_provenance()
        return self._provenance

    def read(self, pictures: Iterable[tuple[str, bytes | LipiyanaError]]) -> Iterator[Row]:
        """Read pictures; yield a row for each, in order.

        Args:
            pictures: the path of each picture, as `os.fsdecode` gives it, with its bytes, or with
                the error of reading them.

        Yields:
            Rows. A picture that fails, even by an unexpected exception, is a row with its error.

        Raises:
            LipiyanaError: one of `STOPPING`, which all other pictures would meet too.
        """
        for path, picture in pictures:
            yield _unless_stopping(self.read_picture(path, picture))

    def read_paths(self, paths: Iterable[str]) -> Iterator[Row]:
        """Open and read files; yield a row for each, as `read` does."""
        for path in paths:
            yield _unless_stopping(self.read_file(path))

    def read_file(self, path: str) -> Row:
        """Open and read one file; see `read_picture`."""
        return self.read_picture(path, _bytes_or_error(path))

    def read_picture(self, path: str, picture: bytes | LipiyanaError) -> Row:
        """Read one picture. Any error is that of the row, also one of `STOPPING`."""
        name = printable(path)
        if isinstance(picture, LipiyanaError):
            return Row(name, None, picture)
        digest = hashlib.sha256(picture).hexdigest()
        try:
            recognize = partial(self._recognizer().recognize, picture, self.config)
            return Row(name, digest, self._retry.call(recognize))
        except LipiyanaError as error:
            return Row(name, digest, error)
        except Exception as error:  # a bug must not lose the other pictures
            return Row(name, digest, _internal(error))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_checked": False}

    _checked = True
    """Whether the models of this process are known to be those of `provenance`."""

    def _recognizer(self) -> Recognizer:
        if self._local is None:
            assert self._given is not None  # noqa: S101 - one of both is there
            return self._given
        if not self._checked:
            if self._provenance is not None:
                difference = self._current_provenance().difference(self._provenance)
                if difference:
                    raise ModelUnavailable(
                        f"this process would read otherwise than the one that made the reader: "
                        f"rows there are written {difference}; install the same on all machines",
                        reason="OTHER_MODELS",
                    )
            self._checked = True
        return _local_recognizer(*self._local)

    def _current_provenance(self) -> Provenance:
        options = options_of(self.config)
        recognizer = self._given if self._local is None else _local_recognizer(*self._local)
        models = digests(getattr(recognizer, "models", ()))
        if not models:  # a server does not tell them
            return Provenance(options=options)
        from lipiyana.pipeline import PIPELINE_VERSION

        return Provenance(pipeline=PIPELINE_VERSION, models=models, options=options)


def _bytes_or_error(path: str) -> bytes | LipiyanaError:
    try:
        return read_picture_file(path)
    except LipiyanaError as error:
        return error
    except Exception as error:
        return _internal(error)


def _internal(error: Exception) -> InternalError:
    return InternalError(f"{type(error).__name__}: {error}")


def _unless_stopping(row: Row) -> Row:
    if isinstance(row.outcome, STOPPING):
        raise row.outcome
    return row


def _local_arguments(
    models: str | os.PathLike[str] | None, threads: int | None
) -> tuple[str | None, int | None, ImageLimits]:
    from lipiyana.images.loading import environment_limits
    from lipiyana.runtime.store import MODELS_VARIABLE

    folder = models or os.environ.get(MODELS_VARIABLE) or None
    # a worker may run in another folder
    return folder and str(Path(folder).absolute()), threads, environment_limits()


@lru_cache(maxsize=4)
def _local_recognizer(
    models: str | None, threads: int | None, limits: ImageLimits
) -> LocalRecognizer:
    """The recognizer that all readers of these arguments share in this process."""
    from lipiyana.images.decoders import quiet_decoders
    from lipiyana.pipeline import LocalRecognizer

    quiet_decoders()
    return LocalRecognizer(models_dir=models, threads=threads, limits=limits)
