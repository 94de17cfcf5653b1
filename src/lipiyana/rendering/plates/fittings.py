"""Parts of a plate other than its registration (strip, bolts, flag, caption), and its wear."""

from __future__ import annotations

import cv2
import numpy as np

from lipiyana.rendering.effects.backgrounds import Canvas
from lipiyana.rendering.effects.camera import smooth_noise
from lipiyana.rendering.plates.lettering import Lettering, set_row
from lipiyana.rendering.plates.styles import PlateStyle
from lipiyana.rendering.text import lettering as ink
from lipiyana.rendering.text.shaping import Mask


def age(rng: np.random.Generator, sheet: Canvas, style: PlateStyle, scale: float) -> None:
    """Draw mud, rust and scratches on a finished sheet, in place."""
    height, width = sheet.shape[:2]
    if style.dirt:
        field = smooth_noise(rng, height, width, height * rng.uniform(0.2, 0.6), octaves=3)
        low = np.linspace(-0.5, 0.35, height, dtype=np.float32)[:, None]
        amount = np.clip(field + low - 0.25 + 0.5 * style.dirt, 0, 1) * np.float32(
            0.75 * style.dirt
        )
        mud = np.array([[122, 104, 82], [150, 138, 118], [92, 84, 74]], np.float32)[rng.integers(3)]
        sheet += (mud - sheet) * amount[:, :, None]
    if style.rust:
        field = smooth_noise(rng, height, width, max(3.0, 9 * scale), octaves=3)
        edge = np.ones((height, width), np.float32)
        inset = max(1, round(height * 0.09))
        edge[inset:-inset, inset:-inset] = 0
        edge = np.asarray(cv2.GaussianBlur(edge, (0, 0), inset), np.float32)
        spots = np.clip((field + edge * 0.9 - 0.75) * 3, 0, 1) * np.float32(0.8 * style.rust)
        sheet += (np.array([112, 62, 34], np.float32) - sheet) * spots[:, :, None]
    for _ in range(int(rng.poisson(2.5 * style.wear))):
        start = rng.uniform(0, 1, 2) * (width, height)
        end = start + rng.normal(0, 0.25, 2) * (width, height)
        shade = float(rng.choice([rng.uniform(60, 110), rng.uniform(180, 235)]))
        ends = [start.astype(int).tolist(), end.astype(int).tolist()]
        cv2.line(sheet, ends[0], ends[1], (shade, shade, shade), 1, cv2.LINE_AA)


_MARK_BLUE = np.array([52, 92, 178], np.float32)
_SMALL = Lettering("strokes", tracking=0.2, stroke=0.17, width=0.55, radius=0.4)


def add_strip(rng: np.random.Generator, sheet: Canvas, style: PlateStyle, scale: float) -> None:
    """Draw the marks of a high-security plate, or the blue band, at the left, in place."""
    if style.strip == "none":
        return
    height, width = sheet.shape[:2]
    narrow = style.width < 300
    if style.strip == "blue":
        band = round(width * 0.075)
        blue = np.array([20, 62, 160], np.float32) + rng.normal(0, 14, 3).astype(np.float32)
        ink.paint(sheet[:, :band], np.full((height, band), 255, np.uint8), blue)
        pale = np.array([225, 228, 235], np.float32)
        _wheel(sheet, (band / 2, height * 0.32), band * 0.34, pale, dots=rng.random() < 0.5)
        _word(
            sheet,
            "IND",
            (band / 2, height * 0.76),
            size=band * 0.3,
            widest=band * 0.82,
            colour=pale,
        )
        return
    # 20 x 20 mm hologram, IND below it, laser-engraved number at the bottom
    side = (10.0 if narrow else 20.0) * scale
    x, y = width * 0.015 + side * 0.55, height * (0.26 if len(style.glyphs) == 1 else 0.16)
    _hologram(rng, sheet, (x, y), side)
    middle = height * (0.56 if len(style.glyphs) == 1 else 0.34)
    size = (7.0 if narrow else 12.0) * scale
    _word(sheet, "IND", (x, middle), size=size, widest=side * 1.5, colour=_MARK_BLUE, opacity=0.8)
    serial = "AA" + "".join(str(d) for d in rng.integers(0, 10, 8))
    grey = np.array([120, 124, 130], np.float32)
    place = (x + side * 0.8, height * 0.93)
    _word(sheet, serial, place, size=4 * scale, widest=side * 2.4, colour=grey, opacity=0.7)


