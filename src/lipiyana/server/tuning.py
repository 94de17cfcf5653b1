"""Tuned constants of the server: limits, durations and ratios that are not settings.

Each group is a frozen dataclass with one instance. The text below a value says what it means and
why it has this size. A test replaces a group in the module that reads it:

    monkeypatch.setattr(service, "STREAMS", replace(STREAMS, setup_seconds=1))
"""

from __future__ import annotations

from dataclasses import dataclass

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


@dataclass(frozen=True, slots=True)
class ConnectionTuning:
    """Limits of connections, and of calls that have not begun."""

    keepalive_seconds: int = 60
    """Seconds without data after which a client is pinged. If it has disappeared, its stream ends
    soon after."""

    keepalive_timeout_seconds: int = 20
    """Timeout for the answer to a keepalive ping."""

    least_ping_seconds: int = 30
    """Minimum seconds between a client's pings; clients that ping more often are disconnected. It
    is half the interval of this project's clients, because intervals vary. gRPC's default is 5
    minutes."""

    handshake_seconds: int = 20
    """Timeout of the handshake of a connection, which counts towards `max_connections`."""

    idle_seconds: int = 60
    """A connection without calls is closed after this time, because it counts towards
    `max_connections`."""

    max_metadata_bytes: int = 4 * KIBIBYTE
    """Maximum per call. It is several times the size of a token, `traceparent`, a request id and
    the metadata of proxies. No flow-control window applies to metadata, so only this and the number
    of calls limit it. gRPC counts 32 more bytes per key."""

    window_bytes: int = 16 * KIBIBYTE
    """Bytes of a call that gRPC receives before the server asks for the message."""

    first_window_bytes: int = 64 * KIBIBYTE
    """Bytes of a call that gRPC receives until the client acknowledges the server's settings, which
    it can delay for 20 s; then `window_bytes` applies."""

    call_overhead_bytes: int = 48 * KIBIBYTE
    """Memory of gRPC and Python for a call and its metadata. Many short values need the most:
    44 KiB for 110 keys."""

    refusals_per_second: float = 4.0
    """Rejected calls per connection. A rejection costs about as much as an answer from the cache.
    """

    refusals_at_once: int = 16
    """Rejected calls per connection before `refusals_per_second` applies."""

    longest_ending_seconds: float = 0.25
    """Time after which the calls of a connection no longer wait for one that has its status: its
    client does not read. Halved each time this happens on the connection."""

    patience_regained: float = 0.01
    """Share of `longest_ending_seconds` that a connection regains with each answered call."""

    files_beside_calls: int = 64
    """Open files of a process without any call: libraries, models, logs, ports."""

    most_open_files: int = 65_536
    """Maximum that is requested; one process needs no more open files."""

    pace_sweep_at: int = 256
    """Number of connections that `Pace` remembers before it removes those that need not wait."""

    @property
    def call_bytes(self) -> int:
        """Maximum bytes of a call that has not begun or is rejected."""
        return self.first_window_bytes + self.call_overhead_bytes


@dataclass(frozen=True, slots=True)
class MessageTuning:
    """Limits of incoming requests and outgoing answers."""

    max_waiting: int = 512
    """Calls that may wait to send their message, and batches that may wait to be serialized.
    `window_bytes` limits the bytes that each call sends meanwhile."""

    max_fields: int = 64
    """Maximum number of non-repeated fields of a message; unknown fields and repetitions count."""

    max_text_bytes: int = 64
    """Maximum bytes of a string of a request. The longest valid one has four letters."""

    max_features: int = 16
    """Several times the number of features."""

    max_script_hints: int = 32
    """Several times the number of scripts."""

    batches_written_at_once: int = 3
    """Batches whose answers are serialized in turns. One client has at most two of these places."""

    small_answer_bytes: int = 16 * KIBIBYTE
    """Smaller answers are not counted as unread, because each call may hold as many bytes anyway.
    """

    unread_messages: int = 2
    """Unread answers may have as many bytes as this number of messages of `max_message_bytes`."""

    unread_copies: int = 2
    """Copies of an unread answer in memory: Python's and gRPC's."""

    deadline_slack: float = 0.25
    """A call that is cancelled at most this many seconds before its deadline counts as ended by it:
    the caller's clock started earlier, and gRPC rounds the remaining time up."""


@dataclass(frozen=True, slots=True)
class StreamTuning:
    """Limits of one stream of frames."""

    setup_seconds: int = 10
    """Timeout for the setup of a stream."""

    unread_seconds: float = 10.0
    """If a client does not read a result within this time, its next frames are dropped."""

    max_dropped: int = 1000
    """Maximum number of ids of dropped frames that wait to be reported."""


@dataclass(frozen=True, slots=True)
class HealthTuning:
    """Limits of `grpc.health.v1.Health`, which needs no token."""

    request_bytes: int = 1024
    """Maximum bytes of a request, which contains only the name of a service."""

    received_at_once: int = 2
    """Requests that are received at a time; others are answered without being read."""

    receive_seconds: float = 5.0
    """Timeout for a request."""

    watches_per_connection: int = 4
    """A client of this project has one watch per connection; connections are limited, too."""

    calls_per_second: float = 10.0
    """Calls per connection, over which a proxy may send the calls of many clients."""

    calls_at_once: int = 64
    """Calls per connection before `calls_per_second` applies."""


@dataclass(frozen=True, slots=True)
class ReflectionTuning:
    """Limits of reflection, which needs no token."""

    calls: int = 4
    """Maximum number of open calls."""

    request_bytes: int = 4 * KIBIBYTE
    """Maximum bytes of a request, which contains the name of a file, a type or an extension."""

    seconds: float = 30.0
    """Maximum duration of a call."""


