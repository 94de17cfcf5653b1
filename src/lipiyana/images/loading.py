"""Loads pictures: encoded bytes, a file or raw pixels become one RGB array, or a typed error.

The format, the size and the cost of decoding are checked from the header, before any pixel is
decoded.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.conversions.pictures import picture_bytes
from lipiyana.errors import InvalidImage, InvalidRequest
from lipiyana.images.decoders import decode_pixels
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.headers import ImageHeader, read_header
from lipiyana.types import ImageInput, PixelFormat, RawImage


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Limits of a picture.

    Attributes:
        max_pixels: width times height.
        max_bytes: size of the encoded picture.
        min_side: pixels; nothing is legible in less.
        max_side: pixels; no JPEG has more.
        max_memory: estimated bytes of decoding, including the RGB array. Formats and kinds of
            pixels differ by a factor of four.
        max_seconds: CPU time of decoding. A picture whose estimate exceeds half of it is rejected
            before it is decoded; see `lipiyana.images.headers.costs`.
    """

    max_pixels: int = 50_000_000
    max_bytes: int = 100_000_000
    min_side: int = 4
    max_side: int = 65_535
    max_memory: int = 500_000_000
    max_seconds: float = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Decoded pixels, perhaps at half size, and the original size.

    Attributes:
        pixels: (height, width, 3) RGB, upright.
        width: original width of the upright picture.
        height: original height of the upright picture.
    """

    pixels: RgbArray
    width: int
    height: int


DEFAULT_LIMITS = ImageLimits()

_PIXEL_MEMORY = 10  # bytes
_RGB_BYTES = 3

_ESTIMATE_SHARE = 0.5
"""Maximum ratio of the estimated CPU time to `ImageLimits.max_seconds`: most machines are slower
than the one on which the costs were measured.
"""

MAX_PIXELS_VARIABLE = "LIPIYANA_MAX_PIXELS"
"""Environment variable with the `ImageLimits.max_pixels` of commands and servers."""
MOST_PIXELS = 10**9
"""Maximum of a limit of pixels; such pictures take ten gigabytes."""


def environment_limits() -> ImageLimits:
    """The limits of commands: the defaults, unless `MAX_PIXELS_VARIABLE` is set.

    Raises:
        InvalidRequest: the variable is not a whole number from 1 to `MOST_PIXELS`.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE)
    if not text:
        return DEFAULT_LIMITS
    try:
        pixels = int(text)
    except ValueError:
        pixels = 0
    if not 1 <= pixels <= MOST_PIXELS:
        raise InvalidRequest(
            f"{MAX_PIXELS_VARIABLE} is {text!r}; give a whole number of pixels from 1 to "
            f"{MOST_PIXELS}",
            field="max_pixels",
        )
    return limits_for(pixels)


def limits_for(
    max_pixels: int,
    max_memory: int | None = None,
    max_seconds: float = DEFAULT_LIMITS.max_seconds,
) -> ImageLimits:
    """Limits whose `max_memory` suffices for pictures of `max_pixels`.

    Args:
        max_pixels: maximum number of pixels.
        max_memory: upper bound on `ImageLimits.max_memory`.
        max_seconds: see `ImageLimits`.
    """
    needed = max(DEFAULT_LIMITS.max_memory, _PIXEL_MEMORY * max_pixels)
    memory = min(needed, max_memory or needed)
    return ImageLimits(max_pixels, max_memory=memory, max_seconds=max_seconds)


def load(image: ImageInput, limits: ImageLimits = DEFAULT_LIMITS) -> RgbArray:
    """Load a picture given in any way as an RGB array (height, width, 3), in full size.

    Raises:
        InvalidImage: the picture cannot be used; `reason` says why.
        NotFound: there is no such file.
        PermissionDenied: the file may not be read.
    """
    given = picture_bytes(image, limits.max_bytes)
    return from_raw(given, limits) if isinstance(given, RawImage) else decode(given, limits)


@contextlib.contextmanager
def opened(
    image: ImageInput,
    limits: ImageLimits = DEFAULT_LIMITS,
    memory: DecodingMemory | None = None,
    timeout: float | None = None,
    *,
    shrunk: bool = True,
) -> Iterator[Picture]:
    """Decode a picture given in any way; its memory is reserved while the body runs.

    Args:
        image: the picture, see `ImageInput`.
        limits: limits of the picture.
        memory: the limit shared with other pictures; None for no such limit.
        timeout: maximum seconds to wait for memory.
        shrunk: whether a very large JPEG is decoded at half its size.

    Raises:
        InvalidImage: the picture cannot be used; `reason` says why.
        NotFound: there is no such file.
        PermissionDenied: the file may not be read.
        DeadlineExceeded: the memory was not available in time.
    """
    given = picture_bytes(image, limits.max_bytes)
    if isinstance(given, RawImage):
        _check_raw(given, limits)
        # RGB pixels are not copied; their memory is counted where the request came in
        copied = given.pixel_format is not PixelFormat.RGB8
        needed = _RGB_BYTES * given.width * given.height * copied
        with contextlib.nullcontext() if memory is None else memory.reserve(needed, timeout):
            yield Picture(from_raw(given, limits), given.width, given.height)
        return
    header = _checked_header(given, limits, shrunk=shrunk)
    upright = (header.height, header.width) if header.turned else (header.width, header.height)
    if memory is None:
        yield Picture(decode_pixels(header, shrunk=shrunk, seconds=limits.max_seconds), *upright)
        return
    with memory.reserve(header.memory(shrunk=shrunk), timeout) as reservation:
        pixels = decode_pixels(header, shrunk=shrunk, seconds=limits.max_seconds)
        reservation.shrink(pixels.nbytes)
        yield Picture(pixels, *upright)