def add_bolts(rng: np.random.Generator, sheet: Canvas, style: PlateStyle, scale: float) -> None:
    """Draw the heads of bolts or rivets, each with a shadow, in place."""
    height, width = sheet.shape[:2]
    radius = max(1.5, float(rng.uniform(4, 8)) * scale * (0.7 if style.height < 100 else 1.0))
    tone = float(rng.choice([rng.uniform(30, 80), rng.uniform(140, 215)]))
    for u, v in style.bolts:
        x, y = u * width + rng.normal(0, 1) * scale, v * height + rng.normal(0, 1) * scale
        _disc(sheet, (x + radius * 0.25, y + radius * 0.35), radius * 1.15, np.float32(25), 0.55)
        _disc(sheet, (x, y), radius, np.float32(tone), 0.95)
        _disc(sheet, (x - radius * 0.3, y - radius * 0.3), radius * 0.4, np.float32(tone + 40), 0.7)
        if radius > 4:
            turn = rng.uniform(0, np.pi)
            dx, dy = np.cos(turn) * radius * 0.7, np.sin(turn) * radius * 0.7
            ends = [(round(x - dx), round(y - dy)), (round(x + dx), round(y + dy))]
            dark = (tone * 0.4,) * 3
            cv2.line(sheet, ends[0], ends[1], dark, max(1, round(radius * 0.25)), cv2.LINE_AA)
        if style.rust and rng.random() < 0.6:
            stain = np.zeros((height, width), np.uint8)
            long = round(y + radius * rng.uniform(2, 7))
            cv2.line(stain, (round(x), round(y)), (round(x), long), 255, max(1, round(radius)))
            soft = np.asarray(cv2.GaussianBlur(stain, (0, 0), radius * 0.6), np.uint8)
            ink.paint(sheet, soft, np.array([120, 70, 40], np.float32), 0.6 * style.rust)


def add_caption(sheet: Canvas, style: PlateStyle, below: int, scale: float) -> None:
    """Draw words that are not part of the registration below it, if they fit, in place."""
    height, width = sheet.shape[:2]
    room = height - below
    size = min(11 * scale, room * 0.55)
    if size >= 4:
        words = style.caption.replace(".", "")
        place = (width / 2, below + room * 0.5)
        _word(sheet, words, place, size=size, widest=width * 0.6, colour=style.ink, opacity=0.9)


def add_flag(sheet: Canvas, scale: float) -> None:
    """Draw a white field with the two pennants of Nepal at the left, in place."""
    height, width = sheet.shape[:2]
    field = round(width * 0.16)
    ink.paint(
        sheet[:, :field], np.full((height, field), 255, np.uint8), np.full(3, 235, np.float32)
    )
    x, w = field * 0.22, field * 0.62
    top, low = height * 0.2, height * 0.8
    waist = (top + low) / 2
    points = [(x, top), (x + w, waist), (x + w * 0.45, waist), (x + w, low), (x, low)]
    polygon = np.array(points, np.int32)
    cv2.fillPoly(sheet, [polygon], (200.0, 24.0, 50.0), cv2.LINE_AA)
    pen = max(1, round(1.5 * scale))
    cv2.polylines(sheet, [polygon], True, (20.0, 40.0, 130.0), pen, cv2.LINE_AA)
    for y, radius in ((top + height * 0.19, 0.1), (low - height * 0.12, 0.12)):
        _disc(sheet, (x + w * 0.3, y), max(1.0, w * radius), np.float32(245), 1.0)


