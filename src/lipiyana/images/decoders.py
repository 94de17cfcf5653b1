"""Decodes pictures to upright RGB with Pillow and OpenCV, in little more memory than the pixels.

Every failure is an `InvalidImage`. Calls share nothing, so one picture never waits for another.

For most formats the header bounds the work of decoding. For deflated data it does not: a few bytes
make a block with code tables of its own, and a file may be full of blocks that contain next to
nothing, at several times the cost of ordinary pixels. So `DecodingBudget` bounds the CPU time.
"""

from __future__ import annotations

import contextlib
import io
import math
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from lipiyana.clock import CpuBudget
from lipiyana.errors import InvalidImage
from lipiyana.images.headers import STRIP_PIXELS, ImageHeader, damaged
from lipiyana.images.transparency import ground_for, sample_step

_PACKED_STEP = 1 << 16
_UNPACKED_STEP = 1 << 20


class DecodingBudget:
    """The CPU time of one picture, counted on the thread that creates this."""

    def __init__(self, kind: str, seconds: float) -> None:
        """Begin to count.

        Args:
            kind: the format, for the error.
            seconds: that may be spent from now on.
        """
        self._kind, self._cpu = kind, CpuBudget(seconds)

    def check(self) -> None:
        """Check the time.

        Raises:
            InvalidImage: no time is left (IMAGE_TOO_COMPLEX).
        """
        if self._cpu.is_spent:
            raise InvalidImage(
                f"unpacking the {self._kind} takes more than {self._cpu.seconds:g} s of CPU time; "
                "save it again as an ordinary JPEG or PNG",
                reason="IMAGE_TOO_COMPLEX",
            )

    def file(self, data: bytes) -> io.BytesIO:
        """Make a file of the data whose `read` calls `check`."""
        return _MeteredFile(data, self)

    def check_streams(self, data: bytes, places: Iterable[tuple[int, int]]) -> None:
        """Unpack zlib streams and drop the result, for a decoder that unpacks each at once.

        Args:
            data: that holds the streams.
            places: offset and size of each.

        Raises:
            InvalidImage: they take too long. A damaged stream passes: the decoder tells that.
        """
        whole = memoryview(data)
        for start, size in places:
            try:
                self._unpack(whole[start : start + size])
            except zlib.error:
                continue

    def _unpack(self, packed: memoryview) -> None:
        stream = zlib.decompressobj()
        for at in range(0, len(packed), _PACKED_STEP):
            rest: bytes | memoryview = packed[at : at + _PACKED_STEP]
            while rest and not stream.eof:
                self.check()
                stream.decompress(rest, _UNPACKED_STEP)
                rest = stream.unconsumed_tail


class _MeteredFile(io.BytesIO):
    def __init__(self, data: bytes, budget: DecodingBudget) -> None:
        super().__init__(data)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        self._budget.check()
        return super().read(size)


_Pixels = npt.NDArray[np.uint8]


