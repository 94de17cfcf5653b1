"""The recognizer that a command uses: in this process, or a server's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lipiyana.errors import NotFound
from lipiyana.recognizer import Recognizer

CALLS_IN_FLIGHT = 8
"""Default of calls to a server at a time: enough for it to batch, too few to fill its queue."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A recognizer, and how many pictures to give it at a time."""

    recognizer: Recognizer
    workers: int


TIMEOUT = 300.0
"""Seconds that a call may take: who reads folders would rather wait than lose a picture, and calls
in flight wait for one another in the server.
"""

CA_VARIABLE = "LIPIYANA_SERVER_CA"
"""Environment variable: the PEM file of who signs the server's certificate. Turns TLS on."""

TOKEN_VARIABLE = "LIPIYANA_SERVER_TOKEN"  # noqa: S105
"""Environment variable: the token for the server; an option would be in the list of processes."""


def connect(server: str, workers: int | None) -> Chosen:
    """Use a server, `HOST:PORT`, as the environment says.

    Raises:
        NotFound: the file of the certificate cannot be read.
    """
    import grpc

    from lipiyana.client import Client

    tls = None
    if ca := os.environ.get(CA_VARIABLE):
        try:
            tls = grpc.ssl_channel_credentials(Path(ca).read_bytes())
        except OSError as error:
            raise NotFound(f"{CA_VARIABLE} names {ca}: {error.strerror}") from None
    token = os.environ.get(TOKEN_VARIABLE) or None
    client = Client(server, tls=tls, token=token, timeout=TIMEOUT)
    return Chosen(client, workers or CALLS_IN_FLIGHT)


def in_process(
    models: Path | None,
    workers: int | None,
    pictures: int,
    *,
    keep_unsure: Path | None = None,
) -> Chosen:
    """Use this process, whose CPUs the workers share.

    Pictures side by side beat threads within one, so there is a worker a CPU; where there are
    fewer `pictures` than CPUs each gets more threads. Unsure pictures are kept in `keep_unsure`.

    Raises:
        ModelUnavailable: `models` has no manifest.
        InvalidRequest: `environment_limits` says why.
    """
    from lipiyana.cli.review import keeping
    from lipiyana.images import environment_limits
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.runtime import available_threads

    cpus = available_threads()
    chosen = workers or max(1, min(cpus, pictures))
    threads = max(1, cpus // chosen)
    recognizer = LocalRecognizer(models_dir=models, limits=environment_limits(), threads=threads)
    return Chosen(keeping(recognizer, keep_unsure) if keep_unsure else recognizer, chosen)
