"""Draws a plate from the front, without light or camera: sheet, characters and fittings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents.plate_texts import PlateText
from lipiyana.rendering.effects.backgrounds import Canvas
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.plates.fittings import (
    add_bolts,
    add_caption,
    add_flag,
    add_seal,
    add_strip,
    age,
)
from lipiyana.rendering.plates.lettering import set_row, squeezed_row
from lipiyana.rendering.plates.styles import PlateStyle
from lipiyana.rendering.text import lettering as ink
from lipiyana.rendering.text.shaping import Mask

Quad = npt.NDArray[np.float32]

_MARGIN = 0.035
_WIDEST = 2.0
_STRIP_SHARE = {"none": 0.0, "mark": 0.075, "blue": 0.085}


@dataclass(frozen=True, slots=True, eq=False)
class FlatPlate:
    """A plate from the front.

    Attributes:
        image: (H, W, 3) RGB.
        alpha: (H, W) uint8, opacity: 255 on the plate and its frame.
        rows: (rows, 4, 2) corners of the ink of each row, clockwise from the top left.
        outline: (4, 2) corners of the plate without its frame.
    """

    image: RgbArray
    alpha: Mask
    rows: Quad
    outline: Quad


def paint_plate(
    rng: np.random.Generator, text: PlateText, style: PlateStyle, pixels_per_mm: float
) -> FlatPlate:
    """Draw a plate at a scale.

    Args:
        rng: random generator.
        text: the registration.
        style: size, colours, lettering and wear.
        pixels_per_mm: the scale.
    """
    frame = round(style.frame * pixels_per_mm)
    width, height = round(style.width * pixels_per_mm), round(style.height * pixels_per_mm)
    sheet = _sheet(rng, style, width, height, pixels_per_mm)
    left = _STRIP_SHARE[style.strip] * width + (0.14 * width if style.flag else 0)
    mask, boxes = _set_rows(rng, text, style, (width, height), left=left, scale=pixels_per_mm)
    if style.red_line and len(boxes) == 2:
        _red_line(rng, sheet, boxes)
    _apply_ink(rng, sheet, mask, style, pixels_per_mm)
    add_strip(rng, sheet, style, pixels_per_mm)
    if style.flag:
        add_flag(sheet, pixels_per_mm)
    if style.seal:
        add_seal(sheet, boxes[-1])
    if style.caption:
        add_caption(sheet, style, boxes[-1][3], pixels_per_mm)
    add_bolts(rng, sheet, style, pixels_per_mm)
    age(rng, sheet, style, pixels_per_mm)
    shape = _rounded(width, height, style.corner * pixels_per_mm)
    corners = [_corners(box) for box in boxes]
    outline = _corners((0, 0, width, height))
    if frame:
        sheet, shape = _framed(rng, sheet, shape, frame)
        corners = [quad + np.float32(frame) for quad in corners]
        outline = outline + np.float32(frame)
    image = np.clip(sheet, 0, 255).astype(np.uint8)
    plate = FlatPlate(image, shape, np.stack(corners), outline)
    return _bent(plate, style.bend * height) if style.bend else plate


def _sheet(
    rng: np.random.Generator, style: PlateStyle, width: int, height: int, scale: float
) -> Canvas:
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = style.ground
    canvas += smooth_noise(rng, height, width, height * 0.5)[:, :, None] * np.float32(5)
    canvas += smooth_noise(rng, height, width, max(2.0, 2 * scale))[:, :, None] * np.float32(3)
    for rim in style.rims:
        pen = max(1, round(rim.width * scale))
        inset = round(rim.inset * scale) + pen // 2
        radius = max(0.0, style.corner * scale - inset)
        line = _rounded(width - 2 * inset, height - 2 * inset, radius)
        inner = _rounded(width - 2 * inset - 2 * pen, height - 2 * inset - 2 * pen, radius - pen)
        line[pen:-pen, pen:-pen] -= inner
        part = canvas[inset : height - inset, inset : width - inset]
        ink.paint(part, line, rim.colour)
    return canvas


def _set_rows(
    rng: np.random.Generator,
    text: PlateText,
    style: PlateStyle,
    size: tuple[int, int],
    *,
    left: float,
    scale: float,
) -> tuple[Mask, list[tuple[int, int, int, int]]]:
    """Place the rows; return their ink on the whole plate and a box for each row."""
    width, height = size
    x0, x1 = left + _MARGIN * width, width * (1 - _MARGIN)
    room = x1 - x0
    masks = []
    for row, tall in zip(text.rows, style.glyphs, strict=True):
        body = max(6, round(tall * scale))
        draw = squeezed_row if style.squeezed else set_row
        row_mask = draw(rng, _spaced(text, row), text.script, style.lettering, body)
        masks.append(_fitted(row_mask, room, height / len(text.rows) * 0.9, fill=style.fill))
    free = height - sum(mask.shape[0] for mask in masks)
    gap = free / (len(masks) + 1)
    between = gap * float(rng.uniform(0.55, 1.0)) if len(masks) > 1 and not style.fill else gap
    y = (free - between * (len(masks) - 1)) / 2 * float(rng.uniform(0.94, 1.06))
    canvas = np.zeros((height, width), np.uint8)
    boxes = []
    for mask in masks:
        tall, wide = mask.shape
        slack = room - wide
        x = round(x0 + slack * float(np.clip(rng.normal(0.5, 0.08), 0, 1)))
        top = round(min(max(y, 0), height - tall))
        canvas[top : top + tall, x : x + wide] = np.maximum(
            canvas[top : top + tall, x : x + wide], mask
        )
        boxes.append((x, top, x + wide, top + tall))
        y += tall + between
    return canvas, boxes


def _spaced(text: PlateText, row: str) -> str:
    """Add the space that Bangladeshi plates leave after the hyphen; labels do not contain it."""
    if text.country == "BD" and row[-1].isalpha():
        return row.replace("-", "- ")
    return row


def _fitted(mask: Mask, room: float, tallest: float, *, fill: bool) -> Mask:
    """Condense a row that is too wide; shrink it if condensing alone would make it illegible.

    With `fill` a narrow row is widened to the plate's width, a short one only in part.
    """
    height, width = mask.shape
    if fill:
        new_height = min(float(height), tallest)
        new_width = min(room, _WIDEST * width * new_height / height)
    else:
        squeeze = min(1.0, room / width)
        shrink = min(1.0, tallest / height, squeeze / 0.62)
        new_width, new_height = min(room, width * min(squeeze, 1.0)), height * shrink
        new_width = min(new_width, width * shrink) if shrink < squeeze else new_width
    size = (max(4, round(new_width)), max(4, round(new_height)))
    if size == (width, height):
        return mask
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def _apply_ink(
    rng: np.random.Generator, sheet: Canvas, mask: Mask, style: PlateStyle, scale: float
) -> None:
    worn = mask
    if style.wear:
        height, width = mask.shape
        field = smooth_noise(rng, height, width, max(2.0, 6 * scale), octaves=3)
        intact = np.clip((field + 0.95 - 0.75 * style.wear) * 4, 0, 1)
        fade = 1 - 0.35 * style.wear * float(rng.random())
        worn = (mask * (intact * fade)).astype(np.uint8)
    ink.paint(sheet, worn, style.ink)
    if style.embossed:
        # light from above: slopes that face upwards are brighter
        soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 1.6 * scale)).astype(np.float32) / 255
        slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3) * np.float32(0.5)
        slope += cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
        sheet += slope[:, :, None] * np.float32(42 * style.embossed)


def _red_line(
    rng: np.random.Generator, sheet: Canvas, boxes: list[tuple[int, int, int, int]]
) -> None:
    height, width = sheet.shape[:2]
    y = (boxes[0][3] + boxes[1][1]) / 2
    half = max(1.0, height * rng.uniform(0.012, 0.03))
    colour = np.array([rng.uniform(170, 220), rng.uniform(20, 60), rng.uniform(25, 60)], np.float32)
    line = np.zeros((height, width), np.uint8)
    line[max(0, round(y - half)) : round(y + half)] = 255
    ink.paint(sheet, line, colour, 0.92)


def _rounded(width: int, height: int, radius: float) -> Mask:
    mask = np.zeros((height, width), np.uint8)
    r = round(min(max(radius, 0.0), width / 2 - 1, height / 2 - 1))
    if r <= 0:
        mask[:] = 255
        return mask
    cv2.rectangle(mask, (r, 0), (width - 1 - r, height - 1), 255, -1)
    cv2.rectangle(mask, (0, r), (width - 1, height - 1 - r), 255, -1)
    for x in (r, width - 1 - r):
        for y in (r, height - 1 - r):
            cv2.circle(mask, (x, y), r, 255, -1, cv2.LINE_AA)
    return mask


def _framed(
    rng: np.random.Generator, sheet: Canvas, shape: Mask, frame: int
) -> tuple[Canvas, Mask]:
    height, width = sheet.shape[0] + 2 * frame, sheet.shape[1] + 2 * frame
    plastic = np.full((height, width, 3), rng.uniform(18, 48), np.float32)
    if rng.random() < 0.15:
        plastic[:] = np.full(3, rng.uniform(150, 205), np.float32)
    plastic[: max(1, frame // 4)] += np.float32(26)
    inner = plastic[frame:-frame, frame:-frame]
    ink.paint(inner, shape, sheet)
    return plastic, _rounded(width, height, frame * 1.2)


def _bent(plate: FlatPlate, rise: float) -> FlatPlate:
    """Bend the plate: its middle goes up by `rise` pixels (down where negative)."""
    height, width = plate.alpha.shape
    pad = int(np.ceil(abs(rise)))
    across = np.linspace(-1, 1, width, dtype=np.float32)

    def shift(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.float32(-rise) * (np.float32(0.5) - (x * np.float32(2 / width) - 1) ** 2)

    x = np.arange(width, dtype=np.float32)[None, :].repeat(height + 2 * pad, axis=0)
    y = np.arange(height + 2 * pad, dtype=np.float32)[:, None] - pad - shift(x[0])[None, :]
    shade = 1 + np.float32(0.06 * np.sign(rise)) * across
    bent = cv2.remap(plate.image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = np.clip(bent * shade[None, :, None], 0, 255).astype(np.uint8)
    alpha = cv2.remap(plate.alpha, x, y, cv2.INTER_LINEAR)

    def moved(quads: Quad) -> Quad:
        down = shift(quads[..., 0]) + np.float32(pad)
        return np.stack([quads[..., 0], quads[..., 1] + down], axis=-1)

    return FlatPlate(image, np.asarray(alpha, np.uint8), moved(plate.rows), moved(plate.outline))


def _corners(box: tuple[int, int, int, int]) -> Quad:
    x0, y0, x1, y1 = box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
