"""A folder of pictures with their text maps, so that the teacher sees each one once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.errors import LipiyanaError
from lipiyana.files import replacing
from lipiyana.images.loading import load
from lipiyana.learning.distill.text_cores import (
    LabelledPicture,
    TextMap,
    cores_of,
    mended,
    teacher_cores,
)
from lipiyana.ocr.detection.detector import network_input, scaled_picture
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.runtime.session import Session

Picture = Callable[[], LabelledPicture]

_QUALITY = 95
_HELD_OUT = 10  # every tenth picture is for validation


@dataclass(frozen=True, slots=True)
class PoolPicture:
    """A picture at the scale of serving, with the cores of its lines of text.

    Attributes:
        picture: a JPEG file.
        map: a PNG file of the same size with the values of `text_cores`.
    """

    picture: Path
    map: Path

    def load(self) -> tuple[RgbArray, RgbArray]:
        """Load the picture, (H, W, 3) RGB, and the map, (H, W).

        Raises:
            ValueError: a file is corrupt.
        """
        pixels = cv2.imread(str(self.picture), cv2.IMREAD_COLOR)
        cores = cv2.imread(str(self.map), cv2.IMREAD_GRAYSCALE)
        if pixels is None or cores is None:
            raise ValueError(f"{self.picture} or {self.map} cannot be read; remove both")
        return np.ascontiguousarray(pixels[..., ::-1], np.uint8), np.asarray(cores, np.uint8)


@dataclass(frozen=True, slots=True)
class Pool:
    """Training and validation set."""

    train: tuple[PoolPicture, ...]
    validation: tuple[PoolPicture, ...]


def fill_pool(
    folder: Path,
    pictures: Sequence[tuple[str, Picture]],
    teacher: Session,
    on_picture: Callable[[], None] = lambda: None,
) -> Pool:
    """Store pictures with their text maps; existing files are reused.

    The teacher finds the lines of pictures whose lines are not known.

    Args:
        folder: folder of the pool, created if needed.
        pictures: pairs of a file name without suffix and a loader; unreadable ones are skipped.
        teacher: a text detector.
        on_picture: called after each picture.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, picture in pictures:
        seen = PoolPicture(folder / f"{name}.jpg", folder / f"{name}.png")
        if seen.map.is_file() or _process(seen, picture, teacher):
            found.append(seen)
        on_picture()
    validation = found[_HELD_OUT // 2 :: _HELD_OUT]
    return Pool(tuple(seen for seen in found if seen not in validation), tuple(validation))


def photographs(folder: Path | None) -> list[tuple[str, Picture]]:
    """List the pictures of a folder and its subfolders, in path order."""
    if folder is None:
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(f"photo-{n:06d}", _loader(path)) for n, path in enumerate(files)]


def _loader(path: Path) -> Picture:
    return lambda: LabelledPicture(load(path))


def _process(seen: PoolPicture, picture: Picture, teacher: Session) -> bool:
    try:
        labelled = picture()
    except LipiyanaError:  # a folder of pictures may contain other files
        return False
    scaled = scaled_picture(labelled.pixels, SCENE_DETECTION)
    _write(
        seen.picture,
        cv2.imencode(".jpg", scaled[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1],
    )
    # write the map last: if it exists, the picture does too
    _write(seen.map, cv2.imencode(".png", _map(labelled.scaled(scaled), teacher))[1])
    return True


def _map(labelled: LabelledPicture, teacher: Session) -> TextMap:
    if labelled.lines is not None:
        return cores_of(labelled.lines, labelled.pixels.shape)
    cores = teacher_cores(teacher.run(network_input(labelled.pixels))[0][0, 0])
    if labelled.words is not None:
        return mended(cores, labelled.words, labelled.ignored)
    return cores


def _write(path: Path, data: npt.NDArray[np.uint8]) -> None:
    with replacing(path) as partial:
        partial.write_bytes(data.tobytes())
