"""Random walls with text in every script, for training text detectors.

Lines of all sizes, close together and rotated, on all kinds of backgrounds (on photos if there are
some), so that the student learns what text looks like and not where signs hang.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.errors import LipiyanaError
from lipiyana.learning.distill.text_cores import LabelledPicture
from lipiyana.ocr.geometry import rectangle
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.effects import backgrounds
from lipiyana.rendering.effects import camera as effects
from lipiyana.rendering.effects.palettes import contrast, sign_palette
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.text import lettering
from lipiyana.rendering.text.lines import render_line
from lipiyana.rendering.text.typesetting import typeset

Quads = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]  # left, top, right, bottom

SIZES = ((960, 720), (960, 640), (832, 832), (720, 960))
"""Width and height of the pictures."""
_ON_PHOTOS = 0.6  # share of the walls, if there are photos
_BOARDS, _LABELS = (0, 1, 1, 2, 3), (1, 10)
_BODY = (11.0, 90.0)  # font size in pixels
_TILT, _SIDEWAYS = 0.06, 0.03  # radians; share of a side
_TRIES = 12
_LONGEST, _WORDS = 32, 8  # characters a line; words drawn for it, of which one script's are used
_LEAST_CONTRAST = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class _Board:
    """A flat picture, (H, W, 3) RGB, and the ink of its lines, (n, 4, 2) corners."""

    pixels: RgbArray
    lines: Quads


class Walls:
    """Renders walls; the same number gives the same picture."""

    def __init__(
        self,
        corpus: Corpus,
        library: FontLibrary,
        photos: Sequence[Callable[[], LabelledPicture]] = (),
        seed: int = 0,
    ) -> None:
        """Prepare texts, fonts, and loaders of background photos."""
        self._corpus, self._library, self._photos = corpus, library, photos
        self._recipe, self._seed = RenderRecipe(), seed

    def picture(self, number: int) -> LabelledPicture:
        """Render a wall.

        Raises:
            LookupError: no installed font has the characters of the texts.
        """
        rng = np.random.default_rng([self._seed, 1, number])
        chance = random.Random(int(rng.integers(2**63)))
        for _ in range(_TRIES):
            wall, lines = self._wall(rng, chance)
            if len(lines):
                return LabelledPicture(wall, lines)
        raise LookupError("no installed font has these characters; see scripts/install_fonts.sh")

    def _wall(self, rng: np.random.Generator, chance: random.Random) -> tuple[RgbArray, Quads]:
        width, height = SIZES[int(rng.integers(len(SIZES)))]
        wall = self._ground(rng, height, width)
        taken: list[Box] = []
        lines = [np.zeros((0, 4, 2))]
        for _ in range(int(rng.choice(_BOARDS))):
            size = (round(width * rng.uniform(0.3, 0.7)), round(height * rng.uniform(0.2, 0.5)))
            board = self._board(rng, chance, *size)
            if board is None:
                continue
            if (place := _free(rng, (width, height), size, taken)) is not None:
                lines.append(_hang(rng, wall, board, place))
        for _ in range(int(rng.integers(*_LABELS))):
            label = self._label(rng, chance)
            if label is None:
                continue
            size = (label.pixels.shape[1], label.pixels.shape[0])
            if (place := _free(rng, (width, height), size, taken)) is not None:
                lines.append(_hang(rng, wall, label, place))
        if rng.random() < 0.4:
            wall = effects.uneven_light(wall, rng, float(rng.uniform(0.2, 0.8)))
        pixels = effects.jpeg(wall, rng, float(rng.uniform(0, 0.5)))
        return pixels, np.concatenate(lines)

    def _ground(self, rng: np.random.Generator, height: int, width: int) -> RgbArray:
        if self._photos and rng.random() < _ON_PHOTOS:
            try:
                photo = self._photos[int(rng.integers(len(self._photos)))]().pixels
            except LipiyanaError:  # a folder of pictures may contain other files
                pass
            else:
                return np.asarray(cv2.resize(photo, (width, height)), np.uint8)
        clutter = backgrounds.clutter(rng, height, width).astype(np.float32)
        tone = clutter.mean((0, 1))
        texture = backgrounds.ground(
            rng, height, width, colour=tone, text=255 - tone, line=height * rng.uniform(0.05, 0.2)
        )
        share = np.float32(rng.uniform(0.2, 0.8))
        return np.clip(clutter * share + texture * (1 - share), 0, 255).astype(np.uint8)

    def _label(self, rng: np.random.Generator, chance: random.Random) -> _Board | None:
        """Render a single line with its own background, like the reader's training lines."""
        text = self._corpus.sample(chance)
        line = render_line(text.drawn, text.script, rng, self._library, recipe=self._recipe)
        if line is None:
            return None
        height = np.exp(rng.uniform(*np.log(_BODY))) * 1.4
        factor = float(height) / line.image.shape[0]
        size = (max(8, round(line.image.shape[1] * factor)), max(8, round(height)))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(line.image, size, interpolation=how), np.uint8)
        scale = np.array(size) / line.image.shape[1::-1]
        return _Board(pixels, line.quad[None] * scale)

    def _board(
        self, rng: np.random.Generator, chance: random.Random, width: int, height: int
    ) -> _Board | None:
        """Render lines on one background, some side by side; None if no text was rendered."""
        palette = sign_palette(rng)
        while contrast(palette.text, palette.ground) < _LEAST_CONTRAST:
            palette = sign_palette(rng)
        if rng.random() < 0.5:
            canvas = backgrounds.plain(rng, height, width, palette.ground)
        else:
            canvas = backgrounds.ground(
                rng, height, width, colour=palette.ground, text=palette.text, line=height * 0.2
            )
        largest = min(_BODY[1], height * 0.45)
        y = height * float(rng.uniform(0.03, 0.15))
        lines: list[Quads] = []
        while y < height * 0.9:
            body = float(np.exp(rng.uniform(*np.log((_BODY[0], max(largest, _BODY[0] + 1))))))
            columns = 2 if rng.random() < 0.25 else 1
            room = width / columns
            bottom = y
            for column in range(columns):
                mask = self._line(rng, chance, body, room * float(rng.uniform(0.5, 0.92)))
                if mask is None or y + mask.shape[0] > height * 0.97:
                    continue
                tall, wide = mask.shape
                x = round(column * room + max(0.0, room - wide) * float(rng.uniform(0.05, 0.95)))
                part = canvas[round(y) : round(y) + tall, x : x + wide]
                fill = palette.accent if rng.random() < 0.1 else palette.text
                if contrast(fill, palette.ground) < _LEAST_CONTRAST:
                    fill = palette.text
                lettering.paint(part, mask[: part.shape[0], : part.shape[1]], fill)
                lines.append(_ink(mask) + np.array([x, round(y)]))
                bottom = max(bottom, y + tall)
            y = max(bottom, y + body * 0.3) + body * float(rng.uniform(0.1, 0.8))
        if not lines:
            return None
        return _Board(np.clip(canvas, 0, 255).astype(np.uint8), np.stack(lines))

    def _line(
        self, rng: np.random.Generator, chance: random.Random, body: float, room: float
    ) -> npt.NDArray[np.uint8] | None:
        """Render the alpha mask, (H, W), of a line not wider than `room`; None if none fits."""
        for _ in range(_TRIES):
            texts = [self._corpus.sample(chance) for _ in range(_WORDS)]
            script = texts[0].script
            words = [text.drawn for text in texts if text.script == script]
            drawn = " ".join(words[: int(rng.integers(1, _WORDS + 1))])
            if len(drawn) > _LONGEST:
                continue
            raster = typeset(
                drawn, script, rng, self._library,
                recipe=self._recipe, style="sign", body=round(body),
            )  # fmt: skip
            if raster is not None and raster.alpha.shape[1] <= room:
                return raster.alpha
        return None


