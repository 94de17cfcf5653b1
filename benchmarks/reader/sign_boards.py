"""Rendered photos of sign boards with the known ink of every word, to measure text detection.

They are used neither in training nor in `samples/`: the layouts are separate, the fonts and words
are the held-out ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.rendering.contents import numbers
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.effects import backgrounds
from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.effects.palettes import Palette, contrast, sign_palette
from lipiyana.rendering.fonts.faces import Face
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.text import lettering
from lipiyana.rendering.text.shaping import FaceChoice, Mask, MissingGlyphError, Raster, rasterize

Points = npt.NDArray[np.float64]

SIZES = ((1280, 960), (960, 720), (1152, 864), (640, 480), (1600, 1200), (720, 960))
_INK_POINTS = 400
_LEAST_INK = 110
_SMALLEST, _LARGEST = 13, 110
_LEAST_CONTRAST = 80.0
_NASTALIQ = ("Noto Nastaliq Urdu", "Gulzar")  # as signs in Urdu have it; none is held out


@dataclass(frozen=True, slots=True, eq=False)
class TrueWord:
    """A word of a sign.

    Attributes:
        text: in logical order.
        script: ISO 15924 code.
        line: number of its line in the picture; words of one line stand beside each other.
        ink: (n, 2) x and y of points of its ink, in pixels, the outermost ones among them.
    """

    text: str
    script: str
    line: int
    ink: Points


@dataclass(frozen=True, slots=True, eq=False)
class SignPhoto:
    """A picture (height, width, 3) RGB, its words, and the script of most of them."""

    image: RgbArray
    words: tuple[TrueWord, ...]
    script: str


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A word on the flat board: its ink and where the mask's top left corner is."""

    text: str
    script: str
    line: int
    mask: Mask
    x: int
    y: int


