"""Decodes pictures to upright RGB with Pillow and OpenCV; needs little memory beyond the pixels.

Every failure is an `InvalidImage`. Calls share no state, so no picture waits for another.

For most formats the header limits the work of decoding. For Deflate it does not: a block with its
own code tables takes only a few bytes, and a file full of nearly empty blocks costs several times
as much as ordinary pixels. So `DecodingBudget` limits the CPU time as well.

Transparent pictures are composited on white, black or grey, chosen by the brightness of what is
visible: icons, logos and signs are often exported without a ground, and white letters vanish on
white.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import math
import zlib
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from lipiyana.clock import CpuBudget
from lipiyana.errors import InvalidImage
from lipiyana.images.headers import STRIP_PIXELS, ImageHeader, damaged

_SAMPLED_PIXELS = 1 << 18
_CONTRAST = 96
"""Difference in brightness, of 255, from which ink shows on the ground."""
_GAIN = 0.1
"""Share of the visible pixels that a ground must show more of than those before it. A photo with a
few bright pixels and a transparent corner stays on white.
"""
WHITE, OPAQUE = 255, 255
_GROUNDS = (WHITE, 0, 128)
_LUMA = np.array([0.299, 0.587, 0.114])


def sample_step(width: int, height: int) -> int:
    """Distance of the rows and columns that are enough to choose a ground."""
    return max(1, math.ceil(math.sqrt(width * height / _SAMPLED_PIXELS)))


def ground_for(rgba: npt.NDArray[np.uint8]) -> int:
    """Choose a grey on which the visible pixels show.

    White is kept unless black shows clearly more, and mid grey is used where it shows clearly more
    than both: for pictures with bright and dark ink, such as white letters with a dark outline.

    Args:
        rgba: (height, width, 4).

    Returns:
        255, 0 or 128.
    """
    visible = rgba[..., 3].astype(np.int64)
    total = int(visible.sum())
    if total == 0 or visible.min() == OPAQUE:
        return WHITE
    brightness = rgba[..., :3] @ _LUMA
    chosen, most = WHITE, -math.inf
    for ground in _GROUNDS:
        shown = int(visible[np.abs(brightness - ground) >= _CONTRAST].sum()) / total
        if shown > most + _GAIN:
            chosen, most = ground, shown
    return chosen


_PACKED_STEP = 1 << 16
_UNPACKED_STEP = 1 << 20


class DecodingBudget:
    """Limits the CPU time of one picture, measured on the thread that creates the budget."""

    def __init__(self, kind: str, seconds: float) -> None:
        """Start measuring.

        Args:
            kind: the format, for the error message.
            seconds: CPU time that may be spent from now on.
        """
        self._kind, self._cpu = kind, CpuBudget(seconds)

    def check(self) -> None:
        """Check that CPU time is left.

        Raises:
            InvalidImage: none is left (IMAGE_TOO_COMPLEX).
        """
        if self._cpu.is_spent:
            raise InvalidImage(
                f"unpacking the {self._kind} takes more than {self._cpu.seconds:g} s of CPU time; "
                "save it again as an ordinary JPEG or PNG",
                reason="IMAGE_TOO_COMPLEX",
            )

    def file(self, data: bytes) -> io.BytesIO:
        """Create a file object of the data whose `read` calls `check`."""
        return _MeteredFile(data, self)

    def check_streams(self, data: bytes, places: Iterable[tuple[int, int]]) -> None:
        """Decompress zlib streams in small steps and discard the result.

        This is for decoders that decompress a whole stream in one call, which cannot be
        interrupted.

        Args:
            data: contains the streams.
            places: offset and size of each stream.

        Raises:
            InvalidImage: they take too long. Damaged streams are left to the decoder.
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
        header: from `read_header`; its size and cost must have been checked.
        shrunk: whether a large picture may be decoded at half its size (`ImageHeader.large`).
        seconds: limit of this thread's CPU time for decompression.

    Raises:
        InvalidImage: the data are truncated, damaged or of an unsupported kind, take too long to
            decompress, or there is not enough memory.
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
    # not `Image.open`: it applies Pillow's own pixel limit, a global of the process
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
    if opened.size != (header.width, header.height):  # the cost was checked for another size
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
    """Decode a WebP with OpenCV: the same pixels as Pillow's for a quarter of the memory."""
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


# for each EXIF orientation, converts an upright picture to a view in the stored orientation
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
    """Allocate an upright picture; return it and a view of it in the stored orientation."""
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
    """Choose how strips become RGB (rows, width, 3) or grey (rows, width, 1)."""
    if image.mode.startswith("I") or image.mode == "F":
        white = _white_value(image)
        return lambda part: _eight_bits(np.asarray(part), white)[..., None]
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


def _white_value(image: Image.Image) -> float:
    """Find the value of white in a grey picture of 16 bits, 32 bits or floats.

    For 16 bits it is 65535. Wider types seldom use their whole range: there it is the smallest of
    1 (floats only), 255 and 65535 that is no less than the brightest pixel, else that pixel.
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


def _eight_bits(grey: npt.NDArray[Any], white: float) -> _Pixels:
    """Scale grey from 0-`white` to 0-255."""
    values = grey if grey.dtype == np.uint16 else _finite(grey)
    return np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)


def quiet_decoders() -> None:
    """Stop the libraries from writing to standard error, for the whole process.

    libtiff and OpenCV write a line about every defect of a picture, which breaks the progress bar
    of a command and the log of a server. The decoding error reports the defect anyway. A program
    may turn these lines off; a library should not.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # the symbols of libtiff are found through the Pillow module that is linked with it
    with contextlib.suppress(OSError, AttributeError):
        libtiff = ctypes.CDLL(find_spec("PIL._imaging").origin)  # type: ignore[union-attr]
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(libtiff, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)
