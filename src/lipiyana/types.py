"""Results: frozen dataclasses without numpy, OpenCV or protobuf.

The values that a caller passes are in `lipiyana.inputs`; this module exports them too.

Coordinates are in pixels of the picture after its EXIF orientation has been applied: x points
right, y points down, (0, 0) is the outer corner of the top left pixel. Confidences are in [0, 1].
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
    "Word",
]

Point = tuple[float, float]
Polygon = tuple[Point, Point, Point, Point]


class CacheOutcome(StrEnum):
    """How a cache took part in an answer; `NONE` if there is no cache."""

    NONE = "none"
    HIT = "hit"
    MISS = "miss"
    BYPASS = "bypass"


class RegistrationFormat(StrEnum):
    """The families of registration formats that are recognized."""

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
    """Colours of a plate: text on background."""

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
    """Kind of owner or use, from the format of a registration and the colours of its plate."""

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
    """An axis-aligned rectangle, in pixels.

    Examples:
        >>> box = Box(10, 20, 110, 50)
        >>> box.x_max - box.x_min, box.y_max - box.y_min
        (100, 30)
    """

    x_min: float
    y_min: float
    x_max: float
    y_max: float


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line: what stands between its spaces.

    Attributes:
        text: as in `TextLine.text`.
        confidence: mean confidence of its characters.
        polygon: four corners, in the order of those of the line.
    """

    text: str
    confidence: float
    polygon: Polygon


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text.

    Attributes:
        text: Unicode NFC, in logical order, with digits of its own script.
        script: ISO 15924 code of most of its letters (`Deva`, `Latn`, ...), `Zyyy` if it has none.
        confidence: mean confidence of its characters. In a scene it is lowered for text that is
            mostly a false detection, such as a single letter.
        polygon: four corners, clockwise, starting at the top of the first character.
        romanized: `text` in Latin letters; "" unless `RecognitionConfig.romanize` is set.
        words: in the order of `text`, which is their texts joined by spaces; () unless
            `RecognitionConfig.words` is set.
    """

    text: str
    script: str
    confidence: float
    polygon: Polygon
    romanized: str = ""
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration that a plate shows, split into its parts.

    Examples:
        >>> from lipiyana import LocalRecognizer, RecognitionConfig
        >>> plates = LocalRecognizer().recognize(
        ...     "samples/plates/02_standard_2row.jpg", RecognitionConfig(layout="plate")
        ... ).plates
        >>> registration = plates[0].registration
        >>> registration.canonical, registration.valid, registration.format.value
        ('TG75WFG1162', True, 'standard')
        >>> registration.region_name, registration.lot, registration.number
        ('Telangana', 'WFG', '1162')

    Attributes:
        canonical: letters and digits only, upper case, with the digits as painted. Latin letters
            for India (and for Nepal if the plate has them), otherwise the script of the plate. ""
            if the text fits no known format.
        valid: whether `canonical` fits a known format and was read without doubt. A doubtful
            registration has its `canonical` and is not valid.
        format: the family of formats, or None if the text fits none.
        country: ISO 3166-1 alpha-2 code (`IN`, `NP`, `BD`), or "".
        region_code: code of the state or union territory, or the zone or city, as painted.
        region_name: English name of the region.
        category: from the format and, if known, the colours of the plate.
        vehicle_class: the class letter, in formats that have one (Delhi, Nepal, Bangladesh).
        lot: series letters; in Nepal the lot number.
        number: the last number, as painted.
        romanized: `canonical` in Latin letters and Arabic digits.
        character_confidences: one for each character of `canonical`.
        alternatives: other canonical forms that fit the picture, best first.
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
    """A registration plate.

    Attributes:
        text: the rows as they were read, joined by a newline.
        confidence: with a valid registration, the probability that the registration is right.
            Otherwise the probability that there is a plate or, with the layout `plate`, that its
            text is right.
        box: place in the picture.
        lines: the rows as lines of text.
        registration: the parsed text.
        colour: colours of the plate, or None if they are uncertain.
        colour_confidence: probability that `colour` is right.
        category_conflict: whether colours, format and vehicle contradict each other.
        vehicle_index: index in `Recognition.vehicles`, or None.
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
    """A vehicle.

    Attributes:
        label: class name of the built-in taxonomy, or of a fine-tuned model.
        confidence: probability that a vehicle of this class is there.
        box: place in the picture.
        track_id: number of the vehicle within a stream; None outside of streams.
        plate_indices: indices in `Recognition.plates`.
    """

    label: str
    confidence: float
    box: Box
    track_id: int | None = None
    plate_indices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that was used: its name, its version and the SHA-256 of its file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Recognition:
    """Everything that was found in one picture.

    Examples:
        >>> from lipiyana import LocalRecognizer
        >>> found = LocalRecognizer().recognize("samples/scenes/01_sweet_shop_delhi.jpg")
        >>> for vehicle in found.vehicles:
        ...     for index in vehicle.plate_indices:
        ...         print(vehicle.label, found.plates[index].registration.canonical)
        auto_rickshaw DL10R9956
        car DL10CB6366
        >>> found.text_lines[0].text, found.text_lines[0].script
        ('श्री गणेश मिष्ठान भंडार', 'Deva')
        >>> found.to_dict()["plates"][0]["registration"]["format"]
        'REGISTRATION_FORMAT_DELHI'

    Attributes:
        image_width: width after EXIF orientation.
        image_height: height after EXIF orientation.
        vehicles: the vehicles; `Plate.vehicle_index` counts in this order.
        plates: the plates; `Vehicle.plate_indices` counts in this order.
        text_lines: the lines of text, in reading order.
        cache_outcome: whether a server answered from its cache.
        models: the models that were used.
        timings: seconds by stage (`decode`, `detect_text`, `read_lines`, ...).
        rotation_degrees: how far the picture was turned clockwise to be read: 0, 90, 180 or 270.
            All places are in the picture as it was given.
    """

    image_width: int
    image_height: int
    vehicles: tuple[Vehicle, ...] = ()
    plates: tuple[Plate, ...] = ()
    text_lines: tuple[TextLine, ...] = ()
    cache_outcome: CacheOutcome = CacheOutcome.NONE
    models: tuple[ModelInfo, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    rotation_degrees: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give the result as plain dicts, lists, numbers and strings: the JSON of the command line.

        The names are those of the proto, and every field is there. Enum members have the proto's
        names (`PLATE_COLOUR_BLACK_ON_WHITE`), `..._UNSPECIFIED` for None.
        """
        from lipiyana.conversions.results_json import recognition_dict

        return recognition_dict(self)

    def to_json(self) -> str:
        """Give the result as a line of JSON, see `to_dict`; letters are not escaped."""
        return json.dumps(self.to_dict(), ensure_ascii=False)
