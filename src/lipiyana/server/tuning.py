"""Tuned constants of the server: limits, seconds and shares that are no settings of a user.

Each group is a frozen dataclass with one instance that the server reads. The text below a value
says why it is what it is. A test replaces a group in the module that reads it:

    monkeypatch.setattr(service, "STREAMS", replace(STREAMS, setup_seconds=1))
"""

from __future__ import annotations

from dataclasses import dataclass

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


@dataclass(frozen=True, slots=True)
class ConnectionTuning:
    """What a connection, and a call that has not begun, may cost."""

    keepalive_seconds: int = 60
    """A client that vanished silently is noticed after about this time, and its stream ends."""

    keepalive_timeout_seconds: int = 20
    """For the answer to a keepalive ping."""

    least_ping_seconds: int = 30
    """Clients that ping more often than this are cut off. It is half of the time between the pings
    of this project's clients, because pings come in uneven steps. gRPC's bound is 5 minutes."""

    handshake_seconds: int = 20
    """In which a connection must finish its handshake; it takes one of the few places meanwhile."""

    idle_seconds: int = 60
    """A connection without calls is closed after this time: it takes one of the few places."""

    max_metadata_bytes: int = 4 * KIBIBYTE
    """Per call: a token, `traceparent`, a request id and what proxies add fit several times. No
    window holds metadata back, so only this and the number of calls bound it. gRPC adds 32 bytes
    per key."""

    window_bytes: int = 16 * KIBIBYTE
    """Bytes of a call that gRPC takes before the server asks for the message."""

    first_window_bytes: int = 64 * KIBIBYTE
    """Bytes of a call that gRPC takes until the client acknowledges the server's settings, which it
    may put off for 20 s; after that `window_bytes`."""

    call_overhead_bytes: int = 48 * KIBIBYTE
    """What gRPC and Python hold for a call and its metadata. Many short values take the most:
    44 KiB for 110 keys."""

    refusals_per_second: float = 4.0
    """To one connection. A refusal costs about as much as an answer from the cache."""

    refusals_at_once: int = 16
    """To one connection, before `refusals_per_second` holds."""

    longest_ending_seconds: float = 0.25
    """Time after which the calls of a connection no longer wait for one that has its status: its
    client does not read."""

    files_beside_calls: int = 64
    """Files that a process has open without any call: libraries, models, logs, ports."""

    most_open_files: int = 65_536
    """More open files are of no use to one process here."""

    pace_sweep_at: int = 256
    """Connections that `Pace` remembers before it forgets those whose time is over."""

    @property
    def call_bytes(self) -> int:
        """Most bytes of a call that has not begun or is refused."""
        return self.first_window_bytes + self.call_overhead_bytes


@dataclass(frozen=True, slots=True)
class MessageTuning:
    """Requests on their way in, and answers on their way out."""

    max_waiting: int = 512
    """Calls that may wait to send their message, and batches that may wait to be written.
    `window_bytes` bounds what each call sends meanwhile."""

    max_fields: int = 64
    """Of one message, besides repeated ones: known, unknown, or known and there again."""

    max_text_bytes: int = 64
    """Of one string of a request: the longest that means anything has four letters."""

    max_features: int = 16
    """Several times as many as there are."""

    max_script_hints: int = 32
    """Several times as many as there are."""

    batches_written_at_once: int = 3
    """Batches whose answers are written in turns. One client has two of these places at most."""

    small_answer_bytes: int = 16 * KIBIBYTE
    """Smaller answers are not counted as unread: each call may hold as many bytes anyway."""

    unread_messages: int = 2
    """Answers of `max_message_bytes` that may wait unread, or smaller ones of as many bytes."""

    unread_copies: int = 2
    """Copies of an unread answer: Python's bytes, and gRPC's."""

    deadline_slack: float = 0.25
    """Seconds before its deadline, by this server's clock, in which a cancelled call counts as
    ended by its deadline: the caller's clock began earlier, and the wire rounds the rest up."""


@dataclass(frozen=True, slots=True)
class StreamTuning:
    """One stream of frames."""

    setup_seconds: int = 10
    """In which the setup of a stream must come."""

    unread_seconds: float = 10.0
    """In which a client should read a result, before its next frame is dropped."""

    max_dropped: int = 1000
    """Ids of dropped frames that may wait to be reported."""


@dataclass(frozen=True, slots=True)
class HealthTuning:
    """`grpc.health.v1.Health`, which asks for no token."""

    request_bytes: int = 1024
    """A request contains only the name of a service."""

    received_at_once: int = 2
    """Requests that are received at a time; further ones are answered without being read."""

    receive_seconds: float = 5.0
    """In which a request must come."""

    watches_per_connection: int = 4
    """A client of this project has one watch per connection; connections themselves are limited."""

    calls_per_second: float = 10.0
    """Of one connection, through which a proxy may send the calls of many clients."""

    calls_at_once: int = 64
    """Of one connection, before `calls_per_second` holds."""


