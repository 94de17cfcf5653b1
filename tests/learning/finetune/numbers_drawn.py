"""Draws labelled pictures of numbers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def draw_number(text: str, seed: int = 0) -> np.ndarray:
    """Draw text in black on a random background, (48, W, 3) RGB."""
    rng = np.random.default_rng(seed)
    width = 21 * len(text) + 7
    picture = np.full((48, width, 3), int(rng.integers(180, 255)), np.uint8)
    at = (2 + int(rng.integers(-1, 2)), 36 + int(rng.integers(-3, 4)))
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 3, cv2.LINE_AA)
    noise = rng.normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def write_labelled(folder: Path, texts: list[str]) -> Path:
    """Write a picture for each text, and labels.tsv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, text in enumerate(texts):
        name = f"{number:04d}.png"
        cv2.imwrite(str(folder / name), draw_number(text, number)[..., ::-1])
        rows.append(f"{name}\t{text}\n")
    (folder / "labels.tsv").write_text("".join(rows), "utf-8")
    return folder
