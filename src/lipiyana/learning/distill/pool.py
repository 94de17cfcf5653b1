"""A folder of pictures with the teacher's detections, so that the teacher sees each one once."""

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
from lipiyana.ocr.detection.detector import network_input, scaled_picture
from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings
from lipiyana.runtime.store import Session

Picture = Callable[[], RgbArray]

_QUALITY = 95
_HELD_OUT = 10  # every tenth picture is for validation


@dataclass(frozen=True, slots=True)
class PoolPicture:
    """A picture at the teacher's scale with the cores of the text lines that the teacher found.

    Attributes:
        picture: a JPEG file.
        map: a PNG file of the same size, 255 in the cores and 0 elsewhere.
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
    """Run the teacher on pictures and store the results; existing files are reused.

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
    return lambda: load(path)


def _process(seen: PoolPicture, picture: Picture, teacher: Session) -> bool:
    try:
        pixels = picture()
    except LipiyanaError:  # a folder of pictures may contain other files
        return False
    scaled = scaled_picture(pixels, SCENE_DETECTION)
    probabilities = teacher.run(network_input(scaled))[0][0, 0]
    _write(
        seen.picture,
        cv2.imencode(".jpg", scaled[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1],
    )
    # write the map last: if it exists, the picture does too
    _write(seen.map, cv2.imencode(".png", found_cores(probabilities, SCENE_DETECTION))[1])
    return True


def found_cores(
    probabilities: npt.NDArray[np.float32], settings: DetectionSettings
) -> npt.NDArray[np.uint8]:
    """Binarize a detector's map to the cores of the lines that it finds.

    A student of the probabilities would blur the gap between two rows; a student of the
    decisions separates them.

    Args:
        probabilities: the detector's map, (H, W).
        settings: thresholds for a pixel and for the mean over a core.

    Returns:
        (H, W), 255 in the cores of lines and 0 elsewhere.
    """
    text = (probabilities > settings.pixel_threshold).astype(np.uint8)
    count, labels = cv2.connectedComponents(text)
    flat = labels.ravel()
    sums = np.bincount(flat, probabilities.ravel(), count)
    sure = sums >= settings.box_threshold * np.bincount(flat, minlength=count)
    sure[0] = False  # the background
    return np.where(sure[labels], np.uint8(255), np.uint8(0))


def _write(path: Path, data: npt.NDArray[np.uint8]) -> None:
    with replacing(path) as partial:
        partial.write_bytes(data.tobytes())
