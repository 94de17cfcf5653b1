"""Addresses of receivers, and the secrets that go with them."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from lipiyana.addresses import fault_of_address, is_loopback
from lipiyana.errors import InvalidRequest, MissingExtra
from lipiyana.events.senders.http_sender import HttpSender
from lipiyana.events.senders.message import Sender
from lipiyana.files import MAX_SETTINGS_BYTES, read_text

SECRET_VARIABLE = "LIPIYANA_WEBHOOK_SECRET"  # noqa: S105
"""Environment variable: signs messages over HTTP."""
LOGIN_VARIABLE = "LIPIYANA_MQTT_LOGIN"
"""Environment variable: `user:password` for a broker."""

_TOPIC = "a topic to publish to has a name, without + and #: mqtt://HOST/TOPIC"
_LONGEST_TOPIC = 65_535
_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What receivers ask for.

    Attributes:
        secret: signs messages over HTTP; empty for no signature.
        login: user and password for a broker.
        ca: PEM file of the issuer of the receiver's certificate; None for the system's.
    """

    secret: bytes = field(default=b"", repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    ca: Path | None = None

    @classmethod
    def load(
        cls, secret_file: Path | None, login_file: Path | None, ca: Path | None
    ) -> Credentials:
        """Read them from files, or else from the environment.

        Raises:
            InvalidRequest: a file cannot be read or is empty, a login is not `user:password`, or
                there is no certificate in `ca`.
        """
        if ca is not None:
            try:
                ssl.create_default_context(cafile=ca)
            except ssl.SSLError:
                raise InvalidRequest(f"{ca} holds no certificate in PEM", field="ca") from None
            except OSError as error:
                raise InvalidRequest(f"{ca} cannot be read: {error.strerror}") from None
        secret = _secret(secret_file, SECRET_VARIABLE).encode()
        login = _secret(login_file, LOGIN_VARIABLE)
        user, colon, password = login.partition(":")
        if login and not (user and colon):
            raise InvalidRequest(f"{login_file or LOGIN_VARIABLE} must hold user:password")
        return cls(secret, (user, password) if login else None, ca)


def is_address(text: str) -> bool:
    """Whether a text names a receiver on a network, and not a file."""
    return "://" in text


def is_open(address: str) -> bool:
    """Whether rows would cross a network unencrypted.

    Raises:
        InvalidRequest: it is no address.
    """
    parts = parsed(address)
    return parts.scheme in {"http", "mqtt", "grpc"} and not is_loopback(parts.hostname or "")


def parsed(address: str) -> SplitResult:
    """Take an address apart.

    Raises:
        InvalidRequest: it is none.
    """
    if " " in address:
        raise _bad("it has spaces: write %20")
    if fault := fault_of_address(address):
        raise _bad(fault)
    parts = urlsplit(address)
    if parts.scheme.startswith("mqtt") and (set("+#") & set(address) or parts.query):
        raise _bad(f"{_TOPIC}; write ? as %3F")
    if "#" in address:
        raise _bad("it has a #, and what follows is never sent: write %23")
    return parts


def open_sender(address: str, credentials: Credentials) -> Sender:
    """Make the sender for an address; it connects when it sends.

    Raises:
        InvalidRequest: the address cannot be used.
        MissingExtra: paho-mqtt is not installed.
    """
    parts = parsed(address)
    port = parts.port
    if parts.username is not None or parts.password is not None:
        raise _bad("a login in an address can be seen by others; write it into a file")
    host = parts.hostname or ""
    match parts.scheme:
        case "https" | "http":
            if is_open(address):
                raise _bad("rows are personal data: use https://, or http:// on this machine")
            return HttpSender(address, secret=credentials.secret, ca=credentials.ca)
        case "mqtt" | "mqtts":
            return _mqtt(host, port or _MQTT_PORTS[parts.scheme], parts.path, credentials,
                         tls=parts.scheme == "mqtts")  # fmt: skip
        case "grpc" | "grpcs":
            if port is None or parts.path.strip("/") or parts.query:
                raise _bad(f"use {parts.scheme}://HOST:PORT")
            target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return _grpc(target, credentials, tls=parts.scheme == "grpcs")
        case _:
            raise _bad("use https://HOST/PATH, grpcs://HOST:PORT or mqtts://HOST/TOPIC")


def _grpc(target: str, credentials: Credentials, *, tls: bool) -> Sender:
    from lipiyana.events.senders.grpc_sender import GrpcSender  # only then, since gRPC is large

    ca = None if credentials.ca is None or not tls else credentials.ca.read_bytes()
    return GrpcSender(target, tls=tls, ca=ca, secret=credentials.secret)


def _mqtt(host: str, port: int, path: str, credentials: Credentials, *, tls: bool) -> Sender:
    try:
        from lipiyana.events.senders.mqtt_sender import MqttAddress, MqttSender
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "paho":
            raise
        raise MissingExtra.for_extra("mqtt", "a broker of MQTT") from error
    topic = unquote(path.removeprefix("/"))
    if not topic or set("+#\0") & set(topic):
        raise _bad(_TOPIC)
    if (size := len(topic.encode("utf-8", "surrogateescape"))) > _LONGEST_TOPIC:
        raise _bad(f"the topic has {size} bytes, and MQTT allows {_LONGEST_TOPIC}")
    return MqttSender(MqttAddress(host, port, topic, tls, credentials.login, credentials.ca))


def _secret(file: Path | None, variable: str) -> str:
    if file is None:
        return os.environ.get(variable, "")
    try:
        text = read_text(file, max_bytes=MAX_SETTINGS_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidRequest(f"{file} cannot be read: {why}") from None
    if not text:
        raise InvalidRequest(f"{file} is empty")
    return text


def _bad(why: str) -> InvalidRequest:
    # without the address, whose path may be a secret
    return InvalidRequest(f"this address cannot be used: {why}", field="to")
