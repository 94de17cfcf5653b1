"""A fake recognizer for the page: it finds the same in every picture, at places by its size.

The width of a picture decides what goes wrong: see `BAD`, `BUSY` and `BUG`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

from PIL import Image, ImageOps
from served_fake import FakeRecognizer

from lipiyana.errors import InvalidImage, Overloaded
from lipiyana.types import (
    Box,
    Category,
    ImageInput,
    ModelInfo,
    Plate,
    PlateColour,
    Polygon,
    RawImage,
    Recognition,
    RecognitionConfig,
    Registration,
    RegistrationFormat,
    TextLine,
    Vehicle,
)

BAD, BUSY, BUG = 333, 334, 335
"""Widths of pictures that are no pictures, that are refused once, and that raise a bug."""

HOSTILE = '<img src=x onerror="document.title=1">'
HINDI = "श्री गणेश मिष्ठान"
VALID = "KA01AB1234"
DOUBTFUL = "KL07CD8888"


class PageRecognizer(FakeRecognizer):
    """Finds two vehicles, two plates and three lines; can be held as `FakeRecognizer` can."""

    def __init__(self) -> None:
        super().__init__()
        self.configs: list[RecognitionConfig | None] = []
        self.busy_answers = 1
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Forget what was read before."""
        self.computed.clear()
        self.configs.clear()
        self.busy_answers = 1
        while not self._began.empty():
            self._began.get()

    def wait_for_next(self) -> None:
        """Wait until the reading of a picture has started."""
        self._began.get(timeout=60)

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        if isinstance(image, RawImage):
            if min(image.width, image.height) < 100:  # the warm-up
                return Recognition(image.width, image.height)
            size = image.width, image.height
            self.computed.append(b"")
            self._began.put(b"")
        else:
            assert isinstance(image, bytes)
            self.computed.append(image)
            self._began.put(image)
            try:
                with Image.open(io.BytesIO(image)) as opened:
                    size = ImageOps.exif_transpose(opened).size
            except OSError:
                raise InvalidImage("this is not a picture", reason="NOT_AN_IMAGE") from None
        self.configs.append(config)
        assert self._gate.wait(60)
        if size[0] == BAD:
            raise InvalidImage("the picture ends before its end", reason="TRUNCATED_IMAGE")
        if size[0] == BUG:
            raise KeyError("bug")
        with self._lock:
            busy = size[0] == BUSY and self.busy_answers > 0
            self.busy_answers -= busy
        if busy:
            raise Overloaded("too many pictures wait", retry_after=1.0)
        return found(*size, romanize=bool(config and config.romanize))


def found(width: int, height: int, *, romanize: bool = False) -> Recognition:
    """What is found in a picture of this size."""

    def box(left: float, top: float, right: float, bottom: float) -> Box:
        return Box(left * width, top * height, right * width, bottom * height)

    def line(text: str, script: str, confidence: float, at: Box) -> TextLine:
        latin = "shri ganesh mishthan" if romanize and script == "Deva" else ""
        return TextLine(text, script, confidence, _corners(at), latin)

    sure = (0.99,) * 6 + (0.55,) + (0.98,) * 3
    return Recognition(
        width,
        height,
        vehicles=(
            Vehicle("auto_rickshaw", 0.95, box(0.55, 0.4, 0.95, 0.95), plate_indices=(0,)),
            Vehicle("car", 0.6, box(0.05, 0.45, 0.45, 0.95), plate_indices=(1,)),
        ),
        plates=(
            _plate(VALID, box(0.65, 0.75, 0.85, 0.85), 0.97, vehicle=0, sure=sure),
            _plate(DOUBTFUL, box(0.15, 0.75, 0.35, 0.85), 0.5, vehicle=1),
        ),
        text_lines=(
            line(HINDI, "Deva", 0.9, box(0.1, 0.1, 0.5, 0.2)),
            line("SWEETS", "Latn", 0.8, box(0.1, 0.21, 0.4, 0.3)),
            line(HOSTILE, "Latn", 0.4, box(0.6, 0.1, 0.9, 0.2)),
            # a row of the plate, which the page shows once
            line(VALID, "Latn", 0.97, box(0.66, 0.76, 0.84, 0.84)),
        ),
        models=(ModelInfo("fake", "1.0", "0" * 64),),
        timings={"decode": 0.002, "detect_text": 0.25},
        rotation_degrees=90 if width == 900 else 0,
    )


def _plate(
    text: str, box: Box, confidence: float, *, vehicle: int, sure: tuple[float, ...] = ()
) -> Plate:
    valid = text == VALID
    registration = Registration(
        canonical=text,
        valid=valid,
        format=RegistrationFormat.STANDARD,
        country="IN",
        region_code=text[:2],
        region_name="Karnataka" if valid else "Kerala",
        category=Category.TRANSPORT,
        romanized=text,
        character_confidences=sure or (0.7,) * len(text),
        alternatives=() if valid else ("KL07CD8883", "KL07CD8B88"),
    )
    return Plate(
        text,
        confidence,
        box,
        registration=registration,
        colour=PlateColour.BLACK_ON_YELLOW,
        colour_confidence=0.9,
        category_conflict=not valid,
        vehicle_index=vehicle,
    )


def _corners(box: Box) -> Polygon:
    # a little tilted, as signs are
    tilt = (box.y_max - box.y_min) * 0.15
    return (
        (box.x_min, box.y_min),
        (box.x_max, box.y_min + tilt),
        (box.x_max, box.y_max),
        (box.x_min, box.y_max - tilt),
    )


def picture(
    width: int = 800,
    height: int = 600,
    *,
    kind: str = "PNG",
    colour: tuple[int, int, int] = (90, 120, 150),
    orientation: int | None = None,
    draw: Callable[[Image.Image], None] | None = None,
) -> bytes:
    """Make a picture of one colour, upon which `draw` may draw."""
    image = Image.new("RGB", (width, height), colour)
    if draw is not None:
        draw(image)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif)
    return buffer.getvalue()
