"""`lipiyana annotate`: copies of pictures with the results drawn on them."""

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
    say_passed_over,
)
from lipiyana.cli.visible_text import shown
from lipiyana.errors import LipiyanaError
from lipiyana.files import read_picture_file, write_atomically
from lipiyana.images.loading import decode, environment_limits
from lipiyana.recognizer import Recognizer
from lipiyana.types import RecognitionConfig

_KEPT_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


def run(inputs: Sequence[str], folder: Path, config: RecognitionConfig, models: Path | None) -> int:
    """Annotate the pictures and give the exit code: 0 all done, 1 some failed, 2 none found.

    A picture that cannot be read with `config` is one that failed.

    Raises:
        typer.BadParameter: `folder` holds an INPUT, so that a picture could be written over.
        InvalidRequest: `environment_limits` says why.
    """
    refuse_inputs_in(folder, inputs, "--output")
    listing = list_pictures(inputs, apart=folder)
    for pattern in listing.unmatched:
        say_warning(f"nothing fits {shown(pattern)}")
    chosen = recognizers.in_process(models, workers=1, pictures=1)
    used: set[Path] = set()
    done = failed = 0
    passed_over: Counter[str] = Counter()
    with RunProgress(stderr(), listing) as progress:
        for source in listing.walk(passed_over):
            problem = _annotate(source, chosen.recognizer, config, folder, used)
            if problem:
                say_error(f"{shown(source.path)}: {problem}")
            done += not problem
            failed += bool(problem)
            progress.step(bool(problem))
    if not done and not failed:
        say_error(no_picture_found(listing, passed_over))
        return USAGE
    where = shown(os.fspath(folder))
    stderr().print(f"{done} written to {where}, {failed} failed", markup=False)
    say_passed_over(passed_over)
    return FAILED if failed else DONE


def target_name(relative: str, used: set[Path]) -> Path:
    """Name the copy of a picture: as it is for JPEG and PNG, else with `.png` after it.

    A name that is in `used` gets a number; the new name is added to `used`.
    """
    name = Path(relative)
    if name.suffix.lower() not in _KEPT_SUFFIXES:
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
    """Write one copy; give the error message, or ""."""
    if source.error is not None:
        return source.error.message
    target = folder / target_name(source.relative, used)
    if not lies_in(os.fspath(target.parent), os.path.realpath(folder)):
        return f"cannot write {target}: a link leads out of {folder}, maybe to the pictures"
    try:
        data = read_picture_file(PurePath(source.path))
        pixels = decode(data, environment_limits())
        drawn = Image.fromarray(draw(pixels, recognizer.recognize(data, config)))
        encoded = io.BytesIO()
        drawn.save(encoded, _KEPT_SUFFIXES[target.suffix.lower()], quality=92)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, encoded.getvalue())  # a link is replaced, not followed
    except LipiyanaError as error:
        return error.message
    except OSError as error:
        return f"cannot write {target}: {error.strerror}"
    return ""
