"""Videos and streams as frames, by PyAV."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.errors import InvalidImage, MissingExtra
from lipiyana.watch.inputs.frames import CameraFrame, GreyArray, fitted, grey_height
from lipiyana.watch.inputs.sources import SourceKind, VideoSource

try:
    import av
    from av.video.reformatter import VideoReformatter
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("video", "watching") from error

if TYPE_CHECKING:
    from av.container import InputContainer

FAILURES = (av.FFmpegError, OSError)
"""What opening and reading raise."""

_FILES = {"protocol_whitelist": "file,crypto,data"}
_ADDRESSES = {
    # a playlist from elsewhere must not read files of this machine
    "protocol_whitelist": "rtsp,rtp,udp,tcp,tls,http,https,httpproxy,crypto",
    # a network that loses packets damages pictures; where a camera has no TCP, UDP is used
    "rtsp_flags": "prefer_tcp",
    # microseconds that may be spent on finding out what a stream contains; the default is five
    # seconds, and none is read meanwhile
    "analyzeduration": "500000",
}
_CAMERA_FORMAT = "v4l2"


class VideoPicture:
    """A decoded frame. `reformatter` belongs to the thread that converts."""

    def __init__(self, frame: av.VideoFrame, reformatter: VideoReformatter) -> None:
        self._frame, self._reformatter = frame, reformatter
        # degrees counter-clockwise: telephones do not turn what they record, they say how it lies
        self._turns = round(frame.rotation / 90) % 4

    def rgb(self, longest: int | None) -> RgbArray:
        """Convert to RGB, made smaller if a side is longer than `longest` pixels."""
        width, height = fitted(self._frame.width, self._frame.height, longest)
        return self._converted(width, height, "rgb24")

    def grey(self, width: int) -> GreyArray:
        """Convert to a small grey copy; its width is that of the picture before it is turned."""
        height = grey_height(self._frame.width, self._frame.height, width)
        return self._converted(width, height, "gray")

    def _converted(self, width: int, height: int, kind: str) -> RgbArray:
        converted = self._reformatter.reformat(
            self._frame, width, height, kind, interpolation="AREA"
        )
        array = np.asarray(converted.to_ndarray(), np.uint8)
        return np.ascontiguousarray(np.rot90(array, self._turns)) if self._turns else array


_LAST_FRAME = 2.0  # seconds
_MISSING_SHARE = 0.1


class VideoFile:
    """The frames of a file, none left out.

    Attributes:
        duration: in seconds, if the file says so.
        damaged: packets that could not be decoded so far.
    """

    def __init__(self, source: VideoSource, began_at: float, threads: int) -> None:
        """Open a file.

        Args:
            source: the file.
            began_at: when its first frame was taken, in seconds since 1970.
            threads: that decode it.

        Raises:
            InvalidImage: it is no video that can be read.
        """
        self._source, self._began_at = source, began_at
        self.damaged = 0
        try:
            self._container = av.open(f"file:{source.location}", options=_FILES)
        except FAILURES as error:
            raise unreadable(source, error) from None
        try:
            self._decoder = _decoder(self._container, threads, frames_at_once=True)
        except LookupError:
            self._container.close()
            raise _not_a_video(source, "it has no picture") from None
        length = self._container.duration
        self.duration = None if length is None else length / av.time_base
        self._stated = _stated_seconds(self._container, self._decoder)
        self._stated_packets = _stated_packets(self._container, self._decoder)
        self._reached, self._packets = 0.0, 0

    def __iter__(self) -> Generator[CameraFrame, None, None]:
        """Decode to the end, and close the file."""
        reformatter = VideoReformatter()
        first: float | None = None
        elapsed = self._reached = 0.0
        with self._container:
            frames = decoded(self._container, self._decoder, self._count_damaged, self._reach)
            for number, frame in enumerate(self._to_the_end(frames)):
                if frame.time is not None:
                    first = frame.time if first is None else first
                    elapsed = self._reached = max(elapsed, frame.time - first)
                picture = VideoPicture(frame, reformatter)
                yield CameraFrame(number, elapsed, self._began_at + elapsed, picture)

    def check_length(self) -> None:
        """Compare what was decoded with the length that the file states; call it at the end.

        Raises:
            InvalidImage: a good part is missing, as of a copy that was broken off.
        """
        stated = self._stated_packets
        if stated is not None and self._packets < (1 - _MISSING_SHARE) * stated:
            raise InvalidImage(
                f"{self._source.shown} ends after {self._packets} of {stated} frames: the rest of "
                "the file is missing or damaged",
                reason="BAD_VIDEO",
            )
        missing = 0.0 if self._stated is None else self._stated - self._reached
        # the last frame of a recording may be shown for a while
        if self._stated is not None and missing > max(_LAST_FRAME, _MISSING_SHARE * self._stated):
            raise InvalidImage(
                f"{self._source.shown} ends after {self._reached:.0f} of {self._stated:.0f} "
                "seconds: the rest of the file is missing or damaged",
                reason="BAD_VIDEO",
            )

    def _to_the_end(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        try:
            yield from frames
        except FAILURES:  # what follows is lost
            self._count_damaged()

    def _count_damaged(self) -> None:
        self.damaged += 1

    def _reach(self, packet: av.Packet[av.VideoStream]) -> None:
        # of an AVI these are frames, with those that were left out because nothing had changed
        self._packets = max(self._packets, (packet.dts or 0) + 1)


def open_live(source: VideoSource, timeout: float, threads: int) -> InputContainer:
    """Connect to an address or a camera.

    Raises:
        InvalidImage: it is a recording, or there is no picture in it; to try again is useless.
        FFmpegError, OSError: it does not answer, or not with a video.
    """
    if source.kind is SourceKind.CAMERA:
        container = av.open(f"/dev/video{source.location}", format=_CAMERA_FORMAT)
    else:
        container = av.open(source.location, options=_ADDRESSES, timeout=(timeout, timeout))
    try:
        _decoder(container, threads, frames_at_once=False)
    except LookupError:
        container.close()
        raise _not_a_video(source, "it has no picture") from None
    if container.duration is not None and source.location.lower().startswith("http"):
        container.close()
        raise _not_a_video(source, "it is a recording, not a live stream: name a copy of the file")
    return container


def live_frames(container: InputContainer, damaged: Callable[[], None]) -> Iterator[av.VideoFrame]:
    """Decode what a connection of `open_live` sends, until it ends or fails."""
    return decoded(container, _video_of(container), damaged)


def decoded(
    container: InputContainer,
    decoder: av.VideoStream,
    damaged: Callable[[], None],
    came: Callable[[av.Packet[av.VideoStream]], None] = lambda _: None,
) -> Iterator[av.VideoFrame]:
    """Decode packets; `came` is called for each, and `damaged` for each that cannot be decoded."""
    for packet in container.demux(decoder):
        if packet.size:  # the last one only flushes the decoder
            came(packet)
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            damaged()
            continue
        yield from frames


def _decoder(container: InputContainer, threads: int, *, frames_at_once: bool) -> av.VideoStream:
    stream = _video_of(container)
    stream.codec_context.thread_count = threads
    # several frames at once are faster and late by as many
    stream.thread_type = "AUTO" if frames_at_once and threads > 1 else "SLICE"
    return stream


def _stated_seconds(container: InputContainer, video: av.VideoStream) -> float | None:
    """Give the length of the picture, if it is stated; sound may be longer."""
    if video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _stated_packets(container: InputContainer, video: av.VideoStream) -> int | None:
    """Give the number of frames that an AVI states: it has no duration but that of its data.

    In other files it may be an estimate, or count frames that are cut out when it is played.
    """
    return (video.frames or None) if container.format.name == "avi" else None


def _video_of(container: InputContainer) -> av.VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        raise LookupError
    return stream


def unreadable(source: VideoSource, error: Exception) -> InvalidImage:
    """Create the error of a source that cannot be opened."""
    return _not_a_video(source, reason_of(error))


def reason_of(error: Exception) -> str:
    """Say why PyAV failed, without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):  # by which PyAV ends what takes too long
        return "no answer in time"
    if isinstance(error, av.error.InvalidDataError):
        return "what it has is no video"
    if isinstance(error, OSError) and error.errno == errno.EIO:  # as for a page of a web server
        return "it sends no video, or broke off"
    text = getattr(error, "strerror", None) or type(error).__name__
    return str(text)[:1].lower() + str(text)[1:]


def _not_a_video(source: VideoSource, why: str) -> InvalidImage:
    return InvalidImage(f"{source.shown} cannot be watched: {why}", reason="BAD_VIDEO")