@dataclass(frozen=True, slots=True)
class ReflectionTuning:
    """Reflection, which asks for no token."""

    calls: int = 4
    """That are open at a time."""

    request_bytes: int = 4 * KIBIBYTE
    """A request contains the name of a file, a type or an extension."""

    seconds: float = 30.0
    """After which a call is ended."""


@dataclass(frozen=True, slots=True)
class QueueTuning:
    """The queue of pictures, and the estimate of how long reading takes."""

    reserve: int = 8
    """One part in so many is reserved for clients that have no more than an equal share."""

    pool_smoothing: float = 0.1
    """Weight of the newest duration in the running mean over all pictures."""

    first_mean_seconds: float = 0.1
    """That mean before any picture was read."""

    shortest_wait: float = 0.01
    """Seconds that a refused caller is asked to wait, however quick the last pictures were."""

    kind_smoothing: float = 0.2
    """Weight of the newest duration in the running mean over pictures of one layout and size."""

    margin: float = 1.5
    """Nearly all pictures are read in this many times the mean of their kind."""

    waited_share: float = 0.1
    """A picture that waited for less than this share of its mean found a free thread."""


@dataclass(frozen=True, slots=True)
class EndingTuning:
    """The end of a server within its grace period."""

    second_signal_seconds: float = 0.5
    """That a process has after the second signal, to tell the callers whose calls it cuts off."""

    longest_reserve: float = 1.5
    """Seconds at the end of the grace period for closing what is open, not for calls."""

    reserve_share: float = 0.3
    """Of a short grace period, for the same."""

    leaving_share: float = 2 / 3
    """Of the reserve: the system takes that long to end a process that was left. It stops the
    threads and frees the memory: 0.3 to 0.9 s for 0.8 GB, on two cores shared by 18 threads."""

    log_seconds: float = 0.2
    """That the last line may take: whoever reads the log may have stopped reading."""

    heard_seconds: float = 1.0
    """After which a client that watches the health is taken to know that the server ends."""

    abandoned_seconds: float = 3.0
    """After the last accepted call. By then its answer has reached the caller, and callers who read
    have closed their connections."""


@dataclass(frozen=True, slots=True)
class WorkerTuning:
    """Worker processes, and work beside the calls."""

    first_delay: float = 0.1
    """Seconds before a worker that died is started again; doubled while it keeps dying young."""

    longest_delay: float = 30.0
    """Seconds at most for the same."""

    young: float = 10.0
    """Seconds that a worker must live for its death to count as the first one again."""

    warm_up_side: int = 320
    """Pixels of the grey picture that is read in every layout before the server says it serves."""

    look_for_old_seconds: float = 600.0
    """Between two searches for unsure pictures whose time in the folder is over."""


@dataclass(frozen=True, slots=True)
class MemoryTuning:
    """Memory of a process."""

    models_bytes: int = 400 * MEBIBYTE
    """Of a process with all models loaded, measured (docs/guides/serving.md, "Memory")."""

    thread_bytes: int = 225 * MEBIBYTE
    """Of a thread that reads a large scene or wide lines, measured with 48-megapixel JPEGs."""

    growth_bytes: int = 64 * MEBIBYTE
    """When a process has grown by so much since the last time, it gives memory back again."""

    trim_threshold_bytes: int = 256 * MEBIBYTE
    """Freed memory up to this size stays with the C library."""

    mmap_threshold_bytes: int = 32 * MEBIBYTE
    """Larger blocks are asked of the system each time. Models of a server keep no memory
    themselves, so with glibc's own values each run waits for pages of the system: an eighth of the
    time of a street picture, and a twentieth with these two."""

    look_seconds: float = 5.0
    """Between two looks at the size of the process."""


@dataclass(frozen=True, slots=True)
class HttpTuning:
    """The HTTP port for metrics and probes."""

    max_request_bytes: int = 8 * KIBIBYTE
    """Of a request with all its headers."""

    max_connections: int = 8
    """Connections that have not sent their request or not read their answer. One more replaces the
    oldest, so a client that stalls keeps nobody out."""

    connection_seconds: float = 5.0
    """From the first byte of a connection to the last."""

    backlog: int = 512
    """Connections that the system holds until the server takes them."""

    no_file_seconds: float = 0.05
    """After which another connection is taken if there was no file descriptor for the last one."""

    fresh_at_once: int = 10
    """Expositions made anew before `fresh_per_second` holds."""

    fresh_per_second: float = 4.0
    """Expositions made anew: each takes milliseconds, with several workers more."""


@dataclass(frozen=True, slots=True)
class LogTuning:
    """Lines of the log that strangers or libraries cause."""

    lines: int = 20
    """Of one kind in `seconds`; of further lines only the number is logged."""

    seconds: float = 10.0
    """See `lines`."""

    longest_native_line: int = 1000
    """Bytes of a line of a library that are logged."""

    native_end_seconds: float = 1.0
    """In which the last native lines are logged: a child that has file 2 keeps the pipe open."""

    pipe_bytes: int = MEBIBYTE
    """Room of the pipe that takes the place of file 2."""

    native_sources: int = 64
    """Source files whose lines are counted separately."""


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
