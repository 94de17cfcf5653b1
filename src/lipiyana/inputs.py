"""Arguments: pictures, frames and the configuration of a request.

Each value is checked when it is created: an invalid one raises `InvalidRequest`, in process and
with a server alike. Strings are accepted for enum members (`layout="plate"`) and stored as members.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from lipiyana.errors import InvalidImage, InvalidRequest
from lipiyana.script_codes import SCRIPT_NAMES
from lipiyana.words import fraction, shown, truth, unknown_word, whole, word
from lipiyana.words import words as known_words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image


class Feature(StrEnum):
    """What to look for in a picture."""

    TEXT = "text"
    PLATES = "plates"
    VEHICLES = "vehicles"


class Layout(StrEnum):
    """What a picture shows: a whole scene, one line of text, or one plate."""

    SCENE = "scene"
    LINE = "line"
    PLATE = "plate"


class CachePolicy(StrEnum):
    """Whether a server may answer from its cache (`USE`) or must compute the answer (`BYPASS`)."""

    USE = "use"
    BYPASS = "bypass"


class PixelFormat(StrEnum):
    """Channel order of a raw picture, whose rows start at the top and have no padding."""

    RGB8 = "rgb8"
    BGR8 = "bgr8"
    GRAY8 = "gray8"

    @property
    def channels(self) -> int:
        """Bytes per pixel."""
        return 1 if self is PixelFormat.GRAY8 else 3


_FEATURES = {member.value: member for member in Feature}
_LAYOUTS = {member.value: member for member in Layout}
_CACHE_POLICIES = {member.value: member for member in CachePolicy}
_PIXEL_FORMATS = {member.value: member for member in PixelFormat}
_SCRIPTS = {code: code for code in SCRIPT_NAMES}

SCENE_CONFIDENCE = 0.3
"""Default of `min_confidence` in a scene."""


@dataclass(frozen=True, slots=True)
class RawImage:
    """A decoded picture. `RawImage.from_array` makes one from a numpy array.

    Examples:
        >>> import cv2
        >>> from lipiyana import LocalRecognizer
        >>> array = cv2.imread("samples/plates/02_standard_2row.jpg")  # OpenCV reads BGR
        >>> image = RawImage.from_array(array, "bgr8")
        >>> found = LocalRecognizer().recognize(image, RecognitionConfig(layout="plate"))
        >>> found.plates[0].registration.canonical
        'TG75WFG1162'

    Attributes:
        data: `height * width * pixel_format.channels` bytes; the length is checked when the
            picture is read.
        width: in pixels.
        height: in pixels.
        pixel_format: order of the channels.

    Raises:
        InvalidImage: `data` is not bytes, a side is not an integer, or the format is unknown.
    """

    data: bytes
    width: int
    height: int
    pixel_format: PixelFormat = PixelFormat.RGB8

    def __post_init__(self) -> None:
        data: object = self.data
        if type(data) is not bytes:
            if not isinstance(data, bytes | bytearray | memoryview):
                raise _bad_raw(
                    f"the data of a RawImage is bytes, not {type(data).__name__}; "
                    'RawImage.from_array(array, "rgb8") takes an array'
                )
            object.__setattr__(self, "data", bytes(data))
        for side in ("width", "height"):
            try:
                object.__setattr__(self, side, whole(getattr(self, side)))
            except TypeError:
                given = shown(getattr(self, side))
                message = f"the {side} of a RawImage is a whole number of pixels, not {given}"
                raise _bad_raw(message) from None
        object.__setattr__(self, "pixel_format", _pixel_format(self.pixel_format))

    @classmethod
    def from_array(
        cls, array: npt.NDArray[np.uint8], pixel_format: PixelFormat | str | None = None
    ) -> RawImage:
        """Copy a numpy array of dtype uint8.

        Args:
            array: of shape (height, width), which is grey, or (height, width, 3).
            pixel_format: order of the three channels, "rgb8" or "bgr8". Required for three
                channels: OpenCV reads pictures as BGR, most other libraries as RGB, and the array
                does not tell them apart.

        Raises:
            InvalidImage: the shape or the dtype differs, or the channel order is missing.
        """
        kind = f"{type(array).__module__}.{type(array).__name__}".removeprefix("builtins.")
        if any(not hasattr(array, name) for name in ("dtype", "shape", "tobytes")):
            none = " (cv2.imread gives None for a file that it cannot read)"
            raise _bad_raw(
                f"RawImage.from_array takes a numpy array, not {kind}"
                + (none if array is None else "; numpy.asarray(...) makes one of most pictures")
            )
        shape = tuple(array.shape)
        if str(array.dtype) != "uint8":
            raise _bad_raw(
                f"an image array must be uint8, this one is {array.dtype}"
                f"{_how_to_convert(str(array.dtype))}"
            )
        if len(shape) not in {2, 3} or (len(shape) == 3 and shape[2] != 3):
            raise _bad_raw(
                "an image array must be (height, width) or (height, width, 3), not "
                f"{shape}{_how_to_reshape(shape)}"
            )
        if pixel_format is None and len(shape) == 3:
            raise InvalidImage(
                'say in which order the channels are: write RawImage.from_array(array, "bgr8") for '
                'what OpenCV reads, RawImage.from_array(array, "rgb8") for most other libraries',
                field="pixel_format",
                reason="BAD_RAW_IMAGE",
            )
        chosen = PixelFormat.GRAY8 if pixel_format is None else _pixel_format(pixel_format)
        if chosen.channels != (3 if len(shape) == 3 else 1):
            raise _bad_raw(f"an array of shape {shape} cannot be {chosen.value}", "pixel_format")
        return cls(array.tobytes(), int(shape[1]), int(shape[0]), chosen)


class BinaryFile(Protocol):
    """A file that is open in binary mode, or anything that is read like one."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes; b"" at the end."""
        ...