def decode_pixels(
    header: ImageHeader, *, shrunk: bool = False, seconds: float = math.inf
) -> _Pixels:
    """Decode to RGB (height, width, 3), upright.

    Args:
        header: as `read_header` gives it, of a size and cost that were found to be in bounds.
        shrunk: whether a large picture may come at half of its size (`ImageHeader.large`).
        seconds: of this thread's CPU time that unpacking may take.

    Raises:
        InvalidImage: the data are cut off or damaged, of an odd kind, too large for the memory, or
            take too long to unpack.
    """
    budget = DecodingBudget(header.kind, seconds)
    try:
        if header.kind == "WEBP":
            return _webp(header)
        budget.check_streams(header.data, header.deflated)
        with contextlib.closing(_opened(header, budget)) as opened:
            if shrunk and header.large:
                opened.draft(None, (opened.width // 2, opened.height // 2))
            _load(opened, header)
            return _to_rgb(opened, header.orientation)
    except MemoryError:
        raise InvalidImage(
            "there is not enough memory to decode the picture", reason="IMAGE_TOO_LARGE"
        ) from None


def _opened(header: ImageHeader, budget: DecodingBudget) -> ImageFile.ImageFile:
    # `Image.open` would apply Pillow's own pixel limit, which is one for the whole process
    if header.kind not in Image.OPEN:
        Image.preinit()
        Image.init()
    factory, _ = Image.OPEN[header.kind]
    try:
        opened = factory(budget.file(header.data), "")
    except (MemoryError, InvalidImage):
        raise
    except Exception as error:
        raise damaged(header.kind) from error
    if opened.size != (header.width, header.height):  # then its cost is not what was checked
        opened.close()
        raise damaged(header.kind)
    return opened


def _load(opened: ImageFile.ImageFile, header: ImageHeader) -> None:
    try:
        opened.load()
    except (MemoryError, InvalidImage):
        raise
    except Exception as error:
        raise damaged(header.kind) from error


def _webp(header: ImageHeader) -> _Pixels:
    """Decode a WebP: OpenCV gives the same pixels as Pillow in a quarter of the memory."""
    try:
        decoded = cv2.imdecode(np.frombuffer(header.data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise damaged(header.kind) from error
    if decoded is None or decoded.shape[:2] != (header.height, header.width):
        raise damaged(header.kind)
    pixels = np.asarray(decoded, np.uint8)
    if pixels.shape[2] == 3:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
        return np.ascontiguousarray(_as_stored(pixels, _INVERSE.get(header.orientation, 1)))
    step = sample_step(header.width, header.height)
    sample = cv2.cvtColor(pixels[::step, ::step], cv2.COLOR_BGRA2RGBA)
    ground = ground_for(np.asarray(sample, np.uint8))
    out, stored = _empty(header.width, header.height, header.orientation)
    for start, end in _strips(header.width, header.height):
        rgba = cv2.cvtColor(pixels[start:end], cv2.COLOR_BGRA2RGBA)
        stored[start:end] = _composited(Image.fromarray(rgba, "RGBA"), ground)
    return out


def _strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    rows = max(1, STRIP_PIXELS // width)
    return ((start, min(height, start + rows)) for start in range(0, height, rows))


# by EXIF orientation, the view of an upright picture in which it lies as it is stored
_AS_STORED: dict[int, Callable[[_Pixels], _Pixels]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: upright.transpose(1, 0, 2)[::-1],
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: upright.transpose(1, 0, 2)[:, ::-1],
}
_INVERSE = {6: 8, 8: 6} | {one: one for one in (2, 3, 4, 5, 7)}


def _as_stored(upright: _Pixels, orientation: int) -> _Pixels:
    view = _AS_STORED.get(orientation)
    return upright if view is None else view(upright)


def _empty(width: int, height: int, orientation: int) -> tuple[_Pixels, _Pixels]:
    """Make an upright picture to fill, and a view of it in the stored orientation."""
    turned = orientation in {5, 6, 7, 8}
    out = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    return out, _as_stored(out, orientation)


def _to_rgb(image: Image.Image, orientation: int) -> _Pixels:
    out, stored = _empty(image.width, image.height, orientation)
    try:
        convert = _converter(image)
        for start, end in _strips(image.width, image.height):
            whole = (start, end) == (0, image.height)
            part = image if whole else image.crop((0, start, image.width, end))
            stored[start:end] = convert(part)
    except ValueError as error:
        raise InvalidImage(
            f"pixels of kind {image.mode} are not supported; save the picture as RGB",
            reason="UNSUPPORTED_FORMAT",
        ) from error
    return out


def _converter(image: Image.Image) -> Callable[[Image.Image], Any]:
    """Choose what makes RGB or grey, (rows, width, 3) or (rows, width, 1), of a picture's parts."""
    if image.mode.startswith("I") or image.mode == "F":
        top = _brightest(image)
        return lambda part: _eight_bits(np.asarray(part), top)[..., None]
    if image.has_transparency_data:
        ground = _ground(image)
        return lambda part: _composited(part.convert("RGBA"), ground)
    return lambda part: np.asarray(part if part.mode == "RGB" else part.convert("RGB"))


def _ground(image: Image.Image) -> int:
    step = sample_step(*image.size)
    size = (max(1, image.width // step), max(1, image.height // step))
    sample = image if step == 1 else image.resize(size, Image.Resampling.NEAREST)
    return ground_for(np.asarray(sample.convert("RGBA")))


def _composited(rgba: Image.Image, ground: int) -> _Pixels:
    behind = Image.new("RGBA", rgba.size, (ground, ground, ground, 255))
    return np.asarray(Image.alpha_composite(behind, rgba).convert("RGB"))


def _brightest(image: Image.Image) -> float:
    """Find the value of white in grey of 16 bits, 32 bits or floats.

    It is the end of the type's range, or for types wider than their contents the smallest usual one
    that holds the brightest pixel: 1 (floats), 255, 65535, or that pixel itself.
    """
    if np.asarray(image.crop((0, 0, 1, 1))).dtype == np.uint16:
        return 65535.0
    brightest = max(
        float(_finite(np.asarray(image.crop((0, start, image.width, end)))).max())
        for start, end in _strips(image.width, image.height)
    )
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((limit for limit in usual if brightest <= limit), brightest)


def _finite(grey: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)


def _eight_bits(grey: npt.NDArray[Any], top: float) -> _Pixels:
    """Scale grey from 0-`top` to 0-255."""
    values = grey if grey.dtype == np.uint16 else _finite(grey)
    return np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
