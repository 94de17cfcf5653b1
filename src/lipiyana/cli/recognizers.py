"""Creates the recognizer of a command: in this process, or on a server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lipiyana.addresses import check_target
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import MAX_SETTINGS_BYTES, read_file
from lipiyana.inference.options import InferenceOptions, read_ca
from lipiyana.recognizer import Recognizer
from lipiyana.runtime.devices import Device
from lipiyana.variables import unread_variables

if TYPE_CHECKING:
    from lipiyana.runtime.store import ModelStore

CALLS_IN_FLIGHT = 8
"""Default number of concurrent calls to a server: enough for batches, too few to fill its queue."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A recognizer, and how many pictures it reads at a time."""

    recognizer: Recognizer
    workers: int


@dataclass(frozen=True, slots=True)
class Engines:
    """Which models are used, and what runs them.

    Attributes:
        models: folder of models that come first.
        device: that runs them; None for the CPU.
        fp16: whether it computes in 16-bit floats.
        inference: address of a server that runs them; None if this process does.
        ca: PEM file of the issuer of that server's certificate.
        fallback: whether this process runs a model where that server does not.
    """

    models: Path | None = None
    device: Device | None = None
    fp16: bool = False
    inference: str | None = None
    ca: Path | None = None
    fallback: bool = False

    @property
    def local_options(self) -> dict[str, object]:
        """The options that say nothing to a `lipiyana` server, by name; None if not given."""
        return {
            "--models": self.models,
            "--device": self.device,
            "--fp16": self.fp16 or None,
            "--inference": self.inference,
            "--inference-ca": self.ca,
            "--inference-fallback": self.fallback or None,
        }

    def check(self) -> None:
        """Check that the options go together.

        Raises:
            typer.BadParameter: they do not, or the address is none.
        """
        if self.inference is None:
            for option, given in (("-ca", self.ca), ("-fallback", self.fallback)):
                if given:
                    raise typer.BadParameter(
                        "needs --inference.", param_hint=f"--inference{option}"
                    )
            return
        try:
            self.options()
        except InvalidRequest as error:
            raise typer.BadParameter(f"{error.message}.", param_hint="--inference") from None

    def options(self) -> InferenceOptions | None:
        """Where the models run; None if in this process.

        Raises:
            InvalidRequest: the address is none.
            NotFound: the file of the CA cannot be read.
        """
        if self.inference is None:
            return None
        ca = None if self.ca is None else read_ca(self.ca)
        return InferenceOptions(self.inference, ca, fallback=self.fallback)

    def store(self, threads: int) -> ModelStore:
        """Make the store.

        Raises:
            LipiyanaError: there is no manifest or no such device, or the server is away.
        """
        from lipiyana.runtime.store import ModelSource, ModelStore

        options = self.options()
        source = ModelSource()
        if options is not None:
            from lipiyana.inference.models import RemoteModels

            source = RemoteModels(options)
        device = self.device or Device.AUTO
        return ModelStore(self.models, threads, device=device, fp16=self.fp16, source=source)


TIMEOUT = 300.0
"""Timeout of a call in seconds. It is long: when folders are read, a late result is better than
none, and concurrent calls wait for each other in the server's queue.
"""

CA_VARIABLE = "LIPIYANA_SERVER_CA"
"""Environment variable: PEM file of the issuer of the server's certificate. It turns TLS on."""

CERTIFICATE_VARIABLE = "LIPIYANA_SERVER_CERTIFICATE"
"""Environment variable: PEM file of the client certificate, if the server requires one."""

KEY_VARIABLE = "LIPIYANA_SERVER_KEY"
"""Environment variable: PEM file of the key of the client certificate."""

TOKEN_VARIABLE = "LIPIYANA_SERVER_TOKEN"  # noqa: S105
"""Environment variable: the token for the server. An option would show it in the process list."""


def check_server(server: str | None, local: Mapping[str, object]) -> None:
    """Check the value of `--server`, and that no option is given that it makes useless.

    Args:
        server: the value; None if the option is not given.
        local: values of options that work only in this process, by their names.

    Raises:
        typer.BadParameter: it is no address, or another option is given.
    """
    if server is None:
        return
    for option, given in local.items():
        if given is not None:
            raise typer.BadParameter(
                "cannot be used with --server; set it on the server.", param_hint=option
            )
    try:
        check_target(server)
    except InvalidRequest as error:
        raise typer.BadParameter(f"{error.message}.", param_hint="--server") from None


def connect(server: str, workers: int | None) -> Chosen:
    """Connect to a server, `HOST:PORT`, with the credentials of the environment.

    Raises:
        NotFound: a file that a variable names cannot be read.
        InvalidRequest: a certificate has no key, the token is not printable ASCII, or the name of
            a variable seems to be misspelt.
    """
    # otherwise gRPC logs failed handshakes to standard error; it reads this when it is imported
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc

    from lipiyana.client import Client

    for unread in unread_variables(()):
        # with a misspelt name, pictures and token would be sent without TLS
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
            f"set {CERTIFICATE_VARIABLE}, {KEY_VARIABLE} and {CA_VARIABLE} together, or only "
            f"{CA_VARIABLE} if the server requires no client certificate",
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
    engines: Engines,
    workers: int | None,
    pictures: int,
    *,
    keep_unsure: Path | None = None,
) -> Chosen:
    """Create a recognizer in this process.

    Reading several pictures at a time is faster than several threads for one picture, so there is
    one worker per CPU. With fewer `pictures` than CPUs, each worker gets several threads. Unsure
    pictures are stored in `keep_unsure`.

    Raises:
        LipiyanaError: see `Engines.store`.
        InvalidRequest: see `environment_limits`.
    """
    from lipiyana.cli.review import keep_unsure_pictures
    from lipiyana.images.decoders import quiet_decoders
    from lipiyana.images.loading import environment_limits
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.runtime.container import available_threads

    quiet_decoders()
    cpus = available_threads()
    workers = workers or max(1, min(cpus, pictures))
    threads = max(1, cpus // workers)
    recognizer = LocalRecognizer(engines.store(threads), limits=environment_limits())
    if keep_unsure:
        return Chosen(keep_unsure_pictures(recognizer, keep_unsure), workers)
    return Chosen(recognizer, workers)
