"""The values that every step passes on: frozen, plain, and free of numpy, OpenCV and protobuf.

Those that a caller makes are in `lipiyana.inputs`; they have their names here too.

Coordinates are pixels of the picture after its EXIF orientation has been applied: x to the
right, y down, (0, 0) the outer corner of the top left pixel. Confidences are in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lipiyana.inputs import (
    SCENE_CONFIDENCE,
    CachePolicy,
    Feature,
    Frame,
    FrameInput,
    ImageInput,
    Layout,
    PixelFormat,
    RawImage,
    RecognitionConfig,
)

__all__ = [
    "SCENE_CONFIDENCE",
    "Box",
    "CacheOutcome",
    "CachePolicy",
    "Category",
    "Feature",
    "Frame",
    "FrameInput",
    "ImageInput",
    "Layout",
    "ModelInfo",
    "PixelFormat",
    "Plate",
    "PlateColour",
    "Point",
    "Polygon",
    "RawImage",
    "Recognition",
    "RecognitionConfig",
    "Registration",
    "RegistrationFormat",
    "TextLine",
    "Vehicle",
]

Point = tuple[float, float]
Polygon = tuple[Point, Point, Point, Point]


class CacheOutcome(StrEnum):
    """How the answer came: `NONE` where no cache stands before the recognizer."""

    NONE = "none"
    HIT = "hit"
    MISS = "miss"
    BYPASS = "bypass"


class RegistrationFormat(StrEnum):
    """The families of registrations that the grammar knows."""

    STANDARD = "standard"
    DELHI = "delhi"
    BHARAT = "bharat"
    VINTAGE = "vintage"
    TEMPORARY = "temporary"
    TRADE = "trade"
    MILITARY = "military"
    DIPLOMATIC = "diplomatic"
    LEGACY = "legacy"
    NEPAL = "nepal"
    BANGLADESH = "bangladesh"


class PlateColour(StrEnum):
    """Colour of a plate: the text, then the ground it stands on."""

    BLACK_ON_WHITE = "black_on_white"
    BLACK_ON_YELLOW = "black_on_yellow"
    YELLOW_ON_BLACK = "yellow_on_black"
    WHITE_ON_GREEN = "white_on_green"
    YELLOW_ON_GREEN = "yellow_on_green"
    BLACK_ON_GREEN = "black_on_green"
    RED_ON_YELLOW = "red_on_yellow"
    WHITE_ON_RED = "white_on_red"
    WHITE_ON_BLUE = "white_on_blue"
    YELLOW_ON_BLUE = "yellow_on_blue"
    WHITE_ON_BLACK = "white_on_black"
    RED_ON_WHITE = "red_on_white"


class Category(StrEnum):
    """Whom a registration belongs to, as its colours and its format say."""

    PRIVATE = "private"
    TRANSPORT = "transport"
    RENTAL = "rental"
    ELECTRIC_PRIVATE = "electric_private"
    ELECTRIC_TRANSPORT = "electric_transport"
    ELECTRIC_RENTAL = "electric_rental"
    TEMPORARY = "temporary"
    TRADE = "trade"
    DIPLOMATIC = "diplomatic"
    CONSULAR = "consular"
    MILITARY = "military"
    VINTAGE = "vintage"
    GOVERNMENT = "government"


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text.

    Attributes:
        text: NFC, in logical order, native digits kept.
        script: ISO 15924 code of most of its letters (`Deva`, `Latn`, ...), `Zyyy` if none.
        confidence: mean confidence of its characters; less in a whole picture where its text is
            seldom a line (`ocr.stray_marks`).
        polygon: four corners, clockwise in reading order from the first character's top.
        romanized: Latin letters for `text`, or "" where not asked for.
    """

    text: str
    script: str
    confidence: float
    polygon: Polygon
    romanized: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a plate says, parsed.

    Attributes:
        canonical: letters and digits only, upper case, exactly the digits that are painted;
            English letters for India (and Nepal where the plate has them), else the plate's own
            script; "" where nothing parses.
        valid: whether `canonical` fits a known format and was read beyond doubt. What parses and is
            doubtful has its `canonical` and is not valid.
        format: the family, or None where nothing parses.
        country: ISO 3166-1 alpha-2 (`IN`, `NP`, `BD`), or "".
        region_code: state or union territory code, zone or city as painted.
        region_name: its name in English.
        category: from the format, and the colours where they are known.
        vehicle_class: the class letter where a format has one (Delhi, Nepal, Bangladesh).
        lot: series letters, or the lot number of Nepal.
        number: the last number as painted.
        romanized: `canonical` in English letters and Arabic digits.
        character_confidences: one a character of `canonical`.
        alternatives: other canonical forms that the picture allows, best first.
    """

    canonical: str = ""
    valid: bool = False
    format: RegistrationFormat | None = None
    country: str = ""
    region_code: str = ""
    region_name: str = ""
    category: Category | None = None
    vehicle_class: str = ""
    lot: str = ""
    number: str = ""
    romanized: str = ""
    character_confidences: tuple[float, ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plate:
    """A registration plate. `text` is its rows as read, joined by a newline.

    `confidence` is, of a valid registration, how likely it is what is painted; of any other plate,
    how likely there is one (for a crop that is known to be one: how likely its text is right).
    """

    text: str
    confidence: float
    box: Box
    lines: tuple[TextLine, ...] = ()
    registration: Registration = field(default_factory=Registration)
    colour: PlateColour | None = None
    colour_confidence: float = 0.0
    category_conflict: bool = False
    vehicle_index: int | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle. `label` is a name of the taxonomy, or one that a fine-tuned model brought."""

    label: str
    confidence: float
    box: Box
    track_id: int | None = None
    plate_indices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that took part: its name, its version and the sha256 of its file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Recognition:
    """Everything that was found in one picture.

    Attributes:
        image_width: width after EXIF orientation.
        image_height: height after EXIF orientation.
        timings: seconds by stage (`decode`, `detect_text`, `read_lines`, ...).
    """

    image_width: int
    image_height: int
    vehicles: tuple[Vehicle, ...] = ()
    plates: tuple[Plate, ...] = ()
    text_lines: tuple[TextLine, ...] = ()
    cache_outcome: CacheOutcome = CacheOutcome.NONE
    models: tuple[ModelInfo, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
