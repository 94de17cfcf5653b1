"""Tuned limits of the HTTP API that are not settings; see `lipiyana.server.tuning`."""

from __future__ import annotations

from dataclasses import dataclass

from lipiyana.server.tuning import KIBIBYTE


@dataclass(frozen=True, slots=True)
class RestTuning:
    """Limits of connections, requests and answers."""

    backlog: int = 512
    """Connections that the system queues until the server accepts them."""

    no_file_seconds: float = 0.05
    """Pause before the next accept if no file descriptor was free."""

    handshake_seconds: float = 20.0
    """Timeout of the TLS handshake of a connection."""

    request_seconds: float = 20.0
    """A connection without a complete request head is closed after this time, from its start or
    from its last answer."""

    linger_seconds: float = 2.0
    """After an answer that ends the connection, what the client still sends is read and dropped for
    this time. Otherwise the system would reset the connection, and the answer could be lost."""

    answer_seconds: float = 30.0
    """A connection whose client has not read a piece of the answer in this time is closed."""

    piece_bytes: int = 64 * KIBIBYTE
    """Answers are sent in pieces of this size, so that few unread bytes are buffered twice."""

    head_bytes: int = 16 * KIBIBYTE
    """Maximum bytes of a request's line and headers. Browsers send the cookies of all ports of a
    host, so it is larger than `max_metadata_bytes` of gRPC."""

    free_chunks: int = 256
    """Chunks of a body that may have any size."""

    mean_chunk_bytes: int = 256
    """Of more chunks than that, the mean must have this size: each takes 15 us of the event loop.
    """

    inline_bytes: int = 128 * KIBIBYTE
    """Larger bodies are parsed on a thread, one at a time."""

    inline_lines: int = 100
    """Results with more lines of text are written on a thread: 1000 lines take 20 to 40 ms."""

    json_marks: int = 4096
    """Commas, colons, quotation marks, brackets and backslashes of a JSON body; base64 has none.
    Each may become an object of Python."""

    json_marks_each: int = 64
    """More of them for each picture of the largest batch."""

    number_digits: int = 32
    """Maximum characters of a number in JSON."""

    boundary_bytes: int = 70
    """Maximum bytes of a multipart boundary (RFC 2046)."""

    part_head_bytes: int = 1024
    """Maximum bytes of the headers of one part."""

    config_bytes: int = 16 * KIBIBYTE
    """Maximum bytes of a part or a first message that holds the config."""

    slice_bytes: int = 4 * KIBIBYTE
    """Bytes of a WebSocket that are parsed at a time; other tasks run in between. The smallest
    frames, of 6 bytes, take 20 us each."""

    fragments: int = 1024
    """Maximum number of fragments of a WebSocket message."""

    control_frames_per_second: float = 10.0
    """Pings and pongs of a client; it is disconnected when it sends more."""

    control_frames_at_once: int = 64
    """Control frames before `control_frames_per_second` applies."""


REST = RestTuning()
