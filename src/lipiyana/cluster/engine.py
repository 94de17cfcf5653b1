"""Starts Ray or connects to a cluster, and keeps its many lines off the terminal."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import grpc

from lipiyana.errors import InternalError, InvalidRequest, LipiyanaError, MissingExtra, Unavailable
from lipiyana.runtime.container import available_threads

# what Ray reads when it is imported, and its processes when they start
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# by default its workers get a thirtieth of a busy CPU; what was asked for is to read
os.environ.setdefault("RAY_worker_niceness", "0")
# attempts of 40 s at an address where something else answers; its own default is twenty
os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
try:
    import ray
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("ray", "--engine ray") from error

OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Only paths and names of files go through it. Ray's default is a third of the memory."""

_CONNECT_SECONDS = 10.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[int]:
    """Use the Ray that this process is connected to, that of an address, or one of this machine.

    Args:
        address: `HOST:PORT` of a cluster, or `auto` for that of this machine; by default that of
            RAY_ADDRESS, and if there is none, a Ray that lives as long as this run.
        workers: actors that will read.

    Yields:
        How many actors can read at the same time.

    Raises:
        LipiyanaError: there is no such cluster, or Ray does not start.
    """
    if ray.is_initialized():
        yield _actors(workers)
        return
    address = address or os.environ.get("RAY_ADDRESS") or None
    with ExitStack() as stack:
        log = stack.enter_context(_lines_in_a_file())
        try:
            if address is None:
                _start(workers or available_threads())
            else:
                _connect(address)
        except LipiyanaError:
            raise
        except Exception as error:
            _keep(log)
            where = "Ray does not start" if address is None else f"no use of Ray at {address}"
            raise Unavailable(f"{where}: {_first_line(error)}{_advice(log)}; see {log}") from error
        stack.callback(ray.shutdown)
        try:
            yield _actors(workers)
        except ray.exceptions.RayError as error:
            _keep(log)
            raise InternalError(f"Ray failed: {_first_line(error)}; see {log}") from error


def little_shared_memory() -> str:
    """Advice for a machine whose shared memory is too small for Ray's objects; "" for others."""
    with suppress(OSError):
        free = shutil.disk_usage(_SHARED_MEMORY).free
        if free < OBJECT_STORE_BYTES:
            return (
                f"{_SHARED_MEMORY} has {free // 2**20} MB free, and Ray wants "
                f"{OBJECT_STORE_BYTES // 2**20}: it uses files instead, which is slower. Start the "
                "container with --shm-size=512m; in Kubernetes mount an emptyDir with "
                "medium: Memory there"
            )
    return ""


def _start(cpus: int) -> None:
    _init(
        address="local",
        num_cpus=cpus,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
    )


def _connect(address: str) -> None:
    if "://" in address:
        raise InvalidRequest(
            f"{address} is not HOST:PORT: run this command on a machine of the cluster, or as a "
            "job of it (ray job submit); the Ray client (ray://) is not used",
            field="ray_address",
        )
    if address not in {"auto", "local"}:
        _require_listener(address)
    _init(address=address)


def _init(**settings: Any) -> None:
    """Initialize Ray, which sends two strings of this process as UTF-8, whatever they are.

    They are the folder that it runs in, which workers import from, and its command line, which
    Ray only shows, and which may have the names of many pictures.

    Raises:
        InvalidRequest: the name of the folder is not UTF-8.
    """
    try:
        os.getcwd().encode()  # noqa: PTH109 - as Ray does
    except UnicodeEncodeError:
        raise InvalidRequest(
            "the folder that this command runs in has a name that is not UTF-8, and Ray does not "
            "start there: run it in another folder",
            field="path",
        ) from None
    utils: Any = ray._private.utils
    command_line = getattr(utils, "get_entrypoint_name", None)
    utils.get_entrypoint_name = lambda: "lipiyana read"
    try:
        ray.init(log_to_driver=False, **settings)
    finally:
        utils.get_entrypoint_name = command_line


def _require_listener(address: str) -> None:
    """Fail soon where no gRPC server answers: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InvalidRequest(
            f"{address} is not HOST:PORT, such as 10.0.0.5:6379, nor auto", field="ray_address"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
        if os.environ.get("RAY_USE_TLS", "0") == "0":
            with grpc.insecure_channel(address) as channel:
                grpc.channel_ready_future(channel).result(_CONNECT_SECONDS)
    except (OSError, OverflowError, UnicodeError, grpc.FutureTimeoutError) as error:
        why = str(error) or "what listens there is not Ray"
        raise Unavailable(
            f"no Ray cluster answers at {address}: {why}; `ray status` on its head shows whether "
            "it runs"
        ) from error


def _actors(workers: int | None) -> int:
    if workers is not None:
        return workers
    cpus = int(cast("Any", ray).cluster_resources().get("CPU", 0))
    if cpus < 1:
        raise Unavailable(
            "the cluster has no CPU now; with --workers N its autoscaler is asked for N"
        )
    return cpus


@contextmanager
def _lines_in_a_file() -> Iterator[Path]:
    """Send what Ray prints, from Python and from C++, to a file that goes unless it is kept.

    `sys.stderr` stays where it was, for the messages of the command.
    """
    folder = Path(tempfile.mkdtemp(prefix="lipiyana-ray-"))
    path = folder / "ray.log"
    with ExitStack() as stack:
        stack.callback(_remove_unless_kept, path)
        lines = stack.enter_context(path.open("w", encoding="utf-8", errors="replace"))
        stack.enter_context(redirect_stdout(lines))
        if _is_descriptor(2):
            terminal, before = os.dup(2), sys.stderr
            stack.callback(_restore, before, terminal)
            os.dup2(lines.fileno(), 2)
            sys.stderr = open(  # noqa: SIM115 - `_restore` closes its descriptor
                terminal,
                "w",
                buffering=1,
                encoding=before.encoding,
                errors=before.errors,
                closefd=False,
            )
        yield path


def _restore(stderr: TextIO, terminal: int) -> None:
    stderr.flush()
    os.dup2(terminal, 2)
    os.close(terminal)
    sys.stderr = stderr


def _is_descriptor(number: int) -> bool:
    """Whether `sys.stderr` is that descriptor, and no object of a program that catches it."""
    try:
        return sys.stderr.fileno() == number
    except (AttributeError, OSError, ValueError):
        return False


def _keep(log: Path) -> None:
    (log.parent / "kept").touch()


def _remove_unless_kept(log: Path) -> None:
    if not (log.parent / "kept").exists():
        shutil.rmtree(log.parent, ignore_errors=True)


def _advice(log: Path) -> str:
    """What to do about a failure that only the lines of Ray tell; "" if they tell nothing."""
    if "InvalidAuthToken" not in log.read_text("utf-8", "replace"):
        return ""
    return (
        "; it wants a token: set RAY_AUTH_MODE=token, and put the token of its head into "
        "RAY_AUTH_TOKEN or ~/.ray/auth_token"
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