@dataclass(frozen=True, slots=True)
class QueueTuning:
    """The queue of pictures, and the estimate of how long reading takes."""

    reserve: int = 8
    """One n-th of the queue is reserved for clients that hold at most an equal share."""

    pool_smoothing: float = 0.1
    """Weight of the newest duration in the running mean over all pictures."""

    first_mean_seconds: float = 0.1
    """Initial value of that mean."""

    shortest_wait: float = 0.01
    """Minimum back-off in seconds that a rejected caller is asked for."""

    kind_smoothing: float = 0.2
    """Weight of the newest duration in the running mean over pictures of one layout and size."""

    margin: float = 1.5
    """Nearly all pictures take less than this many times the mean of their kind."""

    waited_share: float = 0.1
    """A picture that waited less than this share of its expected duration found a free thread."""


@dataclass(frozen=True, slots=True)
class EndingTuning:
    """The shutdown of a server within its grace period."""

    second_signal_seconds: float = 0.5
    """Seconds until the end after the second signal, for answering the calls that are cut off."""

    longest_reserve: float = 1.5
    """Maximum seconds at the end of the grace period that are reserved for closing everything."""

    reserve_share: float = 0.3
    """The same as a share of a short grace period."""

    leaving_share: float = 2 / 3
    """Share of the reserve for the exit of the process. The system stops its threads and frees its
    memory, which takes 0.3 to 0.9 s for 0.8 GB on two cores shared by 18 threads."""

    log_seconds: float = 0.2
    """Timeout for the last log line, because the reader of the log may have stopped reading."""

    heard_seconds: float = 1.0
    """Within this time, clients that watch the health notice that the server shuts down."""

    abandoned_seconds: float = 3.0
    """Wait after the last accepted call. By then its answer has reached the caller, and all callers
    that read have closed their connections."""


@dataclass(frozen=True, slots=True)
class WorkerTuning:
    """Worker processes, and background work."""

    first_delay: float = 0.1
    """Back-off in seconds before a dead worker is restarted; doubled while workers die young."""

    longest_delay: float = 30.0
    """Maximum of this back-off in seconds."""

    young: float = 10.0
    """A worker that lives longer than this resets the back-off when it dies."""

    warm_up_side: int = 320
    """Side in pixels of the grey picture of the warm-up."""

    look_for_old_seconds: float = 600.0
    """Seconds between two searches for expired unsure pictures."""


@dataclass(frozen=True, slots=True)
class MemoryTuning:
    """Memory of a process."""

    models_bytes: int = 400 * MEBIBYTE
    """Memory of a process with all models loaded, measured (docs/guides/serving.md, "Memory")."""

    idle_worker_bytes: int = 160 * MEBIBYTE
    """Memory that a worker without calls does not share with others, measured."""

    thread_bytes: int = 225 * MEBIBYTE
    """Memory of a thread that reads a large scene or wide lines, measured with 48-megapixel JPEGs.
    """

    http_connection_bytes: int = MEBIBYTE
    """Memory of a connection of HTTP: 256 KiB in one read and as much for TLS, each twice."""

    http_copies: int = 3
    """Copies of a body that is parsed: the body, its text or its parts, and the pictures. One body
    is parsed at a time."""

    growth_bytes: int = 64 * MEBIBYTE
    """When a process has grown by this much, it returns free memory to the system."""

    trim_threshold_bytes: int = 256 * MEBIBYTE
    """The C library keeps freed memory up to this size."""

    mmap_threshold_bytes: int = 32 * MEBIBYTE
    """Larger blocks are requested from the system each time. The models of a server have no memory
    arena of their own. So with glibc's defaults each run waits for new pages, for an eighth of the
    time of a street picture; with these two values, for a twentieth."""

    look_seconds: float = 5.0
    """Seconds between two checks of the size of the process."""


@dataclass(frozen=True, slots=True)
class HttpTuning:
    """Limits of the HTTP port for metrics and probes."""

    max_request_bytes: int = 8 * KIBIBYTE
    """Maximum bytes of a request with its headers."""

    max_connections: int = 8
    """Maximum number of open connections. One more replaces the oldest, so a stalled client blocks
    nobody."""

    connection_seconds: float = 5.0
    """Maximum duration of a connection."""

    backlog: int = 512
    """Connections that the system queues until the server accepts them."""

    no_file_seconds: float = 0.05
    """Pause before the next accept if no file descriptor was free."""

    fresh_at_once: int = 10
    """Metrics requests that are computed before `fresh_per_second` applies."""

    fresh_per_second: float = 4.0
    """Metrics requests that are computed; others repeat the last answer. Each takes milliseconds,
    and more with several workers."""


@dataclass(frozen=True, slots=True)
class LogTuning:
    """Limits of log lines that clients or libraries cause."""

    lines: int = 20
    """Maximum number of lines of one kind within `seconds`; of more, only the number is logged."""

    seconds: float = 10.0
    """See `lines`."""

    longest_native_line: int = 1000
    """Maximum bytes of a line of a library."""

    native_end_seconds: float = 1.0
    """Timeout for logging the last native lines: a child process with file descriptor 2 keeps the
    pipe open."""

    pipe_bytes: int = MEBIBYTE
    """Capacity of the pipe that replaces file descriptor 2."""

    native_sources: int = 64
    """Maximum number of source files whose lines are limited separately."""


CONNECTIONS = ConnectionTuning()
MESSAGES = MessageTuning()
STREAMS = StreamTuning()
HEALTH = HealthTuning()
REFLECTION = ReflectionTuning()
QUEUE = QueueTuning()
ENDING = EndingTuning()
WORKERS = WorkerTuning()
MEMORY = MemoryTuning()
HTTP = HttpTuning()
LOGS = LogTuning()
