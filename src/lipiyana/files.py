"""Reading the file of a picture, with this project's errors; no decoding, no heavy import."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lipiyana.errors import InvalidImage, NotFound, PermissionDenied
from lipiyana.types import ImageInput, RawImage

MAX_FILE_BYTES = 100_000_000


def read_picture_file(path: str | os.PathLike[str], max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read the bytes of a picture's file, at most `max_bytes`.

    Raises:
        InvalidImage: a folder, a device or a pipe, or too large.
        NotFound: there is no such file.
        PermissionDenied: the file may not be read.
    """
    name = os.fsdecode(path)
    shown = _printable(name) or "''"
    try:
        # the empty name would be the folder that the process is in
        mode = os.stat(name).st_mode  # noqa: PTH116
        if not stat.S_ISREG(mode):  # opening a pipe would wait, a device might never end
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise InvalidImage(f"{shown} is {kind}; name a picture", reason="NOT_AN_IMAGE")
        with Path(name).open("rb") as file:
            data = file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no file {shown}") from None
    except PermissionError:
        raise PermissionDenied(f"{shown} may not be read; check its permissions") from None
    except (OSError, ValueError) as error:
        raise InvalidImage(f"{shown} cannot be read: {error}", reason="NOT_AN_IMAGE") from error
    if len(data) > max_bytes:
        raise InvalidImage(
            f"the picture has more than {max_bytes} bytes, the most that is accepted",
            reason="IMAGE_TOO_LARGE",
        )
    return data


def picture_bytes(image: ImageInput, max_bytes: int = MAX_FILE_BYTES) -> bytes | RawImage:
    """Give a picture as it can travel: a path becomes the bytes of its file.

    Raises:
        InvalidImage: it is not of a kind that `ImageInput` lists, or as `read_picture_file`.
        NotFound: there is no such file.
        PermissionDenied: the file may not be read.
    """
    if isinstance(image, bytes | RawImage):
        return image
    if isinstance(image, str | os.PathLike):
        return read_picture_file(image, max_bytes)
    raise InvalidImage(
        "a picture is the bytes of a file, its path (str or pathlib.Path) or a RawImage, not "
        f"{type(image).__name__}{_what_to_write(image)}",
        reason="NOT_AN_IMAGE",
    )


def _printable(name: str) -> str:
    try:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # no file can have this name
        return ascii(name)


def _what_to_write(image: object) -> str:
    if image is None:
        return " (cv2.imread gives None for a file that it cannot read)"
    if isinstance(image, bytearray | memoryview):
        return "; write bytes(picture)"
    if hasattr(image, "__array_interface__"):
        pillow = type(image).__module__.startswith("PIL.")
        array = 'numpy.asarray(image.convert("RGB"))' if pillow else "array"
        order = '"rgb8"' if pillow else '"bgr8"'
        other = "" if pillow else ', or "rgb8" where the red channel comes first'
        return f"; write RawImage.from_array({array}, {order}){other}"
    if hasattr(image, "read"):
        return "; write file.read() of a file that is open in binary mode"
    return ""
