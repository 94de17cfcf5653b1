"""Everything that may be given as a picture becomes the bytes of a file, or a `RawImage`."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from lipiyana.errors import InvalidImage
from lipiyana.files import MAX_FILE_BYTES, read_picture_file
from lipiyana.types import ImageInput, PixelFormat, RawImage
from lipiyana.words import shown


def picture_bytes(image: ImageInput, max_bytes: int = MAX_FILE_BYTES) -> bytes | RawImage:
    """Take a picture of any kind that `ImageInput` lists.

    A file object is read from its position. Pixels of Pillow become upright RGB or grey; those that
    the decoders treat specially (transparent, 16 bits, floats) become the bytes of a file.

    Args:
        image: the picture.
        max_bytes: that a file may have.

    Raises:
        InvalidImage: it is of another kind, or as `read_picture_file`.
        NotFound: there is no such file.
        PermissionDenied: the file may not be read.
    """
    if isinstance(image, bytes | RawImage):
        return image
    if isinstance(image, str | os.PathLike):
        return read_picture_file(image, max_bytes)
    if isinstance(image, bytearray | memoryview):
        with _foreign(image):  # ValueError: the view is released
            return bytes(image)
    if _is_pillow(image):
        return _of_pillow(image)
    if is_array(image):
        return _of_array(image)
    if hasattr(image, "read"):
        return _of_file(image, max_bytes)
    raise InvalidImage(
        "a picture is a path (str or pathlib.Path), the bytes of a file, a file that is open in "
        "binary mode, a numpy array, a picture of Pillow or a RawImage, not "
        f"{type(image).__name__}{_what_to_write(image)}",
        reason="NOT_AN_IMAGE",
    )


def is_file(given: object) -> bool:
    """Whether it is an open file, of text as well: its lines are no pictures."""
    return isinstance(given, io.IOBase) or (hasattr(given, "read") and hasattr(given, "seek"))


def is_array(given: object) -> bool:
    """Whether it is a numpy array, or an array of a library that works like numpy."""
    return all(hasattr(given, name) for name in ("dtype", "shape", "tobytes"))


def _of_array(array: Any) -> RawImage:
    with _foreign(array):
        return RawImage.from_array(array)


@contextlib.contextmanager
def _foreign(given: object) -> Iterator[None]:
    """Objects of other libraries raise what they like: zlib.error, BadZipFile, errors of a GPU."""
    name = type(given).__name__
    try:
        yield
    except InvalidImage as error:
        raise InvalidImage(error.message, reason=error.reason) from None
    except MemoryError:
        raise InvalidImage(
            f"there is not enough memory for the picture ({name})", reason="IMAGE_TOO_LARGE"
        ) from None
    except Exception as error:
        what = str(error)[:200] or type(error).__name__
        raise InvalidImage(
            f"the picture ({name}) cannot be read: {what}", reason="NOT_AN_IMAGE"
        ) from error


def _of_file(file: Any, max_bytes: int) -> bytes:
    name = type(file).__name__
    if isinstance(file, io.TextIOBase):
        raise _unreadable(f"the file ({name}) is open in text mode", 'open(path, "rb")')
    parts, size = [], 0
    with _foreign(file):
        while size <= max_bytes:
            part = file.read(max_bytes + 1 - size)
            if not isinstance(part, bytes | bytearray):
                text = isinstance(part, str)
                raise _unreadable(
                    f"read() of {name} gave {type(part).__name__}, not bytes",
                    'open(path, "rb")' if text else 'RawImage.from_array(frame, "bgr8")',
                )
            if not part:
                break
            parts.append(part)
            size += len(part)
    if size > max_bytes:
        raise InvalidImage(
            f"the picture has more than {max_bytes} bytes, the most that is accepted",
            reason="IMAGE_TOO_LARGE",
        )
    return b"".join(parts)


def _unreadable(what: str, write: str) -> InvalidImage:
    return InvalidImage(f"{what}; write {write}", reason="NOT_AN_IMAGE")


def _is_pillow(image: object) -> bool:
    # whoever has such a picture has loaded Pillow; a client without it must not load it
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def _of_pillow(image: Any) -> bytes | RawImage:
    if 0 in image.size:
        raise InvalidImage(
            f"a picture of Pillow has no pixels: its size is {image.width}x{image.height}",
            reason="BAD_RAW_IMAGE",
        )
    with _decoding(image):
        image.load()
        upright = _upright(image)
        if upright.mode == "La":  # which Pillow converts to nothing else
            upright = upright.convert("LA")
        if upright.mode in {"I", "F"}:  # 32 bits
            return _encoded(upright, "TIFF")
        if upright.mode.startswith("I"):  # 16 bits
            return _encoded(upright, "PNG", compress_level=1)
        if upright.has_transparency_data:
            return _encoded(upright.convert("RGBA"), "PNG", compress_level=1)
        grey = upright.mode in {"1", "L"}
        mode = "L" if grey else "RGB"
        pixels = upright if upright.mode == mode else upright.convert(mode)
        order = PixelFormat.GRAY8 if grey else PixelFormat.RGB8
        return RawImage(pixels.tobytes(), pixels.width, pixels.height, order)


def _upright(image: Any) -> Any:
    try:
        return import_module("PIL.ImageOps").exif_transpose(image)
    except MemoryError:
        raise
    except Exception:  # damaged EXIF is ignored in files, too
        return image


@contextlib.contextmanager
def _decoding(image: Any) -> Iterator[None]:
    """Pillow decodes the file of a picture late, so this is where it may turn out to be damaged."""
    try:
        yield
    except MemoryError:
        raise InvalidImage(
            "there is not enough memory to decode the picture", reason="IMAGE_TOO_LARGE"
        ) from None
    except Exception as error:  # of many kinds, by format; AssertionError where it is closed
        raise InvalidImage(
            f"a picture of Pillow in mode {shown(image.mode)} cannot be decoded: its file is "
            "closed, cut off or damaged",
            reason="TRUNCATED_IMAGE",
        ) from error


def _encoded(image: Any, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _what_to_write(image: object) -> str:
    if image is None:
        return " (cv2.imread gives None for a file that it cannot read)"
    if isinstance(image, list | tuple):
        return "; recognize_batch takes several pictures"
    if hasattr(image, "__array__"):
        return '; write RawImage.from_array(numpy.asarray(picture), "rgb8")'
    return ""
