"""Cut lines that are longer than a reader was trained on between words, and join the readings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.recognition.reader import LineReading
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of

_HEIGHT = 32  # at which gaps are looked for


def pieces_of(crop: RgbArray, *, settings: RecognitionSettings = RECOGNITION) -> list[RgbArray]:
    """Cut a line (height, width, 3) between words, from left to right, where it is too long."""
    height, width = crop.shape[:2]
    if width <= settings.longest_line * height or width > settings.no_line_aspect * height:
        return [crop]
    gaps = _gaps(crop, settings)
    cuts = sorted(_cuts(gaps, 0, width, height, settings))
    edges = [0, *cuts, width]
    return [crop[:, start:end] for start, end in pairwise(edges)]


def join_pieces(pieces: Sequence[LineReading]) -> LineReading:
    """One reading of pieces that stand from left to right."""
    if len(pieces) == 1:
        return pieces[0]
    kept = [piece.kept for piece in pieces if piece.kept is not None]
    read = [piece for piece in pieces if piece.text]
    scripts = [script_of(piece.text) for piece in read]
    directions = [SCRIPTS[script].direction for script in scripts if script != COMMON]
    if directions.count("rtl") > directions.count("ltr"):
        read.reverse()
    confidences: list[float] = []
    for piece in read:
        if confidences:
            # the space is as sure as the letters beside it
            confidences.append(min(confidences[-1], piece.character_confidences[0]))
        confidences += piece.character_confidences
    return LineReading(
        " ".join(piece.text for piece in read),
        float(np.mean(confidences)) if confidences else 0.0,
        tuple(confidences),
        np.concatenate(kept) if kept else None,
    )


def _cuts(
    gaps: Sequence[tuple[int, int]],
    start: int,
    end: int,
    height: int,
    settings: RecognitionSettings,
) -> Iterator[int]:
    """Cut at the widest gap, then what is still too long again."""
    if end - start <= settings.longest_line * height:
        return
    least = settings.min_piece * height
    inner = [gap for gap in gaps if gap[0] - start >= least and end - gap[1] >= least]
    if not inner:
        return
    left, right = max(inner, key=lambda gap: gap[1] - gap[0])
    cut = (left + right) // 2
    yield cut
    yield from _cuts(gaps, start, cut, height, settings)
    yield from _cuts(gaps, cut, end, height, settings)


def _gaps(crop: RgbArray, settings: RecognitionSettings) -> list[tuple[int, int]]:
    """Columns (from, to) without ink that are wide enough to part words."""
    height, width = crop.shape[:2]
    scale = _HEIGHT / height
    size = (max(1, round(width * scale)), _HEIGHT)
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    ink = _ink(np.asarray(small, np.uint8))
    margin = round(settings.gap_margin * _HEIGHT)
    empty = ink[margin : _HEIGHT - margin].mean(axis=0) <= settings.gap_ink
    edges = np.flatnonzero(np.diff(np.concatenate([[0], empty.astype(np.int8), [0]])))
    runs = edges.reshape(-1, 2)
    inner = runs[(runs[:, 0] > 0) & (runs[:, 1] < len(empty))]
    if not len(inner):
        return []
    sizes = inner[:, 1] - inner[:, 0]
    least = settings.min_gap * _HEIGHT
    if len(inner) > settings.letter_gaps * len(empty) / _HEIGHT:
        least = max(least, settings.clearly_wider * float(np.median(sizes)))
    return [(round(a / scale), round(b / scale)) for a, b in inner[sizes >= least].tolist()]


def _ink(image: RgbArray) -> npt.NDArray[np.bool_]:
    """Where the letters are: what differs from the colour around them."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    # ground shows at the upper and lower edge; light changes slowly along a line
    edge = np.concatenate([lab[:2], lab[-2:]])
    ground = cv2.blur(np.median(edge, axis=0)[None], (4 * _HEIGHT + 1, 1))
    distance = np.sqrt(((lab - ground) ** 2).sum(axis=2)).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.threshold(distance, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1] > 0)