def _free(
    rng: np.random.Generator, wall: tuple[int, int], size: tuple[int, int], taken: list[Box]
) -> Box | None:
    """Find a free place, and mark it as taken."""
    margin = 6
    room = wall[0] - size[0] - 2 * margin, wall[1] - size[1] - 2 * margin
    if min(room) <= 0:
        return None
    for _ in range(_TRIES):
        left, top = (int(rng.integers(side)) + margin for side in room)
        box = (left, top, left + size[0], top + size[1])
        if all(
            box[0] > other[2] + margin
            or box[2] < other[0] - margin
            or box[1] > other[3] + margin
            or box[3] < other[1] - margin
            for other in taken
        ):
            taken.append(box)
            return box
    return None


def _ink(mask: npt.NDArray[np.uint8]) -> Quads:
    """Corners (4, 2) of the box around the ink of an alpha mask."""
    x, y, width, height = cv2.boundingRect((mask > 64).astype(np.uint8))
    return rectangle(x, y, x + width, y + height)


def _hang(rng: np.random.Generator, wall: RgbArray, board: _Board, place: Box) -> Quads:
    """Paste a board at its place, slightly rotated and in perspective; give its lines there."""
    height, width = board.pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = float(np.clip(rng.normal(0, _TILT), -0.2, 0.2)) if rng.random() < 0.7 else 0.0
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    seen = (corners - corners.mean(0)) @ turn
    seen += rng.normal(0, _SIDEWAYS, (4, 2)) * min(width, height) * (rng.random() < 0.5)
    seen += [(place[0] + place[2]) / 2, (place[1] + place[3]) / 2]
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    size = (wall.shape[1], wall.shape[0])
    hung = cv2.warpPerspective(board.pixels, matrix, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size)
    np.copyto(wall, np.asarray(hung, np.uint8), where=np.asarray(inside)[:, :, None] > 127)
    return np.asarray(cv2.perspectiveTransform(board.lines, matrix), np.float64)
