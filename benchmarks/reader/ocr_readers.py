"""Readers of single lines with one interface: this project, Tesseract 5 and RapidOCR."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.learning.quantize.timing import median_milliseconds
from lipiyana.ocr.recognition.reader import Reader
from lipiyana.runtime.manifest import MANIFEST, ModelEntry, Task
from lipiyana.runtime.session import Session
from lipiyana.runtime.store import ModelStore

TESSERACT_DATA = Path(os.environ.get("TESSDATA_PREFIX", "/usr/share/tesseract-ocr/5/tessdata"))
TESSERACT_PACKS = {
    "Deva": ("hin", "Devanagari"), "Beng": ("ben", "Bengali"), "Guru": ("pan", "Gurmukhi"),
    "Gujr": ("guj", "Gujarati"), "Orya": ("ori", "Oriya"), "Taml": ("tam", "Tamil"),
    "Telu": ("tel", "Telugu"), "Knda": ("kan", "Kannada"), "Mlym": ("mal", "Malayalam"),
    "Arab": ("urd", "Arabic"), "Latn": ("eng", "Latin"),
}  # fmt: skip
"""Language and script packs of Debian's tesseract-ocr-all by ISO 15924 code."""

LINE_MODES = (7, 8, 13)
"""Page segmentation modes: one line, one word, one line without Tesseract's own tricks."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of one mode of a reader on some pictures.

    Attributes:
        mode: which way of reading, "" if there is only one.
        texts: one a picture.
        milliseconds: CPU time a picture; loading the model is left out.
        model_bytes: size of its models' files, unpacked.
    """

    mode: str
    texts: tuple[str, ...]
    milliseconds: float
    model_bytes: int


class Engine(Protocol):
    """Reads pictures of one line each."""

    name: str

    def read(self, images: Sequence[RgbArray], script: str) -> list[Attempt]:
        """Read (height, width, 3) RGB pictures in every mode; [] if the script is not known."""
        ...


def open_store(model: str, folder: Path, words: Path | None = None) -> tuple[ModelStore, str]:
    """Find a reader: the path of an ONNX file, packed or not, or a name in the installed manifest.

    Args:
        model: a path or a name.
        folder: an empty folder, where a manifest for the file is written.
        words: the language model that it is to spell with.

    Returns:
        A store of one thread whose default reader is that model, and the model's name in it.
    """
    path = Path(model)
    entry = None if path.is_file() else ModelStore(threads=1).entry(model)
    name, file = (entry.name, entry.file) if entry else (path.name, path.resolve())
    fields = {
        "name": name,
        "task": Task.LINE_READER.value,
        "file": str(file),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    if words:
        fields["parameters.words"] = str(words.resolve())
        fields["parameters.words_sha256"] = hashlib.sha256(words.read_bytes()).hexdigest()
    rows = "\n".join(f"{key} = {json.dumps(value)}" for key, value in fields.items())
    (folder / MANIFEST).write_text(f"[[model]]\n{rows}\n", "utf-8")
    return ModelStore(folder, threads=1), name


class OurEngine:
    """A line reader of this project."""

    def __init__(self, name: str, reader: Reader) -> None:
        self.name = name
        self._reader = reader

    def read(self, images: Sequence[RgbArray], script: str) -> list[Attempt]:  # noqa: ARG002
        """Read one after the other."""
        self._reader.read(images[:1])  # loads the model
        begin = time.process_time()
        texts = tuple(self._reader.read([image])[0].text for image in images)
        spent = time.process_time() - begin
        size = sum(_size(entry) for entry in self._reader.entries)
        return [Attempt("", texts, 1000 * spent / len(images), size)]


def _size(entry: ModelEntry) -> int:
    return len(entry.read_bytes()) + (entry.words.stat().st_size if entry.words else 0)


class RapidEngine:
    """RapidOCR's recognizer alone (PP-OCRv6 small), for Latin."""

    name = "RapidOCR"

    def __init__(self) -> None:
        # one thread, and the recognizer is all that is ever run
        import rapidocr  # of the extra `ppocr`: other readers are compared without it

        self._engine = rapidocr.RapidOCR(
            params={
                "Global.log_level": "error",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        models = Path(rapidocr.__file__).parent / "models"
        self._bytes = (models / "PP-OCRv6_rec_small.onnx").stat().st_size

    def read(self, images: Sequence[RgbArray], script: str) -> list[Attempt]:
        """Read one after the other."""
        if script != "Latn":
            return []
        self._one(images[0])
        begin = time.process_time()
        texts = tuple(self._one(image) for image in images)
        spent = time.process_time() - begin
        return [Attempt("", texts, 1000 * spent / len(images), self._bytes)]

    def _one(self, image: RgbArray) -> str:
        found = self._engine(image[..., ::-1], use_det=False, use_cls=False, use_rec=True)
        return " ".join(getattr(found, "txts", None) or ())


class TesseractEngine:
    """Tesseract's command line, all pictures of a set in one call, so that it loads once."""

    name = "Tesseract 5"

    def __init__(self) -> None:
        """Find it.

        Raises:
            FileNotFoundError: Debian's tesseract-ocr-all is not installed.
        """
        if shutil.which("tesseract") is None or not TESSERACT_DATA.is_dir():
            raise FileNotFoundError("tesseract is not installed: apt-get install tesseract-ocr-all")

    def read(self, images: Sequence[RgbArray], script: str) -> list[Attempt]:
        """Read in each mode with each pack of the script."""
        packs = TESSERACT_PACKS.get(script, ())
        with written(images) as paths:
            return [self._attempt(paths, pack, mode) for pack in packs for mode in LINE_MODES]

    def _attempt(self, paths: Sequence[Path], pack: str, mode: int) -> Attempt:
        # the second call does nothing but load
        texts, spent = run_tesseract(paths, pack, mode)
        _, loading = run_tesseract(paths[:1], pack, mode)
        one = (spent - loading) / max(1, len(paths) - 1)
        size = (TESSERACT_DATA / f"{pack}.traineddata").stat().st_size
        return Attempt(f"{pack}, psm {mode}", texts, 1000 * one, size)


@contextmanager
def written(images: Sequence[RgbArray]) -> Iterator[list[Path]]:
    """Write RGB pictures as PNG files that last as long as the context."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:05d}.png" for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            cv2.imwrite(str(path), image[..., ::-1])
        yield paths


def run_tesseract(paths: Sequence[Path], packs: str, mode: int) -> tuple[tuple[str, ...], float]:
    """Read all files in one call on one thread.

    Returns:
        The text of each file, and the CPU seconds of the call.

    Raises:
        RuntimeError: Tesseract did not answer for every file.
    """
    command = ["tesseract", "stdin", "stdout", "--psm", str(mode), "-l", packs]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as names:
        names.write("".join(f"{path}\n" for path in paths))
        names.flush()
        command[1] = names.name
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, encoding="utf-8", check=True
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # a form feed parts the pages
    texts = tuple(text.strip() for text in done.stdout.split("\f"))
    if len(texts) != len(paths):
        raise RuntimeError(f"Tesseract gave {len(texts)} texts for {len(paths)} pictures")
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return texts, spent


def interleaved_medians(
    sessions: Sequence[Session], width: int, rounds: int = 30
) -> tuple[float, ...]:
    """Median milliseconds of each model on one line of 48 by `width` pixels, in turns.

    Turns give all of them the same conditions.
    """
    batch = np.random.default_rng(0).uniform(-1, 1, (1, 3, 48, width)).astype(np.float32)
    return median_milliseconds(sessions, batch, rounds)
