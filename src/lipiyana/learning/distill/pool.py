"""Pictures with what the teacher finds, kept in a folder: it looks at each of them once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.errors import LipiyanaError
from lipiyana.files import replacing
from lipiyana.images.loading import load
from lipiyana.ocr.detection.detector import network_input, scaled_picture
from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings
from lipiyana.runtime.store import Session

Pixels = npt.NDArray[np.uint8]
Picture = Callable[[], Pixels]

_QUALITY = 95
_HELD_OUT = 10  # every tenth picture is measured on


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture at the teacher's scale and the cores of the lines that the teacher finds in it.

    Attributes:
        picture: a JPEG file.
        map: a PNG file of the same size, 255 where a core is and 0 elsewhere.
    """

    picture: Path
    map: Path

    def load(self) -> tuple[Pixels, Pixels]:
        """Read (H, W, 3) RGB and (H, W).

        Raises:
            ValueError: a file is broken.
        """
        pixels = cv2.imread(str(self.picture), cv2.IMREAD_COLOR)
        cores = cv2.imread(str(self.map), cv2.IMREAD_GRAYSCALE)
        if pixels is None or cores is None:
            raise ValueError(f"{self.picture} or {self.map} cannot be read; remove both")
        return np.ascontiguousarray(pixels[..., ::-1], np.uint8), np.asarray(cores, np.uint8)


@dataclass(frozen=True, slots=True)
class Pool:
    """What is learned from and what is measured on."""

    train: tuple[Seen, ...]
    validation: tuple[Seen, ...]


def fill_pool(
    folder: Path,
    pictures: Sequence[tuple[str, Picture]],
    teacher: Session,
    on_picture: Callable[[], None] = lambda: None,
) -> Pool:
    """Let the teacher look at pictures; what is in the folder already is kept.

    Args:
        folder: made where it is not there.
        pictures: by names that are file names without suffix; one that cannot be read is left out.
        teacher: a text detector.
        on_picture: called after each.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, picture in pictures:
        seen = Seen(folder / f"{name}.jpg", folder / f"{name}.png")
        if seen.map.is_file() or _look(seen, picture, teacher):
            found.append(seen)
        on_picture()
    validation = found[_HELD_OUT // 2 :: _HELD_OUT]
    return Pool(tuple(seen for seen in found if seen not in validation), tuple(validation))


def photographs(folder: Path | None) -> list[tuple[str, Picture]]:
    """Pictures of a folder and those in it, in the order of their paths."""
    if folder is None:
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(f"photo-{n:06d}", _loader(path)) for n, path in enumerate(files)]


def _loader(path: Path) -> Picture:
    return lambda: load(path)


def _look(seen: Seen, picture: Picture, teacher: Session) -> bool:
    try:
        pixels = picture()
    except LipiyanaError:  # a folder of pictures may hold other files
        return False
    scaled = scaled_picture(pixels, SCENE_DETECTION)
    probabilities = teacher.run(network_input(scaled))[0][0, 0]
    _write(
        seen.picture,
        cv2.imencode(".jpg", scaled[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1],
    )
    # the map comes last: where it is the picture is too
    _write(seen.map, cv2.imencode(".png", found_cores(probabilities, SCENE_DETECTION))[1])
    return True


def found_cores(
    probabilities: npt.NDArray[np.float32], settings: DetectionSettings
) -> npt.NDArray[np.uint8]:
    """Draw what a detector finds, and not what it holds possible.

    A student of the probabilities themselves blurs the gap between two rows; one that is to
    decide keeps them apart.

    Args:
        probabilities: the detector's map, (H, W).
        settings: how sure a pixel has to be, and the mean of a core.

    Returns:
        (H, W), 255 in the cores of lines and 0 elsewhere.
    """
    text = (probabilities > settings.pixel_threshold).astype(np.uint8)
    count, labels = cv2.connectedComponents(text)
    flat = labels.ravel()
    sums = np.bincount(flat, probabilities.ravel(), count)
    sure = sums >= settings.box_threshold * np.bincount(flat, minlength=count)
    sure[0] = False  # what is no text
    return np.where(sure[labels], np.uint8(255), np.uint8(0))


def _write(path: Path, data: npt.NDArray[np.uint8]) -> None:
    with replacing(path) as partial:
        partial.write_bytes(data.tobytes())