if TYPE_CHECKING:
    ImageInput: TypeAlias = (
        str
        | os.PathLike[str]
        | bytes
        | bytearray
        | memoryview
        | BinaryFile
        | npt.NDArray[np.uint8]
        | Image
        | RawImage
    )
else:  # neither numpy nor Pillow is loaded for it
    ImageInput = str | os.PathLike | bytes | bytearray | memoryview | BinaryFile | RawImage
"""A picture: the path of a JPEG, PNG, WebP, BMP or TIFF file, its bytes, the file open in binary
mode, a picture of Pillow, a numpy array of shape (height, width), which is grey, or a `RawImage`,
which an array of colours becomes by `RawImage.from_array`.
"""


@dataclass(frozen=True, slots=True, init=False)
class RecognitionConfig:
    """What to look for in a picture.

    Examples:
        >>> config = RecognitionConfig(["text"], script_hints=["Deva", "Latn"], min_confidence=0.5)
        >>> config.layout.value, config.min_confidence
        ('scene', 0.5)
        >>> RecognitionConfig(layout="plat")
        Traceback (most recent call last):
        lipiyana.errors.InvalidRequest: layout cannot be 'plat'; possible: scene, line, plate. Did \
you mean 'plate'?

    Attributes:
        features: what to look for; an empty frozenset, the default, means everything whose models
            are installed.
        layout: what the picture shows.
        script_hints: ISO 15924 codes of likely scripts. They decide when the script of a line is
            in doubt, and never exclude other scripts.
        min_confidence: results with less confidence are dropped, in [0, 1]. None means 0.3 in a
            scene, and 0 with the layouts `line` and `plate`.
        cache_policy: whether a server may answer from its cache.
        romanize: fill the `romanized` fields of text lines (needs the extra `indic`).
        words: fill the `words` fields of text lines: where each word stands.
    """

    features: frozenset[Feature]
    layout: Layout
    script_hints: tuple[str, ...]
    min_confidence: float | None
    cache_policy: CachePolicy
    romanize: bool
    words: bool

    def __init__(
        self,
        features: Iterable[Feature | str] = frozenset(),
        layout: Layout | str = Layout.SCENE,
        script_hints: Iterable[str] = (),
        min_confidence: float | None = None,
        cache_policy: CachePolicy | str = CachePolicy.USE,
        romanize: bool = False,
        words: bool = False,
    ) -> None:
        """Check the arguments; each enum member may be given as a string.

        Raises:
            InvalidRequest: a string is unknown, a number is not from 0 to 1, or `features` has
                one twice, or none without being a frozenset. The error's `field` names the
                argument.
        """
        put = object.__setattr__  # as dataclasses do where they are frozen
        put(self, "features", _features(features))
        put(self, "layout", word(layout, _LAYOUTS, "layout"))
        hints = known_words(script_hints, _SCRIPTS, "script_hints", SCRIPT_NAMES)
        put(self, "script_hints", hints)
        least = None if min_confidence is None else fraction(min_confidence, "min_confidence")
        put(self, "min_confidence", least)
        put(self, "cache_policy", word(cache_policy, _CACHE_POLICIES, "cache_policy"))
        put(self, "romanize", truth(romanize, "romanize"))
        put(self, "words", truth(words, "words"))

    @property
    def least_confidence(self) -> float:
        """`min_confidence`, or the default of the layout if that is None."""
        if self.min_confidence is not None:
            return self.min_confidence
        return SCENE_CONFIDENCE if self.layout is Layout.SCENE else 0.0


