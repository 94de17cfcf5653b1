"""Publishes messages to an MQTT broker."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from lipiyana.events.senders.message import JsonPacking, Message, SendError

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_KEEPALIVE = 60
_HEADER_BYTES = 9
"""Of a message: type and length (5), length of the topic (2), number (2)."""
_PACKET_TOO_LARGE = 149
_FORMAT_INVALID = 153


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """A topic of a broker.

    Attributes:
        host, port: of the broker.
        topic: to publish to.
        tls: whether to use TLS.
        login: user and password, if it asks for them.
        ca: PEM file of the issuer of its certificate; None for the system's.
    """

    host: str
    port: int
    topic: str
    tls: bool = False
    login: tuple[str, str] | None = field(default=None, repr=False)
    ca: Path | None = None


class _Connection:
    """One connection; it ends at the first fault, and what paho would repeat ends with it."""

    def __init__(self, address: MqttAddress) -> None:
        self._answered = threading.Event()
        self._answers: list[ReasonCode] = []
        self._acknowledged: dict[int, ReasonCode] = {}
        self._news = threading.Condition()
        self._lost = False
        self._left_with: ReasonCode | None = None
        self._largest: int | None = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self._client.connect_timeout = _CONNECT_SECONDS
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        if address.login is not None:
            self._client.username_pw_set(*address.login)
        try:
            if address.tls:
                self._client.tls_set_context(ssl.create_default_context(cafile=address.ca))
            self._client.connect(address.host, address.port, _KEEPALIVE)
        except (OSError, ValueError) as error:
            raise SendError(_why(error)) from None
        self._client.loop_start()
        self._answered.wait(_CONNECT_SECONDS)
        if not self._answers:
            lost = self._lost
            self.close()
            if address.tls and lost:
                raise SendError(
                    "TLS failed: it ended the connection; it may want a certificate of the sender"
                )
            raise SendError("it does not answer as a broker of MQTT")
        if self._answers[0].is_failure:
            self.close()
            raise SendError(f"it refuses the connection: {self._answers[0]}")

    def publish(self, topic: str, message: Message) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = message.content_type
        if message.encoding:
            properties.UserProperty = ("content-encoding", message.encoding)
        size = len(message.body) + len(topic.encode()) + len(properties.pack()) + _HEADER_BYTES  # type: ignore[no-untyped-call]
        if self._largest is not None and size > self._largest:
            # the broker would end the connection, without a word on why
            raise SendError(f"it takes no message of {size} bytes", refused=True)
        sent = self._client.publish(topic, message.body, qos=1, properties=properties)
        with self._news:
            self._news.wait_for(
                lambda: self._lost or sent.mid in self._acknowledged, _ANSWER_SECONDS
            )
            answer = self._acknowledged.pop(sent.mid, None)
        if self._left_with is not None and self._left_with.value == _PACKET_TOO_LARGE:
            raise SendError(f"it answers: {self._left_with}", refused=True)
        if answer is None:
            raise SendError(
                f"the connection broke in a message of {size} bytes"
                if self._lost
                else "it does not answer in time"
            )
        if answer.is_failure:
            raise SendError(
                f"it answers: {answer}",
                refused=answer.value in {_PACKET_TOO_LARGE, _FORMAT_INVALID},
            )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, _c: Any, _u: Any, _flags: Any, answer: ReasonCode, properties: Any
    ) -> None:
        self._largest = getattr(properties, "MaximumPacketSize", None)
        self._answers.append(answer)
        self._answered.set()

    def _on_disconnect(self, _c: Any, _u: Any, _flags: Any, answer: ReasonCode, _p: Any) -> None:
        with self._news:
            self._lost, self._left_with = True, answer
            self._news.notify_all()
        self._answered.set()

    def _on_publish(self, _c: Any, _u: Any, mid: int, answer: ReasonCode, _p: Any) -> None:
        with self._news:
            self._acknowledged[mid] = answer
            self._news.notify_all()


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLError():
            return f"TLS failed: {error}"
        case socket.gaierror():
            return "its name cannot be resolved"
        case TimeoutError():
            return "it does not answer in time"
        case _:
            return "no connection"


class MqttSender(JsonPacking):
    """Publishes with QoS 1 and MQTT 5; the broker's answer acknowledges the message."""

    def __init__(self, address: MqttAddress) -> None:
        """Connect at the first message."""
        self._address = address
        self._connection: _Connection | None = None

    def send(self, message: Message) -> None:
        """Publish a message; see `Sender`."""
        if self._connection is None:
            self._connection = _Connection(self._address)
        try:
            self._connection.publish(self._address.topic, message)
        except (SendError, ValueError) as error:
            self.close()
            if isinstance(error, SendError):
                raise
            raise SendError(str(error), refused=True) from None  # longer than MQTT can say

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
