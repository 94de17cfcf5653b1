"""Makes the recognizer that a command uses: in this process, or on a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import MAX_SETTINGS_BYTES, read_file
from lipiyana.recognizer import Recognizer
from lipiyana.variables import unread_variables

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

CERTIFICATE_VARIABLE = "LIPIYANA_SERVER_CERTIFICATE"
"""Environment variable: a PEM file, the certificate of this client, where a server asks for one."""

KEY_VARIABLE = "LIPIYANA_SERVER_KEY"
"""Environment variable: a PEM file, the key of that certificate."""

TOKEN_VARIABLE = "LIPIYANA_SERVER_TOKEN"  # noqa: S105
"""Environment variable: the token for the server; an option would be in the list of processes."""


def connect(server: str, workers: int | None) -> Chosen:
    """Connect to a server, `HOST:PORT`, with the credentials of the environment.

    Raises:
        NotFound: a file that a variable names cannot be read.
        InvalidRequest: a certificate has no key, the token is not printable ASCII, or a variable
            seems to be misspelt.
    """
    # gRPC writes each failed handshake to standard error, and reads this when it is imported
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc

    from lipiyana.client import Client

    for unread in unread_variables(()):
        # a misspelt one would send the pictures, or the token, without TLS
        if unread.name.startswith("LIPIYANA_SERV") and unread.nearest in {
            CA_VARIABLE,
            CERTIFICATE_VARIABLE,
            KEY_VARIABLE,
            TOKEN_VARIABLE,
        }:
            raise InvalidRequest(str(unread), field="server", reason="INVALID_SETTINGS")
    ca, certificate, key = map(_named_file, (CA_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE))
    if (certificate is None) != (key is None) or (certificate is not None and ca is None):
        raise InvalidRequest(
            f"{CERTIFICATE_VARIABLE}, {KEY_VARIABLE} and {CA_VARIABLE} go together; "
            f"{CA_VARIABLE} alone is enough for a server that asks for no certificate",
            field="server",
            reason="INVALID_SETTINGS",
        )
    tls = None if ca is None else grpc.ssl_channel_credentials(ca, key, certificate)
    token = os.environ.get(TOKEN_VARIABLE) or None
    client = Client(server, tls=tls, token=token, timeout=TIMEOUT)
    return Chosen(client, workers or CALLS_IN_FLIGHT)


def _named_file(variable: str) -> bytes | None:
    """Read the file that a variable names; None if it is not set."""
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        return read_file(path, MAX_SETTINGS_BYTES)
    except OSError as error:
        raise NotFound(f"{variable} names {path}: {error.strerror}") from None


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
    from lipiyana.images.decoders import quiet_decoders
    from lipiyana.images.loading import environment_limits
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.runtime.container import available_threads

    quiet_decoders()
    cpus = available_threads()
    chosen = workers or max(1, min(cpus, pictures))
    threads = max(1, cpus // chosen)
    recognizer = LocalRecognizer(models_dir=models, limits=environment_limits(), threads=threads)
    return Chosen(keeping(recognizer, keep_unsure) if keep_unsure else recognizer, chosen)
