"""JPEG: segments and scans, counted in the order in which libjpeg reads them."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from lipiyana.images.headers.costs import Part
from lipiyana.images.headers.header import (
    ImageHeader,
    bad_header,
    exif_orientation,
    too_complex,
    unsupported,
)

KIND = "JPEG"

MAX_SEGMENTS = 10_000
"""Maximum number of segments before the first scan, and again after its start. The longest
metadata of real pictures have a few hundred."""

MAX_SCANS = 500

MAX_WORK = 600_000_000
"""Maximum number of samples that all scans process together, at the resolution of each component.
A progressive picture of 48 megapixels with ten scans has 400 million; 600 million take about a
second."""

MAX_DEFINITIONS = 64
"""Maximum number of segments with quantization tables, Huffman tables and restart intervals before
the first scan. A picture uses at most eight tables; if each has a segment of its own and is defined
twice, there are 18."""

_SMOOTHING = 20  # inter-block smoothing costs as much as this many scans

_MARKER = re.compile(rb"[\xff][^\x00\xd0-\xd7\xff]")
_SOI, _EOI, _SOS, _DQT, _DHT, _DRI = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD
_LEAST_MARKER = 0xC0  # lower markers have no length and no body
_FRAMES = {0xC0, 0xC1, 0xC2}  # Huffman-coded, 8 or 12 bits: sequential and progressive
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xD0)} - {0xCC}
_PROGRESSIVE = 0xC2
_APP0, _APP1, _APP14 = 0xE0, 0xE1, 0xEE
_NAMES = {_APP0: b"JFIF\0", _APP14: b"Adobe"}  # these segments determine the colour space
_TABLES = {_DQT, _DHT, _DRI}
_LONGEST = {_DQT: 4 + 2 * 4 * 129, _DHT: 4 + 2 * 8 * (17 + 256), _DRI: 6}
"""Maximum bytes of a segment with marker and length: room for all possible tables, twice."""
_SMOOTHED = range(1, 10)  # coefficients that libjpeg estimates if they are missing or inexact


@dataclass(slots=True)
class _Component:
    samples: float
    # missing low bits of each coefficient; -1 if no scan has it
    missing: list[int] = field(default_factory=lambda: [-1] * 64)


@dataclass(slots=True)
class Frame:
    """The frame of a JPEG: size, components by their ids, and the cost of its scans."""

    width: int
    height: int
    progressive: bool
    components: dict[int, _Component]
    scans: int = 0
    work: float = 0.0
    buffered: bool = False

    @property
    def samples(self) -> float:
        """Number of samples of all components."""
        return sum(one.samples for one in self.components.values())

    def total_work(self) -> float:
        """Number of samples that all scans process; includes the cost of inter-block smoothing."""
        smooths = self.progressive and any(
            one.missing[0] >= 0 and any(one.missing[k] for k in _SMOOTHED)
            for one in self.components.values()
        )
        return self.work + smooths * _SMOOTHING * self.samples

    def add_scan(self, segment: bytes) -> None:
        """Count a scan; `segment` is its header without marker and length."""
        count = segment[0]
        ids = segment[1 : 1 + 2 * count : 2]
        first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
        parts = [self.components[one] for one in ids if one in self.components]
        if not self.scans:
            self.buffered = self.progressive or len(parts) < len(self.components)
        self.scans += 1
        self.work += sum(part.samples for part in parts)
        if self.progressive:
            for part in parts:
                part.missing[first : last + 1] = [bits & 15] * len(part.missing[first : last + 1])


def accepts(start: bytes) -> bool:
    """Say whether bytes begin like a JPEG."""
    return start.startswith(b"\xff\xd8\xff")


def read(data: bytes) -> ImageHeader:
    """Read the header of a JPEG; `data` of the result has no comments, profiles and previews.

    Raises:
        InvalidImage: it is truncated, of a rare kind, or has too many segments or scans.
    """
    head, frame, at, orientation = _read_tables(data, Segments())
    end = count_scans(data, at, frame, Segments())
    if frame.total_work() > MAX_WORK:
        raise too_complex(
            KIND,
            f"{frame.scans} scans of {frame.width}x{frame.height} pixels, or lacks the last scans",
        )
    return ImageHeader(
        KIND,
        frame.width,
        frame.height,
        b"".join((*head, memoryview(data)[at:end])),
        orientation,
        pixel_bytes=1 if len(frame.components) == 1 else 4,
        # the coefficients of the whole picture, 16 bits each
        buffer_bytes=len(data) + (2 * int(frame.samples) if frame.buffered else 0),
        work={
            Part.JPEG_BYTE: end - at,
            Part.JPEG_SAMPLE: frame.samples,
            Part.JPEG_SCAN_SAMPLE: frame.total_work() * frame.buffered,
            Part.CONVERTED_PIXEL: frame.width * frame.height * (len(frame.components) != 3),
        },
        halves=True,
    )


@dataclass(slots=True)
class Segments:
    """Counts the segments of a file, so that one limit holds for all JPEGs in it."""

    most: int = MAX_SEGMENTS
    count: int = 0

    def add(self) -> None:
        """Count one segment.

        Raises:
            InvalidImage: there are too many.
        """
        self.count += 1
        if self.count > self.most:
            raise too_complex(KIND, f"more than {self.most} segments")


def read_frame(data: bytes, segments: Segments | None = None) -> Frame:
    """Read the frame and count the scans of a JPEG that is embedded in another format.

    Args:
        data: the JPEG.
        segments: counts the segments of all JPEGs in the file.

    Raises:
        InvalidImage: as in `read`, but `MAX_WORK` is not checked.
    """
    segments = segments or Segments()
    _, frame, at, _ = _read_tables(data, segments)
    count_scans(data, at, frame, segments)
    return frame


@dataclass(slots=True)
class _Head:
    """The segments before the first scan that a decoder needs."""

    marks: dict[int, bytes] = field(default_factory=lambda: {_APP0: b"", _APP14: b""})
    tables: list[bytes] = field(default_factory=list)
    frame: Frame | None = None
    orientation: int = 0
    has_exif: bool = False

    def take(self, marker: int, segment: bytes) -> None:
        """Store a segment if the decoder needs it."""
        body = segment[4:]
        if marker in _OTHER_FRAMES:
            raise unsupported(KIND, "arithmetic, lossless or hierarchical coding")
        if marker in _FRAMES:
            if self.frame is not None:
                raise bad_header(KIND)
            self.frame = _frame(body, progressive=marker == _PROGRESSIVE)
        if marker in _FRAMES or marker in _TABLES:
            self.tables.append(segment)
            _check_tables(marker, segment, len(self.tables))
        elif marker in self.marks and body.startswith(_NAMES[marker]):
            self.marks[marker] = self.marks[marker] or segment
        elif marker == _APP1 and not self.has_exif and body.startswith(b"Exif\0\0"):
            self.orientation, self.has_exif = exif_orientation(body), True


def _read_tables(data: bytes, segments: Segments) -> tuple[list[bytes], Frame, int, int]:
    """Walk to the first scan.

    Returns:
        The segments that a decoder needs, the frame, the offset of the scan, and the orientation.
    """
    head = _Head()
    at = 2
    while True:
        segments.add()
        found = _MARKER.search(data, at)
        if found is None:
            raise bad_header(KIND)
        at, marker = found.start(), data[found.start() + 1]
        if marker < _LEAST_MARKER or marker == _SOI:
            at += 2
            continue
        if marker in {_EOI, _SOS}:
            if marker == _EOI or head.frame is None:
                raise bad_header(KIND)
            needed = [b"\xff\xd8", *head.marks.values(), *head.tables]
            return needed, head.frame, at, head.orientation or 1
        segment = _segment(data, at)
        head.take(marker, segment)
        at += len(segment)


def count_scans(data: bytes, at: int, frame: Frame, segments: Segments) -> int:
    """Add the scans from `at` on to the frame; return the offset after the end marker.

    Raises:
        InvalidImage: a second frame begins, or there are too many scans or segments.
    """
    while True:
        segments.add()
        marker = data[at + 1]
        if marker == _EOI:
            return at + 2
        if marker in _FRAMES or marker in _OTHER_FRAMES:
            raise bad_header(KIND)
        if marker >= _LEAST_MARKER and marker != _SOI:
            segment = _segment(data, at)
            if marker == _SOS:
                frame.add_scan(segment[4:])
            at += len(segment)
        else:
            at += 2
        if frame.scans > MAX_SCANS:
            raise too_complex(KIND, f"more than {MAX_SCANS} scans")
        found = _MARKER.search(data, at)
        if found is None:
            return len(data)
        at = found.start()


def _check_tables(marker: int, segment: bytes, count: int) -> None:
    """Reject repeated definitions of tables: Pillow parses them in Python."""
    if count > MAX_DEFINITIONS or (marker in _LONGEST and len(segment) > _LONGEST[marker]):
        raise too_complex(KIND, "tables that are defined too many times")


def _segment(data: bytes, at: int) -> bytes:
    """Return a segment, with its marker and its length."""
    (length,) = struct.unpack_from(">H", data, at + 2)
    segment = data[at : at + 2 + length]
    if length < 2 or len(segment) < 2 + length:
        raise bad_header(KIND)
    return segment


def _frame(segment: bytes, *, progressive: bool) -> Frame:
    _, height, width, count = struct.unpack_from(">BHHB", segment)
    parts = [segment[6 + 3 * i : 9 + 3 * i] for i in range(count)]
    factors = [(part[0], part[1] >> 4, part[1] & 15) for part in parts]
    most_x, most_y = (max(one[axis] for one in factors) for axis in (1, 2))
    # the stored size is padded to whole blocks of the coarsest component
    padded_x, padded_y = (
        -(-side // (8 * most)) * 8 * most for side, most in ((width, most_x), (height, most_y))
    )
    components = {
        name: _Component(padded_x * padded_y * (x * y) / (most_x * most_y))
        for name, x, y in factors
    }
    return Frame(width, height, progressive, components)