class BoardPainter:
    """Paints photos of boards; the same seed gives the same photo."""

    def __init__(self, library: FontLibrary, corpus: Corpus, *, seed: int = 7) -> None:
        """Take fonts and a corpus of held-out words."""
        self._library = library
        self._words = {code: sorted(corpus.words(code)) for code in SCRIPTS}
        self._seed = seed

    def photos(self, each: int, scripts: Sequence[str] = tuple(SCRIPTS)) -> Iterator[SignPhoto]:
        """Paint `each` photos a script."""
        for code in scripts:
            for number in range(each):
                yield self.photo(code, number)

    def photo(self, script: str, number: int) -> SignPhoto:
        """Paint one photo of a script."""
        rng = np.random.default_rng([self._seed, list(SCRIPTS).index(script), number])
        width, height = SIZES[number % len(SIZES)]
        image = _street(rng, height, width)
        words: list[TrueWord] = []
        boards = 2 if rng.random() < 0.35 else 1
        for index in range(boards):
            area = (width, height // boards)
            size = (round(area[0] * rng.uniform(0.7, 0.98)), round(area[1] * rng.uniform(0.6, 0.9)))
            canvas, placed = self._board(rng, script, size, first_line=100 * index)
            matrix = _view(rng, size, area, (0, index * area[1]))
            _paste(image, canvas, matrix)
            words += [_seen(rng, word, matrix) for word in placed]
        return SignPhoto(_photograph(rng, image), tuple(words), script)

    def _board(
        self, rng: np.random.Generator, script: str, size: tuple[int, int], *, first_line: int
    ) -> tuple[backgrounds.Canvas, list[_Placed]]:
        width, height = size
        palette = _palette(rng)
        canvas = _ground(rng, height, width, palette)
        placed: list[_Placed] = []
        y, line = height * rng.uniform(0.03, 0.1), first_line
        header = float(np.clip(height * rng.uniform(0.1, 0.24), _SMALLEST, _LARGEST))
        while y < height * 0.92:
            first = line == first_line
            body = header if first else max(_SMALLEST, header * float(rng.uniform(0.2, 0.75)))
            code = "Latn" if not first and rng.random() < 0.2 else script
            columns = 2 if not first and rng.random() < 0.25 else 1
            share = width / columns
            row: list[_Placed] = []
            for column in range(columns):
                room = share * rng.uniform(0.45, 0.92)
                words = self._line(rng, code, body, room, line=line, bold=first)
                row += _shift(words, column * share + (share - _right(words)) * rng.uniform(0.1, 1))
                line += 1
            if not row:
                continue
            top, bottom = min(w.y for w in row), max(w.y + w.mask.shape[0] for w in row)
            if y + bottom - top > height * 0.98:
                break
            row = [_moved(word, 0, round(y) - top) for word in row]
            colours = palette
            if not first and rng.random() < 0.25:
                colours = _band(rng, canvas, y - body * 0.12, y + bottom - top + body * 0.12)
            _letter(rng, canvas, row, colours, body)
            placed += row
            y += bottom - top + body * rng.uniform(0.12, 0.8)
        return canvas, placed

    def _line(
        self,
        rng: np.random.Generator,
        code: str,
        body: float,
        room: float,
        *,
        line: int,
        bold: bool,
    ) -> list[_Placed]:
        """Words of one face, set from the left (from the right in Urdu) until the room is full."""
        wanted = int(rng.integers(1, 4 if bold else 6))
        texts = [self._words[code][int(i)] for i in rng.integers(len(self._words[code]), size=8)]
        if code == "Latn":
            texts = [text.upper() if bold or rng.random() < 0.5 else text for text in texts]
        if not bold and rng.random() < 0.15:
            texts[0] = numbers.phone(random.Random(int(rng.integers(1 << 30)))).replace(" ", "")
        face = self._face(rng, code, texts, bold=bold)
        if face is None:
            return []
        gap = body * float(rng.uniform(0.35, 0.8))
        choice = FaceChoice(face, bold=float(rng.choice([0, 0.04])) if bold else 0.0)
        rasters: list[tuple[str, Raster]] = []
        used = 0.0
        for text in texts:
            try:
                raster = rasterize(text, choice, max(8, round(body)), code)
            except (MissingGlyphError, ValueError):
                continue
            if used + raster.alpha.shape[1] > room or len(rasters) == wanted:
                break
            rasters.append((text, raster))
            used += raster.alpha.shape[1] + gap
        if SCRIPTS[code].direction == "rtl":
            rasters.reverse()
        placed, x = [], 0.0
        for text, raster in rasters:
            spot = (round(x), round(-raster.baseline))
            placed.append(_Placed(text, _script(text, code), line, raster.alpha, *spot))
            x += raster.alpha.shape[1] + gap
        return placed

    def _face(
        self, rng: np.random.Generator, code: str, texts: list[str], *, bold: bool
    ) -> Face | None:
        near = 800.0 if bold else None
        letters = "".join(text for text in texts if not text.isascii() or code == "Latn")
        if code == "Arab" and rng.random() < 0.5:
            family = str(rng.choice(_NASTALIQ))
            return self._library.pick(rng, code, letters, "all", near_weight=near, family=family)
        return self._library.pick(rng, code, letters, "held_out", near_weight=near)


def _script(text: str, code: str) -> str:
    return "Latn" if text.isascii() else code


def _right(words: list[_Placed]) -> float:
    return max((word.x + word.mask.shape[1] for word in words), default=0)


def _shift(words: list[_Placed], x: float) -> list[_Placed]:
    return [_moved(word, round(max(4.0, x)), 0) for word in words]


def _moved(word: _Placed, x: int, y: int) -> _Placed:
    return _Placed(word.text, word.script, word.line, word.mask, word.x + x, word.y + y)


def _palette(rng: np.random.Generator) -> Palette:
    while True:
        palette = sign_palette(rng)
        if contrast(palette.text, palette.ground) > _LEAST_CONTRAST:
            return palette


def _ground(
    rng: np.random.Generator, height: int, width: int, palette: Palette
) -> backgrounds.Canvas:
    if rng.random() < 0.4:
        return backgrounds.ground(
            rng, height, width, colour=palette.ground, text=palette.text, line=height * 0.2
        )
    return backgrounds.plain(rng, height, width, palette.ground)


def _band(
    rng: np.random.Generator, canvas: backgrounds.Canvas, top: float, bottom: float
) -> Palette:
    """A field of another colour behind one line; returns the colours there."""
    palette = _palette(rng)
    canvas[max(0, round(top)) : max(0, round(bottom))] = palette.ground
    return palette


def _letter(
    rng: np.random.Generator,
    canvas: backgrounds.Canvas,
    words: list[_Placed],
    palette: Palette,
    body: float,
) -> None:
    ink: Mask = np.zeros(canvas.shape[:2], np.uint8)
    rows, columns = canvas.shape[0], canvas.shape[1]
    for word in words:
        # a column that is too full ends at the board's edge
        mask = word.mask[: max(0, rows - word.y), : max(0, columns - word.x)]
        part = ink[word.y : word.y + mask.shape[0], word.x : word.x + mask.shape[1]]
        np.maximum(part, mask, out=part)
    if body > 40 and rng.random() < 0.25:
        lettering.shadow(canvas, ink, rng, body)
    if body > 40 and rng.random() < 0.2:
        lettering.paint(canvas, lettering.widened(ink, body * 0.05), palette.accent)
    lettering.paint(canvas, ink, palette.text)


def _street(rng: np.random.Generator, height: int, width: int) -> RgbArray:
    wall = backgrounds.clutter(rng, height, width).astype(np.float32)
    tone = wall.mean(axis=(0, 1)).astype(np.float32)
    textured = backgrounds.ground(
        rng, height, width, colour=tone, text=255 - tone, line=height * 0.15
    )
    return np.clip(wall * 0.6 + textured * 0.4, 0, 255).astype(np.uint8)


def _view(
    rng: np.random.Generator, board: tuple[int, int], area: tuple[int, int], origin: tuple[int, int]
) -> Points:
    """Where the board's points are seen: turned by some degrees, from a side, within its area."""
    width, height = board
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    angle = float(np.clip(rng.normal(0, 0.05), -0.12, 0.12))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    seen = (corners - corners.mean(axis=0)) @ turn
    seen += rng.normal(0, 0.025, (4, 2)) * np.array([width, height]) * (rng.random() < 0.6)
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = min(1.0, float(np.min(np.array(area) * 0.97 / (high - low))))
    room = np.array(area) - (high - low) * scale
    target = (seen - low) * scale + room * rng.uniform(0.2, 0.8, 2) + np.array(origin)
    return np.asarray(
        cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    )


def _paste(image: RgbArray, canvas: backgrounds.Canvas, matrix: Points) -> None:
    size = (image.shape[1], image.shape[0])
    board = np.clip(canvas, 0, 255).astype(np.uint8)
    seen = cv2.warpPerspective(board, matrix, size, flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.full(board.shape[:2], 255, np.uint8), matrix, size)
    np.copyto(image, np.asarray(seen, np.uint8), where=np.asarray(inside)[:, :, None] > 127)


def _seen(rng: np.random.Generator, word: _Placed, matrix: Points) -> TrueWord:
    rows, columns = np.nonzero(word.mask >= _LEAST_INK)
    chosen = rng.permutation(len(rows))[:_INK_POINTS]
    outermost = [rows.argmin(), rows.argmax(), columns.argmin(), columns.argmax()]
    chosen = np.concatenate([chosen, outermost])
    flat = np.stack([columns[chosen] + word.x + 0.5, rows[chosen] + word.y + 0.5], axis=1)
    points = cv2.perspectiveTransform(flat[None].astype(np.float64), matrix)[0]
    return TrueWord(word.text, word.script, word.line, np.asarray(points, np.float64))


def _photograph(rng: np.random.Generator, image: RgbArray) -> RgbArray:
    if rng.random() < 0.4:
        image = effects.uneven_light(image, rng, float(rng.uniform(0.2, 0.8)))
    if rng.random() < 0.4:
        image = effects.cast(image, rng, float(rng.uniform(0.2, 0.8)))
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.1))), np.uint8)
    if rng.random() < 0.4:
        image = effects.sensor_noise(image, rng, float(rng.uniform(0.1, 0.5)))
    return effects.jpeg(image, rng, float(rng.uniform(0, 0.5)))
