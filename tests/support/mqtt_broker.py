"""A real MQTT broker for tests: mosquitto on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from needs import MOSQUITTO
from paho.mqtt import client as mqtt
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 60.0


def mosquitto() -> str:
    """Return the program; the test skips where there is none."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(MOSQUITTO)
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def broker(folder: Path, port: int, *settings: str) -> Iterator[None]:
    """Run a broker until the end of the block; it keeps sessions in the folder."""
    program = mosquitto()
    lines = [
        f"listener {port} 127.0.0.1", "persistence true", f"persistence_location {folder}/",
        "log_dest stderr", "user root", *(settings or ["allow_anonymous true"]),
    ]  # fmt: skip
    file = folder / "mosquitto.conf"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    process = subprocess.Popen([program, "-c", str(file)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if " running" in line:
                break
        else:
            raise AssertionError("mosquitto did not start: " + "".join(said))
        yield
    finally:
        process.terminate()
        process.communicate()


class Subscriber:
    """Takes what comes under a topic, with a session that the broker keeps while it is away."""

    def __init__(self, port: int, topic: str) -> None:
        self.messages: list[MQTTMessage] = []
        self.news = threading.Condition()
        self._topic = topic
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="subscriber", protocol=mqtt.MQTTv5
        )
        self._client.reconnect_delay_set(0.05, 0.2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE)

    def wait(self, until: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(until, PATIENCE), "the messages did not come"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(self._topic, qos=1)

    def _on_message(self, _c: mqtt.Client, _u: Any, message: MQTTMessage) -> None:
        with self.news:
            self.messages.append(message)
            self.news.notify_all()