def _features(given: Iterable[Feature | str]) -> frozenset[Feature]:
    found = known_words(given, _FEATURES, "features", repeated=False)
    # a selection that came out empty must not mean everything; the default's own value does
    if not found and not isinstance(given, frozenset):
        raise InvalidRequest(
            f"features is empty; name some of {', '.join(_FEATURES)}, or leave it out for all",
            field="features",
        )
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a stream.

    Examples:
        >>> Frame(7, "samples/scenes/01_sweet_shop_delhi.jpg").frame_id
        7

    Attributes:
        frame_id: any number of 64 bits; the result of the frame has the same number.
        image: the picture.

    Raises:
        InvalidRequest: `frame_id` is not an integer from 0 to 2**64 - 1.
    """

    frame_id: int
    image: ImageInput

    def __post_init__(self) -> None:
        try:
            number = whole(self.frame_id)
        except TypeError:
            number = -1
        if not 0 <= number < 2**64:
            raise InvalidRequest(
                f"frame_id must be a whole number from 0 to 2**64 - 1, not {shown(self.frame_id)}; "
                "write Frame(number, picture)",
                field="frame_id",
            )
        object.__setattr__(self, "frame_id", number)


FrameInput = Frame | ImageInput
"""An item of a stream: a `Frame`, or a picture, which is numbered by its position from 0."""


def _pixel_format(given: object) -> PixelFormat:
    found = _PIXEL_FORMATS.get(given) if isinstance(given, str) else None
    if found is None:
        raise _bad_raw(unknown_word(given, _PIXEL_FORMATS, "pixel_format"), "pixel_format")
    return found


def _bad_raw(message: str, field: str = "image") -> InvalidImage:
    return InvalidImage(message, field=field, reason="BAD_RAW_IMAGE")


def _how_to_convert(dtype: str) -> str:
    if dtype == "uint16":
        return '; where its values go up to 65535 write (array // 257).astype("uint8")'
    if dtype == "bool" or dtype.startswith("float"):
        return '; where its values are from 0 to 1 write (array * 255).astype("uint8")'
    return '; where its values are from 0 to 255 write array.astype("uint8")'


def _how_to_reshape(shape: tuple[int, ...]) -> str:
    match shape:
        case (_, _, 4):
            return "; array[..., :3] leaves the alpha channel out"
        case (_, _, 1):
            return "; array[..., 0] has the one channel"
        case (1 | 3, _, _):
            return "; array.transpose(1, 2, 0) puts the channels last"
        case (_, _, _, _):
            return "; give the pictures of an array one by one"
        case _:
            return ""
