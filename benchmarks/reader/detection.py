"""Quality and time of text detection on photos of signs, by script.

    python benchmarks/reader/detection.py [--each 6] [--out FOLDER]

The photos are rendered (`sign_boards.py`), so that the ink of every word is known. `--out` writes
them with the detected boxes.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sign_boards import BoardPainter, SignPhoto, TrueWord

from lipiyana.ocr.detection.detector import SCENE_DETECTION, DetectionSettings, TextDetector
from lipiyana.rendering.contents.corpus import Corpus
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime.store import ModelStore

Quad = npt.NDArray[np.float64]
SETTINGS = {"scene": SCENE_DETECTION, "as PP-OCR": DetectionSettings()}


@dataclass(slots=True)
class Tally:
    """Counts of words.

    Attributes:
        words: all words.
        missed: words of which no box covers a third of the ink.
        whole: words of which one box covers 95 % of the ink.
        cut: words whose best box cuts off 5 % of the height at the top or bottom.
        split: words whose ink is covered only by several boxes together.
        foreign: words whose box contains a tenth or more of a word of another line.
        looseness: box height divided by the ink height of its line; the table shows the mean.
    """

    words: float = 0
    missed: float = 0
    whole: float = 0
    cut_above: float = 0
    cut_below: float = 0
    split: float = 0
    foreign: float = 0
    looseness: float = 0

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def shares(self) -> list[str]:
        """Return every count but the first divided by the number of words, as text."""
        found = max(1.0, self.words - self.missed)
        rates = [getattr(self, field.name) / max(1.0, self.words) for field in fields(self)[1:-1]]
        return [f"{rate:.3f}" for rate in rates] + [f"{self.looseness / found:.2f}"]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A word's ink in the coordinates of a box: along and across it, 0 to 1 inside the box."""

    along: Quad
    across: Quad

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        return (np.abs(self.along - 0.5) <= 0.5) & (np.abs(self.across - 0.5) <= 0.5)


def _look(word: TrueWord, box: Quad) -> _Seen:
    right, down = box[1] - box[0], box[3] - box[0]
    offset = word.ink - box[0]
    return _Seen(offset @ right / (right @ right), offset @ down / (down @ down))


def score(photo: SignPhoto, boxes: Sequence[Quad]) -> dict[str, Tally]:
    """Count the words of a photo by script."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    seen = [[_look(word, box) for box in boxes] for word in photo.words]
    shares = np.array([[view.inside.mean() for view in views] for views in seen])
    for index, word in enumerate(photo.words):
        if not len(boxes) or shares[index].max() < 1 / 3:
            tallies[word.script].add(Tally(words=1, missed=1))
            continue
        best = int(shares[index].argmax())
        across = seen[index][best].across
        height = float(np.ptp(across))
        together = np.any([view.inside for view in seen[index]], axis=0).mean()
        line = [
            seen[other][best].across
            for other, neighbour in enumerate(photo.words)
            if neighbour.line == word.line and shares[other, best] > 0.5
        ]
        foreign = any(
            neighbour.line != word.line and shares[other, best] > 0.1
            for other, neighbour in enumerate(photo.words)
        )
        tallies[word.script].add(
            Tally(
                words=1,
                whole=shares[index, best] >= 0.95,
                cut_above=-across.min() > 0.05 * height,
                cut_below=across.max() - 1 > 0.05 * height,
                split=shares[index, best] < 0.9 and together >= 0.95,
                foreign=foreign,
                looseness=1 / float(np.ptp(np.concatenate([across, *line]))),
            )
        )
    return tallies


def _draw(photo: SignPhoto, boxes: Sequence[Quad], path: Path) -> None:
    picture = photo.image.copy()
    for box in boxes:
        cv2.polylines(picture, [np.rint(box).astype(np.int32)], True, (255, 0, 255), 2, cv2.LINE_AA)
    cv2.imwrite(str(path), picture[:, :, ::-1])


def main() -> None:
    """Print one table per detection setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    parser.add_argument("--words", type=Path, default=shared / "words", help="word lists")
    parser.add_argument("--each", type=int, default=6, help="photos a script")
    parser.add_argument("--out", type=Path, help="folder for pictures with boxes")
    args = parser.parse_args()

    cv2.setNumThreads(1)
    painter = BoardPainter(FontLibrary.load(), Corpus.load(args.words, split="held_out"))
    photos = list(painter.photos(args.each))
    store = ModelStore(threads=1)
    console = Console()
    for name, settings in SETTINGS.items():
        detector = TextDetector(store, settings)
        detector.detect(photos[0].image)  # loads the model
        tallies: dict[str, Tally] = defaultdict(Tally)
        seconds = 0.0
        for index, photo in enumerate(photos):
            begin = time.process_time()
            boxes = [region.polygon for region in detector.detect(photo.image)]
            seconds += time.process_time() - begin
            for script, tally in score(photo, boxes).items():
                tallies[script].add(tally)
                tallies["all"].add(tally)
            if args.out and settings is SCENE_DETECTION:
                args.out.mkdir(parents=True, exist_ok=True)
                _draw(photo, boxes, args.out / f"{index:03d}_{photo.script}.png")
        title = f"{name}: {len(photos)} photos, {1000 * seconds / len(photos):.0f} ms each"
        heads = [field.name.replace("_", " ") for field in fields(Tally)]
        table = Table("script", *heads, title=title)
        for script in sorted(tallies):
            tally = tallies[script]
            table.add_row(script, f"{tally.words:.0f}", *tally.shares())
        console.print(table)


if __name__ == "__main__":
    main()
