"""`lipiyana annotate`: writes copies of pictures with the results drawn on them."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

from PIL import Image

from lipiyana.annotation import draw
from lipiyana.cli import recognizers
from lipiyana.cli.console import say_error, say_warning, stderr
from lipiyana.cli.exit_codes import DONE, FAILED, USAGE
from lipiyana.cli.progress import RunProgress
from lipiyana.cli.sources import (
    Source,
    lies_in,
    list_pictures,
    no_picture_found,
    refuse_inputs_in,
    say_ignored,
)
from lipiyana.cli.visible_text import shown
from lipiyana.errors import LipiyanaError
from lipiyana.files import read_picture_file, write_atomically
from lipiyana.images.loading import decode, environment_limits
from lipiyana.recognizer import Recognizer
from lipiyana.types import RecognitionConfig

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


def run(inputs: Sequence[str], folder: Path, config: RecognitionConfig, models: Path | None) -> int:
    """Annotate the pictures; return the exit code: 0 all done, 1 some failed, 2 none found.

    Raises:
        typer.BadParameter: `folder` contains an INPUT, so a picture could be overwritten.
        InvalidRequest: see `environment_limits`.
    """
    refuse_inputs_in(folder, inputs, "--output")
    listing = list_pictures(inputs, excluded=folder)
    for pattern in listing.unmatched:
        say_warning(f"no file matches {shown(pattern)}")
    chosen = recognizers.in_process(models, workers=1, pictures=1)
    used: set[Path] = set()
    done = failed = 0
    ignored: Counter[str] = Counter()
    with RunProgress(stderr(), listing) as progress:
        for source in listing.walk(ignored):
            problem = _annotate(source, chosen.recognizer, config, folder, used)
            if problem:
                say_error(f"{shown(source.path)}: {problem}")
            done += not problem
            failed += bool(problem)
            progress.step(bool(problem))
    if not done and not failed:
        say_error(no_picture_found(listing, ignored))
        return USAGE
    where = shown(os.fspath(folder))
    stderr().print(f"{done} written to {where}, {failed} failed", markup=False)
    say_ignored(ignored)
    return FAILED if failed else DONE


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
    source: Source,
    recognizer: Recognizer,
    config: RecognitionConfig,
    folder: Path,
    used: set[Path],
) -> str:
    """Write one copy; return the error message, or ""."""
    if source.error is not None:
        return source.error.message
    target = folder / target_name(source.relative, used)
    if not lies_in(os.fspath(target.parent), os.path.realpath(folder)):
        return f"cannot write {target}: a symbolic link leads out of {folder}"
    try:
        data = read_picture_file(PurePath(source.path))
        pixels = decode(data, environment_limits())
        drawn = Image.fromarray(draw(pixels, recognizer.recognize(data, config)))
        encoded = io.BytesIO()
        drawn.save(encoded, _FORMATS[target.suffix.lower()], quality=92)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, encoded.getvalue())  # a link is replaced, not followed
    except LipiyanaError as error:
        return error.message
    except OSError as error:
        return f"cannot write {target}: {error.strerror}"
    return ""
