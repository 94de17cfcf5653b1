"""Scores a reader on the validation part of the real crops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lipiyana.learning.trainer.metrics import score_texts
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.recognition.line_input import line_input
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.batches import greedy_texts
from lipiyana.ocr.training.network import LineReaderNet
from lipiyana.ocr.training.plates.crops import real_rows
from lipiyana.ocr.training.real_crops import load_lines
from lipiyana.runtime.packed import read_unpacked
from lipiyana.runtime.session import open_session

Floats = npt.NDArray[np.float32]
ReadFunction = Callable[[Floats], Floats]
"""Pixels (N, 3, 48, W) to logits or probabilities (N, T, classes)."""


@dataclass(frozen=True, slots=True)
class CropScore:
    """Share of exact lines and character error rate over `crops` crops."""

    exact: float
    cer: float
    crops: int


def read_with_torch(net: LineReaderNet) -> ReadFunction:
    """Wrap a network in training."""
    device = next(net.parameters()).device

    def read(pixels: Floats) -> Floats:
        net.eval()
        with torch.inference_mode():
            return np.asarray(net(torch.from_numpy(pixels).to(device)).float().cpu().numpy())

    return read


def read_with_onnx(path: Path) -> ReadFunction:
    """Wrap an exported model, packed or not, on one thread."""
    session = open_session(read_unpacked(path), threads=1)

    def read(pixels: Floats) -> Floats:
        return np.asarray(session.run(None, {"pixels": pixels})[0])

    return read


def score_crops(
    read: ReadFunction, charset: Charset, root: Path, street: Path | None = None
) -> dict[str, CropScore]:
    """Read the validation part of each folder of real crops with greedy decoding.

    Args:
        read: the reader.
        charset: charset of its classes.
        root: folder with one folder of crops for each source.
        street: folder of street pictures with plates to read too.
    """
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for folder, image, text in _lines(root, street):
        output = torch.from_numpy(read(line_input(image)[None]))
        found[folder].append((normalize(text), normalize(greedy_texts(output, charset)[0])))
    return {folder: score_lines(pairs) for folder, pairs in found.items()}


def _lines(root: Path, street: Path | None) -> Iterator[tuple[str, npt.NDArray[np.uint8], str]]:
    seen = set()
    for line in load_lines(root, "validation"):
        seen.add(line[0])
        yield line
    yield from (row for row in real_rows(root, street, "validation") if row[0] not in seen)


def score_lines(pairs: Sequence[tuple[str, str]]) -> CropScore:
    """Score (truth, read) pairs.

    Raises:
        ValueError: there are no pairs.
    """
    score = score_texts(pairs)
    return CropScore(round(score.exact, 4), round(score.cer, 4), score.lines)
