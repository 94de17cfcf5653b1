"""Arguments that all recognizers take, checked in one place so that all refuse the same."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from lipiyana.conversions.pictures import is_array, is_file
from lipiyana.errors import InvalidRequest
from lipiyana.inputs import Frame, FrameInput, ImageInput, RawImage, RecognitionConfig
from lipiyana.words import is_real, shown

LONGEST_TIMEOUT = 365 * 24 * 3600.0
"""Seconds, a year; a longer timeout is none, as gRPC and locks would not take some of them."""


def config_of(config: object) -> RecognitionConfig:
    """Take the config of a call, or the default one for None.

    Raises:
        InvalidRequest: it is something else.
    """
    if config is None:
        return RecognitionConfig()
    if isinstance(config, RecognitionConfig):
        return config
    write = "RecognitionConfig(**config)" if isinstance(config, dict) else "RecognitionConfig(...)"
    raise InvalidRequest(
        f"config must be a RecognitionConfig, not {shown(config)}; write {write}", field="config"
    )


def pictures_of(images: Iterable[ImageInput]) -> list[ImageInput]:
    """Take the pictures of a batch.

    Raises:
        InvalidRequest: it is one picture, or nothing that has pictures.
    """
    if not _has_several(images):
        write = "list(array)" if _is_stack(images) else "[picture]"
        raise InvalidRequest(
            f"a batch is a list of pictures, not {_kind(images)}; write recognize_batch({write})",
            field="images",
        )
    return list(images)


def require_frames(frames: object, *, also_async: bool = False) -> None:
    """Check the frames of a stream before it begins.

    Args:
        frames: as the caller gave them.
        also_async: whether an asynchronous iterable will do.

    Raises:
        InvalidRequest: it is one picture, or nothing that has pictures.
    """
    if isinstance(frames, AsyncIterable):
        if also_async:
            return
        raise InvalidRequest(
            "frames that come asynchronously are for AsyncClient.recognize_stream", field="frames"
        )
    if not _has_several(frames):
        raise InvalidRequest(
            f"a stream is an iterable of pictures or of Frame(number, picture), not "
            f"{_kind(frames)}; {_how_to_stream(frames)}",
            field="frames",
        )


def numbered(frames: Iterable[FrameInput]) -> Iterator[Frame]:
    """Give frames; a bare picture gets its position, from 0, as `frame_id`."""
    for number, given in enumerate(frames):
        yield _frame(number, given)


async def numbered_async(frames: AsyncIterable[FrameInput]) -> AsyncIterator[Frame]:
    """Do what `numbered` does, with frames that come asynchronously."""
    number = 0
    async for given in frames:
        yield _frame(number, given)
        number += 1


def seconds_of(timeout: object) -> float | None:
    """Take a timeout in seconds, 0 if it has passed; None is no limit.

    Raises:
        InvalidRequest: it is no number.
    """
    if timeout is None:
        return None
    if not is_real(timeout) or not (timeout > 0 or timeout <= 0):  # NaN is neither
        raise InvalidRequest(
            f"timeout must be a number of seconds, not {shown(timeout)}", field="timeout"
        )
    if timeout > LONGEST_TIMEOUT:
        return None
    return float(timeout) if timeout > 0 else 0.0


def _frame(number: int, given: FrameInput) -> Frame:
    return given if isinstance(given, Frame) else Frame(number, given)


def _has_several(given: object) -> bool:
    if isinstance(given, str | bytes | bytearray | memoryview | os.PathLike | RawImage | Frame):
        return False
    if is_array(given) or is_file(given):  # their rows and lines are no pictures
        return False
    # an object with only __getitem__ is iterable too
    return hasattr(given, "__iter__") or hasattr(given, "__getitem__")


def _is_stack(given: object) -> bool:
    return is_array(given) and len(getattr(given, "shape", ())) > 3


def _how_to_stream(given: object) -> str:
    if is_file(given):
        return "write recognize_stream([file])"
    if is_array(given):
        return f"write recognize_stream({'list(array)' if _is_stack(given) else '[array]'})"
    each = 'yield RawImage.from_array(frame, "bgr8") for each frame'
    if hasattr(given, "read"):  # of a camera or a video, as OpenCV opens them
        return f"write a generator that calls read(): {each}"
    if isinstance(given, str | os.PathLike):
        return f"of a video, {each} in a generator; of a picture, write recognize_stream([picture])"
    return "write recognize_stream([picture])"


def _kind(given: object) -> str:
    return type(given).__name__
