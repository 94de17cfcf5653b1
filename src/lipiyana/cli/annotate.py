"""`lipiyana annotate`: writes copies of pictures with the results drawn on them."""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePath

from PIL import Image

from lipiyana.annotation import draw
from lipiyana.cli import recognizers
from lipiyana.cli.console import say_error, say_warning, stderr
from lipiyana.cli.exit_codes import DONE, FAILED, USAGE
from lipiyana.cli.progress import RunProgress
from lipiyana.cli.read.run import map_in_order
from lipiyana.cli.sources import (
    PEEK,
    Source,
    lies_in,
    list_pictures,
    no_picture_found,
    refuse_inputs_in,
    say_ignored,
)
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import LipiyanaError, NotFound, PermissionDenied
from lipiyana.files import read_picture_file, write_atomically
from lipiyana.images.loading import ImageLimits, decode, environment_limits
from lipiyana.recognizer import Recognizer
from lipiyana.rows.reader import STOPPING
from lipiyana.rows.retry import RETRY
from lipiyana.types import RecognitionConfig

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


@dataclass(frozen=True, slots=True)
class _Copy:
    """A picture and where its copy goes; the name is chosen in the order of the pictures."""

    source: Source
    target: Path


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a copy was not written, and whether that is the same for all other pictures."""

    message: str
    stops: bool = False


def run(
    inputs: Sequence[str],
    folder: Path,
    config: RecognitionConfig,
    models: Path | None = None,
    *,
    server: str | None = None,
    workers: int | None = None,
) -> int:
    """Annotate the pictures; return the exit code: 0 all done, 1 some failed, 2 none found.

    Args:
        inputs: files, folders and patterns.
        folder: gets the copies.
        config: what to look for.
        models: see `recognizers.in_process`.
        server: `HOST:PORT` to read on, instead of in this process.
        workers: pictures at a time; None for a suitable number.

    Raises:
        typer.BadParameter: `folder` contains an INPUT, so a picture could be overwritten, or
            `server` is invalid or conflicts with `models`.
        InvalidRequest: see `environment_limits`.
    """
    recognizers.check_server(server, {"--models": models})
    refuse_inputs_in(folder, inputs, "--output")
    listing = list_pictures(inputs, excluded=[folder])
    for pattern in listing.unmatched:
        say_warning(f"no file matches {shown(pattern)}")
    ignored: Counter[str] = Counter()
    pictures = sum(1 for _ in islice(listing.walk(ignored), PEEK))
    if not pictures:
        say_error(no_picture_found(listing, ignored))
        return USAGE
    ignored.clear()
    if server is None:
        chosen = recognizers.in_process(models, workers, pictures)
    else:
        chosen = recognizers.connect(server, workers)
    done = failed = 0
    with contextlib.closing(chosen.recognizer), RunProgress(stderr(), listing) as progress:
        write = partial(_annotate, chosen.recognizer, config, folder, environment_limits())
        copies = _copies(listing.walk(ignored), folder)
        for problem in map_in_order(write, copies, chosen.workers):
            if problem:
                say_error(problem.message)
            done += not problem
            failed += bool(problem)
            progress.step(bool(problem))
            if problem and problem.stops:
                break
    where = shown(os.fspath(folder))
    stderr().print(f"{done} written to {where}, {failed} failed", markup=False)
    say_ignored(ignored)
    return FAILED if failed else DONE


def _about(source: Source, error: LipiyanaError) -> str:
    """Say which picture an error is about, unless its message does so itself."""
    path, message = shown(source.path), error.message
    of_file = isinstance(error, NotFound | PermissionDenied) and path in message
    return message if of_file or message.startswith(f"{path} ") else f"{path}: {message}"


def _copies(sources: Iterable[Source], folder: Path) -> Iterator[_Copy]:
    used: set[Path] = set()
    for source in sources:
        target = folder if source.error else folder / target_name(source.relative, used)
        yield _Copy(source, target)


def target_name(relative: str, used: set[Path]) -> Path:
    """Name the copy of a picture: the same name for JPEG and PNG, else with `.png` appended.

    A name in `used` gets a number. The new name is added to `used`.
    """
    name = Path(relative)
    if name.suffix.lower() not in _FORMATS:
        name = name.with_name(f"{name.name}.png")
    chosen, number = name, 2
    while chosen in used:
        chosen = name.with_stem(f"{name.stem}-{number}")
        number += 1
    used.add(chosen)
    return chosen


def _annotate(
    recognizer: Recognizer,
    config: RecognitionConfig,
    folder: Path,
    limits: ImageLimits,
    copy: _Copy,
) -> _Problem | None:
    """Write one copy; return why that failed, if it did."""
    if copy.source.error is not None:
        return _Problem(_about(copy.source, copy.source.error))
    target, name = copy.target, shown(copy.source.path)
    if not lies_in(os.fspath(target.parent), os.path.realpath(folder)):
        return _Problem(f"{name}: cannot write {target}: a symbolic link leads out of {folder}")
    try:
        data = read_picture_file(PurePath(copy.source.path))
        pixels = decode(data, limits)
        found = RETRY.call(partial(recognizer.recognize, data, config))
        drawn = Image.fromarray(draw(pixels, found, romanized=config.romanize))
        encoded = io.BytesIO()
        drawn.save(encoded, _FORMATS[target.suffix.lower()], quality=92)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, encoded.getvalue())  # a link is replaced, not followed
    except LipiyanaError as error:
        return _Problem(_about(copy.source, error), isinstance(error, STOPPING))
    except OSError as error:
        return _Problem(f"{name}: cannot write {target}: {error.strerror}")
    except Exception as error:  # a bug must not lose the other pictures
        return _Problem(f"{name}: {type(error).__name__}: {error}")
    return None