def from_raw(raw: RawImage, limits: ImageLimits = DEFAULT_LIMITS) -> RgbArray:
    """Convert raw pixels to an RGB array.

    Raises:
        InvalidImage: the number of bytes does not match the size, or the size exceeds the limits.
    """
    _check_raw(raw, limits)
    shape = (raw.height, raw.width, raw.pixel_format.channels)
    pixels = np.frombuffer(raw.data, np.uint8).reshape(shape)
    if raw.pixel_format is PixelFormat.GRAY8:
        return np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(
        pixels[..., ::-1] if raw.pixel_format is PixelFormat.BGR8 else pixels
    )


def _check_raw(raw: RawImage, limits: ImageLimits) -> None:
    if raw.width < 1 or raw.height < 1:
        raise InvalidImage(
            f"a raw picture needs a width and a height, not {raw.width}x{raw.height}",
            reason="BAD_RAW_IMAGE",
        )
    expected = raw.width * raw.height * raw.pixel_format.channels
    if len(raw.data) != expected:
        raise InvalidImage(
            f"{raw.width}x{raw.height} {raw.pixel_format.value} needs {expected} bytes, "
            f"but there are {len(raw.data)}",
            reason="BAD_RAW_IMAGE",
        )
    _check_size(raw.width, raw.height, limits)


def decode(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> RgbArray:
    """Decode a JPEG, PNG, WebP, BMP or TIFF to an RGB array (height, width, 3), upright.

    EXIF orientation is applied; transparent pixels are composited over white, black or grey,
    whichever shows what is visible; 16-bit, palette, grey and CMYK pixels are converted.

    Raises:
        InvalidImage: the picture cannot be used; `reason` says why.
    """
    return decode_pixels(_checked_header(data, limits), seconds=limits.max_seconds)


def _checked_header(data: bytes, limits: ImageLimits, *, shrunk: bool = False) -> ImageHeader:
    if not data:
        raise InvalidImage("the picture is empty (0 bytes)", reason="EMPTY_IMAGE")
    _check_bytes(len(data), limits)
    header = read_header(data)
    _check_size(header.width, header.height, limits)
    memory = header.memory(shrunk=shrunk)
    if memory > limits.max_memory:
        raise InvalidImage(
            f"decoding the {header.kind} of {header.width}x{header.height} pixels would take "
            f"{memory / 1e6:.0f} MB of memory; the limit for one picture is "
            f"{limits.max_memory / 1e6:g} MB: scale it down, or save it as an ordinary JPEG",
            reason="IMAGE_TOO_LARGE",
        )
    seconds = header.seconds(shrunk=shrunk)
    if seconds > _ESTIMATE_SHARE * limits.max_seconds:
        raise InvalidImage(
            f"decoding the {header.kind} of {header.width}x{header.height} pixels and "
            f"{len(data) / 1e6:.1f} MB would take about {seconds:.1f} s of CPU time; the limit for "
            f"one picture is {_ESTIMATE_SHARE * limits.max_seconds:g} s: scale it down, or save it "
            "as an ordinary JPEG",
            reason="IMAGE_TOO_COMPLEX",
        )
    return header


def _check_bytes(count: int, limits: ImageLimits) -> None:
    if count > limits.max_bytes:
        raise InvalidImage(
            f"the picture has more than {limits.max_bytes} bytes, the limit",
            reason="IMAGE_TOO_LARGE",
        )


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if width * height > limits.max_pixels:
        raise InvalidImage(
            f"the picture is {width}x{height}, {width * height / 1e6:.3g} megapixels; at most "
            f"{limits.max_pixels / 1e6:g} are accepted: scale it down or raise the limit "
            f"({MAX_PIXELS_VARIABLE})",
            reason="IMAGE_TOO_LARGE",
        )
    if max(width, height) > limits.max_side:
        raise InvalidImage(
            f"the picture is {width}x{height}; a side may have at most {limits.max_side} pixels",
            reason="IMAGE_TOO_LARGE",
        )
    if min(width, height) < limits.min_side:
        raise InvalidImage(
            f"the picture is {width}x{height}; at least {limits.min_side} pixels a side are needed",
            reason="IMAGE_TOO_SMALL",
        )