def add_seal(sheet: Canvas, row: tuple[int, int, int, int]) -> None:
    """Draw the grey disc of the Bangladeshi authority between lot and number, in place."""
    x0, y0, x1, y1 = row
    radius = (y1 - y0) * 0.16
    centre = (x0 + (x1 - x0) * 0.37, y0 + (y1 - y0) * 0.3)
    _disc(sheet, centre, radius, np.float32(150), 0.75)
    _disc(sheet, centre, radius * 0.7, np.float32(175), 0.6)


def _hologram(
    rng: np.random.Generator, sheet: Canvas, centre: tuple[float, float], side: float
) -> None:
    height, width = sheet.shape[:2]
    half = max(1.0, side / 2)
    x0, x1 = max(0, round(centre[0] - half)), min(width, round(centre[0] + half))
    y0, y1 = max(0, round(centre[1] - half)), min(height, round(centre[1] + half))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    y, x = np.mgrid[0 : 1 : (y1 - y0) * 1j, 0 : 1 : (x1 - x0) * 1j].astype(np.float32)
    phase = np.float32(rng.uniform(0, 6))
    film = np.stack([np.sin(6 * (x + y) + phase + k) for k in (0.0, 2.1, 4.2)], axis=-1) * 34
    part = sheet[y0:y1, x0:x1]
    part += (np.float32(rng.uniform(130, 190)) + film - part) * np.float32(0.8)
    _wheel(sheet, centre, half * 0.7, np.array([70, 90, 150], np.float32), dots=False)


def _wheel(
    sheet: Canvas, centre: tuple[float, float], radius: float, colour: Canvas, *, dots: bool
) -> None:
    """Draw the wheel of 24 spokes, or the ring of dots that stickers show instead."""
    if radius < 3:
        _disc(sheet, centre, max(1.0, radius), colour, 0.8)
        return
    shade = colour.tolist()
    angles = np.linspace(0, 2 * np.pi, 12 if dots else 24, endpoint=False)
    tips = np.array(centre) + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius
    place = (round(centre[0]), round(centre[1]))
    if dots:
        for tip in tips:
            _disc(sheet, (float(tip[0]), float(tip[1])), max(1.0, radius * 0.14), colour, 1.0)
        return
    cv2.circle(sheet, place, round(radius), shade, max(1, round(radius * 0.1)), cv2.LINE_AA)
    for tip in np.rint(tips).astype(int).tolist():
        cv2.line(sheet, place, tip, shade, 1, cv2.LINE_AA)


def _disc(
    sheet: Canvas,
    centre: tuple[float, float],
    radius: float,
    colour: Canvas | np.float32,
    opacity: float,
) -> None:
    mask = np.zeros(sheet.shape[:2], np.uint8)
    fixed = (round(centre[0] * 16), round(centre[1] * 16))
    cv2.circle(mask, fixed, round(radius * 16), 255, -1, cv2.LINE_AA, shift=4)
    ink.paint(sheet, mask, np.broadcast_to(np.asarray(colour, np.float32), (3,)), opacity)


def _word(
    sheet: Canvas,
    word: str,
    centre: tuple[float, float],
    *,
    size: float,
    widest: float,
    colour: Canvas,
    opacity: float = 1.0,
) -> None:
    """Draw a small word in stroke letters, at most `widest` pixels wide."""
    large = set_row(np.random.default_rng(0), word, "Latn", _SMALL, max(24, round(size)))
    width = min(widest, large.shape[1] * size / large.shape[0])
    tall, wide = max(2, round(size)), max(3, round(width))
    mask = np.asarray(cv2.resize(large, (wide, tall), interpolation=cv2.INTER_AREA), np.uint8)
    _stamp(sheet, mask, centre, colour, opacity)


def _stamp(
    sheet: Canvas, mask: Mask, centre: tuple[float, float], colour: Canvas, opacity: float
) -> None:
    height, width = mask.shape
    x, y = max(0, round(centre[0] - width / 2)), max(0, round(centre[1] - height / 2))
    part = sheet[y : y + height, x : x + width]
    ink.paint(part, mask[: part.shape[0], : part.shape[1]], colour, opacity)
