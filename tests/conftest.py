"""Little pictures, drawn when they are needed, and the real models, loaded once."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings
from needs import PICTURES, missing_fonts
from PIL import Image

from lipiyana.arrays import RgbArray
from lipiyana.pipeline import LocalRecognizer
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime import store as runtime
from lipiyana.runtime.manifest import MANIFEST, Task
from lipiyana.runtime.store import ModelStore

settings.register_profile("lipiyana", deadline=None)  # no test is about time
settings.load_profile("lipiyana")

pytest_plugins = ("counting_skips",)


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Training tells the CPU to round them to zero; other tests draw them."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def store() -> ModelStore:
    """The built-in models, one thread."""
    return ModelStore(threads=1)


@pytest.fixture
def store_without_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """The built-in models except those that find vehicles and plates, one thread."""
    models, folder = runtime._built_in(), tmp_path / "built_in"
    folder.mkdir()
    for path in models.iterdir():
        (folder / path.name).symlink_to(path)
    head, *entries = (models / MANIFEST).read_text("utf-8").split("[[model]]")
    kept = [entry for entry in entries if Task.VEHICLE_DETECTOR not in entry]
    assert len(kept) < len(entries)
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).write_text("[[model]]".join([head, *kept]), "utf-8")
    monkeypatch.setattr(runtime, "_built_in", lambda: folder)
    return ModelStore(threads=1)


@pytest.fixture(scope="session")
def recognizer(store: ModelStore) -> LocalRecognizer:
    return LocalRecognizer(store)


@pytest.fixture(scope="session")
def draw_text() -> Callable[..., RgbArray]:
    """Return a function that draws lines of text, black on white, as an RGB array."""

    def draw(*lines: str, scale: float = 1.4, margin: int = 16) -> RgbArray:
        font, thickness = cv2.FONT_HERSHEY_SIMPLEX, 3
        sizes = [cv2.getTextSize(line, font, scale, thickness)[0] for line in lines]
        pitch = max(height for _, height in sizes) + margin
        width = max(width for width, _ in sizes) + 2 * margin
        picture = np.full((pitch * len(lines) + 2 * margin, width, 3), 255, np.uint8)
        for row, line in enumerate(lines, start=1):
            at = (margin, pitch * row)
            cv2.putText(picture, line, at, font, scale, (0, 0, 0), thickness, cv2.LINE_AA)
        return picture

    return draw


@pytest.fixture(scope="session")
def scene(draw_text: Callable[..., RgbArray]) -> RgbArray:
    """A grey street scene with a shop's name above and a plate below, (400, 640, 3) RGB."""
    picture = np.full((400, 640, 3), 120, np.uint8)
    for text, (x, y) in (("BAKERY", (60, 40)), ("KA 01 AB 1234", (150, 250))):
        board = draw_text(text)
        picture[y : y + board.shape[0], x : x + board.shape[1]] = board
    return picture


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Return a function that encodes an array, or a Pillow image, in a format of Pillow's."""

    def encoded(picture: RgbArray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return encoded


@pytest.fixture
def default_hangup() -> Iterator[None]:
    """Give SIGHUP its usual effect, here and in processes that are started; nohup ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def font_library() -> FontLibrary:
    """The renderer's fonts; tests that need them skip where any of the set is missing."""
    library = FontLibrary.load()
    if missing := library.missing():
        pytest.skip(missing_fonts(missing))
    return library


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures; tests that need it skip where it is missing."""
    folder = Path(__file__).parents[1] / ".." / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(PICTURES)
    return folder
