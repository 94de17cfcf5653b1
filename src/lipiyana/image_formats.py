"""Encoded pictures, by Pillow: the header first, then the pixels as upright RGB.

Every failure is an `InvalidImage`; nothing that Pillow raises or warns of gets out.
"""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from lipiyana.errors import InvalidImage

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
"""What is decoded, by Pillow's names."""

_OTHER_FORMATS = (
    (0, b"GIF8", "GIF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyp", "video"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"<svg", "SVG"),
)

_ORIENTATION_TAG = 0x0112
_header_lock = threading.Lock()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's warnings about odd headers from the caller.

    `catch_warnings` changes the process; the lock keeps two decodes from undoing each other.
    """
    with _header_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_header(data: bytes) -> ImageFile.ImageFile:
    """Parse the header alone; the format, the size and the number of frames are known then.

    `Image.open` would apply Pillow's own pixel limit, which is one for the whole process.

    Raises:
        InvalidImage: this is no picture, of another format, or its header is damaged.
    """
    for name in FORMATS:
        if name not in Image.OPEN:
            Image.preinit()
            Image.init()
        factory, accepts = Image.OPEN[name]
        if accepts is None or accepts(data[:16]) is not True:
            continue
        try:
            with _quiet():
                return factory(io.BytesIO(data), "")
        except Image.DecompressionBombError as error:
            raise InvalidImage(
                f"the picture is far too large: {error}", reason="IMAGE_TOO_LARGE"
            ) from None
        except Exception as error:
            if name != "BMP":  # whose mark is two letters that any text may begin with
                raise InvalidImage(
                    f"the picture begins like a {name}, but its header is cut off or damaged",
                    reason="TRUNCATED_IMAGE",
                ) from error
    for offset, mark, known in _OTHER_FORMATS:
        if data[offset : offset + len(mark)] == mark:
            raise InvalidImage(
                f"{known} is not supported; send JPEG, PNG, WebP, BMP or TIFF",
                reason="UNSUPPORTED_FORMAT",
            )
    raise InvalidImage(
        "this is not a picture; send JPEG, PNG, WebP, BMP or TIFF", reason="NOT_AN_IMAGE"
    )


def check_frames(opened: ImageFile.ImageFile) -> None:
    """Refuse animations and documents of several pages.

    Raises:
        InvalidImage: there is more than one frame (ANIMATED_IMAGE).
    """
    if opened.format == "MPO":  # a JPEG whose further frames are previews or the other eye
        return
    try:
        with _quiet():
            frames = int(getattr(opened, "n_frames", 1))
    except Exception as error:
        raise _damaged(opened) from error
    if frames > 1:
        kind = "pages" if opened.format == "TIFF" else "frames"
        raise InvalidImage(
            f"the {opened.format} has {frames} {kind}; send them one by one",
            reason="ANIMATED_IMAGE",
        )


def _damaged(opened: ImageFile.ImageFile) -> InvalidImage:
    return InvalidImage(
        f"the {opened.format} is cut off or damaged; send it again whole", reason="TRUNCATED_IMAGE"
    )


def decode_pixels(opened: ImageFile.ImageFile) -> npt.NDArray[np.uint8]:
    """Decode to RGB (height, width, 3), upright.

    Raises:
        InvalidImage: the data are cut off or damaged, of an odd kind, or too large for the memory.
    """
    _load(opened)
    upright = _UPRIGHT.get(_orientation(opened))
    rgb = _to_rgb(opened)
    return rgb if upright is None else np.ascontiguousarray(upright(rgb))


def _load(opened: ImageFile.ImageFile) -> None:
    # a TIFF's further tags are parsed only here, and may be as odd as a header
    quiet = _quiet() if opened.format == "TIFF" else contextlib.nullcontext()
    try:
        with quiet:
            opened.load()
    except MemoryError:
        raise InvalidImage(
            "there is not enough memory to decode the picture", reason="IMAGE_TOO_LARGE"
        ) from None
    except Exception as error:
        raise _damaged(opened) from error


# what makes rgb arrays upright, by EXIF orientation
_UPRIGHT: dict[int, Any] = {
    2: lambda rgb: rgb[:, ::-1],
    3: lambda rgb: rgb[::-1, ::-1],
    4: lambda rgb: rgb[::-1],
    5: lambda rgb: rgb.transpose(1, 0, 2),
    6: lambda rgb: rgb.transpose(1, 0, 2)[:, ::-1],
    7: lambda rgb: rgb.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda rgb: rgb.transpose(1, 0, 2)[::-1],
}


def _orientation(opened: ImageFile.ImageFile) -> int:
    """EXIF orientation, 1 where there is none that can be read.

    Read from the bytes: Pillow's parser raises and warns on the odd EXIF of real cameras.
    Pillow turns TIFFs itself while loading them.
    """
    exif = opened.info.get("exif")
    if not isinstance(exif, bytes) or opened.format == "TIFF":
        return 1
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, start + 2 + 12 * index)
            if tag == _ORIENTATION_TAG:
                return int(value)
    except struct.error:
        return 1
    return 1


def _to_rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    try:
        if image.mode.startswith("I") or image.mode == "F":
            return np.repeat(_eight_bits(np.asarray(image))[..., None], 3, axis=2)
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            white = Image.new("RGBA", rgba.size, "white")
            image = Image.alpha_composite(white, rgba)
        return np.array(image.convert("RGB"))
    except MemoryError:
        raise InvalidImage(
            "there is not enough memory to convert the picture", reason="IMAGE_TOO_LARGE"
        ) from None
    except ValueError as error:
        raise InvalidImage(
            f"pixels of kind {image.mode} are not supported; save the picture as RGB",
            reason="UNSUPPORTED_FORMAT",
        ) from error


def _eight_bits(grey: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Scale grey of 16 bits, 32 bits or floats to 0-255.

    The range is the type's, or for types wider than their contents the smallest usual one that
    holds the brightest pixel: 1 (floats), 255, 65535, or that pixel itself.
    """
    if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
        top = 65535.0
    else:
        grey = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)
        brightest = float(grey.max())
        usual = (1.0, 255.0, 65535.0) if grey.dtype.kind == "f" else (255.0, 65535.0)
        top = next((limit for limit in usual if brightest <= limit), brightest)
    scaled: npt.NDArray[np.uint8] = np.clip(np.rint(grey * (255.0 / top)), 0, 255).astype(np.uint8)
    return scaled
