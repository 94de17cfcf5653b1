"""Training targets of text detectors: maps with the cores of lines.

The core of a line is its outline, shrunk as in training DB detectors (Liao et al., AAAI 2020), so
that the cores of neighbouring lines do not touch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.detection.settings import SCENE_DETECTION, DetectionSettings

TextMap = npt.NDArray[np.uint8]
"""(H, W) with the values below."""
Quads = npt.NDArray[np.float64]

CORE, UNKNOWN = 255, 128
"""Values of a map: in the core of a line, and where nothing is to be learned; 0 elsewhere."""

_SURE = 0.5
"""Mean probability from which a region of the teacher counts as a line; below, it is unknown."""
_LEAST_OVERLAP = 0.3
"""Least share of a teacher's core inside of labelled words; others are false."""
_LEAST_FOUND = 0.4
"""Least share of a word's core that the teacher's cores cover; otherwise the word is missed."""
_AROUND = 0.12
"""How far beyond a labelled word its teacher's core may reach, in heights of the word."""


def no_quads() -> Quads:
    """No outlines, (0, 4, 2)."""
    return np.zeros((0, 4, 2))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture and what is known of its text; outlines in pixels, clockwise from the top left.

    Attributes:
        pixels: (H, W, 3) RGB.
        lines: (n, 4, 2) outlines of the ink of all lines; None if these are not known.
        words: (n, 4, 2) outlines of all words, if `lines` is None; None if they are not known.
        ignored: (n, 4, 2) outlines of text that is neither in `lines` nor in `words`.
    """

    pixels: RgbArray
    lines: Quads | None = None
    words: Quads | None = None
    ignored: Quads = field(default_factory=no_quads)

    def scaled(self, pixels: RgbArray) -> LabelledPicture:
        """The same labels for the picture in another size."""
        factor = np.array(pixels.shape[1::-1]) / np.array(self.pixels.shape[1::-1])
        lines, words = (None if quads is None else quads * factor for quads in self._known)
        return LabelledPicture(pixels, lines, words, self.ignored * factor)

    @property
    def _known(self) -> tuple[Quads | None, Quads | None]:
        return self.lines, self.words


def cores_of(
    outlines: Quads, shape: tuple[int, ...], settings: DetectionSettings = SCENE_DETECTION
) -> TextMap:
    """Draw the cores of lines or words.

    Each side moves inwards by `shrink_ratio` times the area by half of the circumference.

    Args:
        outlines: (n, 4, 2) corners, clockwise from the top left.
        shape: (H, W, ...) of the picture.
        settings: tuned constants.

    Returns:
        (H, W) with CORE in the cores.
    """
    drawn = np.zeros(shape[:2], np.uint8)
    for quad in outlines:
        along, down = quad[1] + quad[2] - quad[0] - quad[3], quad[2] + quad[3] - quad[0] - quad[1]
        width, height = np.linalg.norm(along) / 2, np.linalg.norm(down) / 2
        if min(width, height) < 1:
            continue
        distance = float(settings.shrink_ratio * width * height / (width + height))
        _fill(drawn, _moved(quad, -distance), CORE)
    return drawn


def teacher_cores(
    probabilities: npt.NDArray[np.float32], settings: DetectionSettings = SCENE_DETECTION
) -> TextMap:
    """Binarize a detector's map to the cores of the lines that it finds.

    A student of the probabilities would blur the gap between two rows; a student of the
    decisions separates them.

    Args:
        probabilities: the detector's map, (H, W).
        settings: threshold for a pixel.

    Returns:
        (H, W), CORE in the cores of sure lines, UNKNOWN in regions that are less sure.
    """
    text = (probabilities > settings.pixel_threshold).astype(np.uint8)
    count, labels = cv2.connectedComponents(text)
    flat = labels.ravel()
    sums = np.bincount(flat, probabilities.ravel(), count)
    means = sums / np.maximum(1, np.bincount(flat, minlength=count))
    values = np.where(means >= _SURE, CORE, UNKNOWN).astype(np.uint8)
    values[0] = 0  # the background
    return np.asarray(values[labels], np.uint8)


def mended(cores: TextMap, words: Quads, ignored: Quads) -> TextMap:
    """Correct a teacher's cores by the outlines of all words of the picture.

    Cores away from words are dropped, cores end where words do (so that two columns are two
    lines), missed words get a core, and nothing is to be learned where text is ignored.

    Args:
        cores: of `teacher_cores`, (H, W).
        words: (n, 4, 2).
        ignored: (n, 4, 2).
    """
    inside = np.zeros_like(cores)
    for quad in np.concatenate([words, ignored]):
        height = float(np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1])) / 2
        _fill(inside, _moved(quad, _AROUND * height), 1)
    between = _between(words, cores.shape)
    result = np.where((inside | between) > 0, cores, 0).astype(np.uint8)
    count, labels = cv2.connectedComponents((cores > 0).astype(np.uint8))
    flat = labels.ravel()
    shares = np.bincount(flat, inside.ravel(), count) / np.maximum(
        1, np.bincount(flat, minlength=count)
    )
    result[(shares < _LEAST_OVERLAP)[labels]] = 0
    result[result == UNKNOWN] = CORE  # unsure to the teacher, but a word is there
    for quad in words:
        core = cores_of(quad[None], cores.shape) > 0
        if core.any() and (result[core] > 0).mean() < _LEAST_FOUND:
            result[core] = CORE
    for quad in ignored:
        _fill(result, _moved(quad, 2.0), UNKNOWN)
    return result


def _between(words: Quads, shape: tuple[int, ...]) -> TextMap:
    """Mark the gaps between neighbouring words of one row: there a core may join them."""
    marked = np.zeros(shape[:2], np.uint8)
    for left in words:
        height = float(np.linalg.norm(left[2] - left[1]))
        for right in words:
            gap = np.linalg.norm((left[1] + left[2]) / 2 - (right[0] + right[3]) / 2)
            taller = float(np.linalg.norm(right[3] - right[0]))
            alike = 0.6 < (taller + 1e-6) / (height + 1e-6) < 1.6
            if right is not left and alike and gap < 0.8 * height:
                _fill(marked, np.stack([left[1], right[0], right[3], left[2]]), 1)
    return marked


def _moved(quad: npt.NDArray[np.float64], distance: float) -> npt.NDArray[np.float64]:
    """Move the sides of a quadrilateral, (4, 2), outwards by pixels."""
    along, down = quad[1] + quad[2] - quad[0] - quad[3], quad[2] + quad[3] - quad[0] - quad[1]
    x = along / max(1e-6, float(np.linalg.norm(along))) * distance
    y = down / max(1e-6, float(np.linalg.norm(down))) * distance
    return quad + np.stack([-x - y, x - y, x + y, y - x])


def _fill(drawn: TextMap, quad: npt.NDArray[np.float64], value: int) -> None:
    cv2.fillPoly(drawn, [np.rint(quad).astype(np.int32)], value)
