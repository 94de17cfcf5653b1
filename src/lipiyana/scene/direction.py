"""Which way up a picture is, by the lines of text that were found and read in it.

Photos come turned by 90, 180 or 270 degrees without saying so. Most of the text of a picture that
lies on its side is taller than wide. Text that stands on its head is read with less confidence than
when it is turned over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.geometry import Quad
from lipiyana.ocr.recognition.legibility import Legibility
from lipiyana.ocr.recognition.reader import Reader, ReadLine
from lipiyana.scene.settings import SCENE, SceneSettings

QUARTER = 90


def turned(pixels: RgbArray, degrees: int) -> RgbArray:
    """Turn (height, width, 3) clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(pixels, -(degrees // QUARTER)))


class DirectionFinder:
    """Tells how far a picture must be turned to be upright. Safe to share between threads."""

    def __init__(
        self, detector: TextDetector, reader: Reader, settings: SceneSettings = SCENE
    ) -> None:
        """Take what finds and reads lines."""
        self._detector, self._reader, self._settings = detector, reader, settings

    def degrees(
        self, pixels: RgbArray, lines: Sequence[ReadLine], hints: Collection[str] = ()
    ) -> int:
        """Give the clockwise turn that makes a picture upright: 0, 90, 180 or 270.

        A picture whose lines lie level and were read well costs nothing. Where they were not, up to
        three of the largest lines are read once more, upside down. Only where most of the text
        stands on its side, or none can be read, is text detected again, in the turned picture.

        Args:
            pixels: (height, width, 3) RGB.
            lines: all that were found in it, those without text too.
            hints: see `LineReader.read`.
        """
        if not lines:
            return 0
        level = [line for line in lines if not _is_tall(line.polygon, self._settings)]
        largest = self._largest(level)
        seen = Legibility.of([line.reading for line in largest])
        if self._may_lie_on_its_side(pixels, [line.polygon for line in lines], seen):
            found = self._quarter_turn(pixels, seen, hints)
            if found:
                return found
        if not largest or seen.is_sure():
            return 0
        crops = [_turned_over(crop_quad(pixels, line.polygon)) for line in largest]
        over = Legibility.of(self._reader.read(crops, hints=hints))
        return 2 * QUARTER if over.is_better_than(seen) else 0

    def _may_lie_on_its_side(
        self, pixels: RgbArray, quads: Sequence[Quad], level: Legibility
    ) -> bool:
        legible = level.confidence if self._says_much(level) else 0.0
        if legible >= self._settings.direction_legible:
            return False
        area = pixels.shape[0] * pixels.shape[1]
        tall = sum(_area(quad) for quad in quads if _is_tall(quad, self._settings)) / area
        wide = sum(_area(quad) for quad in quads if _is_wide(quad, self._settings)) / area
        if tall > wide and tall >= self._settings.direction_min_tall_area:
            return True
        # a detector that knows level text joins whole blocks of lines that lie on their side
        return (
            legible < self._settings.direction_legible_blocks
            and len(quads) <= self._settings.direction_most_blocks
            and sum(map(_area, quads)) >= self._settings.direction_min_block_area * area
        )

    def _quarter_turn(self, pixels: RgbArray, level: Legibility, hints: Collection[str]) -> int:
        """Give 90 or 270 where the text is read better so, else 0."""
        on_side = turned(pixels, 3 * QUARTER)
        quads = [region.polygon for region in self._detector.detect(on_side)]
        wide = sorted(
            (quad for quad in quads if not _is_tall(quad, self._settings)), key=_area, reverse=True
        )[: self._settings.direction_lines]
        crops = [crop_quad(on_side, quad) for quad in wide]
        readings = self._reader.read([*crops, *map(_turned_over, crops)], hints=hints)
        this, other = (
            Legibility.of(part) for part in (readings[: len(crops)], readings[len(crops) :])
        )
        best, found = (
            (other, QUARTER) if other.confidence > this.confidence else (this, 3 * QUARTER)
        )
        against = level if self._says_much(level) else Legibility()
        return found if self._says_much(best) and best.is_better_than(against) else 0

    def _largest(self, lines: Sequence[ReadLine]) -> list[ReadLine]:
        """As many of the largest lines as it takes to tell."""
        chosen: list[ReadLine] = []
        for line in sorted(lines, key=lambda line: _area(line.polygon), reverse=True):
            chosen.append(line)
            seen = Legibility.of([one.reading for one in chosen])
            if (
                len(chosen) == self._settings.direction_lines
                or seen.characters >= self._settings.direction_characters
            ):
                break
        return chosen

    def _says_much(self, seen: Legibility) -> bool:
        """Whether it is more than a letter or two, as which lamps and knots of lines are read."""
        return seen.characters >= self._settings.direction_min_characters


def _turned_over(crop: RgbArray) -> RgbArray:
    return turned(crop, 2 * QUARTER)


def _sides(quad: Quad) -> tuple[float, float]:
    along, down = np.linalg.norm(quad[[1, 3]] - quad[[0, 0]], axis=1).tolist()
    return along, down


def _area(quad: Quad) -> float:
    along, down = _sides(quad)
    return along * down


def _is_tall(quad: Quad, settings: SceneSettings) -> bool:
    along, down = _sides(quad)
    return down > settings.direction_aspect * along


def _is_wide(quad: Quad, settings: SceneSettings) -> bool:
    along, down = _sides(quad)
    return along > settings.direction_aspect * down
