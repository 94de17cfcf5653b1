from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from threading import Thread

import pytest
from certificates import Authority
from mqtt_broker import Subscriber, broker, free_port, mosquitto
from row_receiver import decoded

from lipiyana.events.senders.message import Compression, SendError, message_of_rows
from lipiyana.events.senders.mqtt_sender import MqttAddress, MqttSender
from lipiyana.events.spool.forwarder import Forwarder, ForwardOptions
from lipiyana.events.spool.limits import SpoolLimits
from lipiyana.events.spool.pace import BackOff
from lipiyana.events.spool.store import Spool

MESSAGE = message_of_rows([("a-1", b'{"n":1}')], Compression.ZSTD)


class Hurried(BackOff):
    """Waits for little."""

    def failed(self, asked: float | None) -> float:
        return 0.05


def test_a_message_says_what_it_is(tmp_path: Path) -> None:
    port = free_port()
    with broker(tmp_path, port):
        subscriber = Subscriber(port, "gate/#")
        sender = MqttSender(MqttAddress("127.0.0.1", port, "gate/rows"))
        sender.send(MESSAGE)
        sender.send(MESSAGE)  # on the same connection
        subscriber.wait(lambda: len(subscriber.messages) == 2)
        sender.close()
        subscriber.close()
    one = subscriber.messages[0]
    assert (one.topic, one.qos, one.payload) == ("gate/rows", 1, MESSAGE.body)
    assert one.properties is not None
    assert one.properties.ContentType == "application/x-ndjson"
    assert one.properties.UserProperty == [("content-encoding", "zstd")]


def test_a_broker_that_is_away_for_a_while_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    said: list[str] = []
    forwarder = Forwarder(
        Spool(tmp_path / "spool", SpoolLimits()),
        MqttSender(MqttAddress("127.0.0.1", port, "rows")),
        ForwardOptions(), report=said.append, back_off=Hurried(),
    )  # fmt: skip

    def add(*numbers: int) -> None:
        forwarder.add([json.dumps({"n": number}).encode() for number in numbers])

    rows: dict[str, int] = {}

    def came(count: int) -> bool:
        for message in subscriber.messages:
            for line in decoded(message.payload, "").splitlines():
                one = json.loads(line)
                rows[one["id"]] = one["row"]["n"]
        return len(rows) == count

    with broker(tmp_path, port):
        subscriber = Subscriber(port, "rows")
        forwarder.start()
        add(1, 2)
        assert forwarder.wait_until_sent(60)
    add(3)
    add(4, 5)
    with broker(tmp_path, port):
        assert forwarder.wait_until_sent(60)
        subscriber.wait(lambda: came(5))
        forwarder.close()
        subscriber.close()
    assert list(rows.values()) == [1, 2, 3, 4, 5]
    assert said[-1] == "the receiver takes rows again"


def test_a_login(tmp_path: Path) -> None:
    mosquitto()
    makes_passwords = shutil.which("mosquitto_passwd")
    assert makes_passwords is not None
    port, passwords = free_port(), tmp_path / "passwords"
    subprocess.run([makes_passwords, "-b", "-c", passwords, "gate", "a secret"], check=True)
    with broker(tmp_path, port, "allow_anonymous false", f"password_file {passwords}"):
        for login in (None, ("gate", "wrong")):
            sender = MqttSender(MqttAddress("127.0.0.1", port, "rows", login=login))
            with pytest.raises(SendError, match="Not authorized") as caught:
                sender.send(MESSAGE)
            assert not caught.value.refused
            sender.close()
        sender = MqttSender(MqttAddress("127.0.0.1", port, "rows", login=("gate", "a secret")))
        sender.send(MESSAGE)
        sender.close()


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    own = authority.sign("broker")
    port = free_port()
    settings = [
        "allow_anonymous true", f"cafile {authority.files.certificate}",
        f"certfile {own.certificate}", f"keyfile {own.key}",
    ]  # fmt: skip
    with broker(tmp_path, port, *settings):
        stranger = MqttSender(MqttAddress("127.0.0.1", port, "rows", tls=True))
        with pytest.raises(SendError, match=r"TLS failed: .*CERTIFICATE_VERIFY_FAILED"):
            stranger.send(MESSAGE)
        sender = MqttSender(
            MqttAddress("127.0.0.1", port, "rows", tls=True, ca=authority.files.certificate)
        )
        sender.send(MESSAGE)
        sender.close()


def test_a_message_that_the_broker_forbids_is_tried_again(tmp_path: Path) -> None:
    port, rights = free_port(), tmp_path / "rights"
    rights.write_text("topic read rows\n", "utf-8")
    with broker(tmp_path, port, "allow_anonymous true", f"acl_file {rights}"):
        sender = MqttSender(MqttAddress("127.0.0.1", port, "rows"))
        with pytest.raises(SendError, match="Not authorized") as caught:
            sender.send(MESSAGE)
        sender.close()
    assert not caught.value.refused


def test_what_is_no_broker() -> None:
    sender = MqttSender(MqttAddress("127.0.0.1", free_port(), "rows"))
    with pytest.raises(SendError, match=r"^no connection$"):
        sender.send(MESSAGE)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hangs_up() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = Thread(target=hangs_up)
        thread.start()
        sender = MqttSender(MqttAddress("127.0.0.1", listening.getsockname()[1], "rows"))
        with pytest.raises(SendError, match="does not answer as a broker"):
            sender.send(MESSAGE)
        thread.join()


def test_a_row_that_is_too_large_for_the_broker_is_dropped_alone(tmp_path: Path) -> None:
    port = free_port()
    said: list[str] = []
    with broker(tmp_path, port, "allow_anonymous true", "max_packet_size 2000"):
        subscriber = Subscriber(port, "rows")
        forwarder = Forwarder(
            Spool(None, SpoolLimits()), MqttSender(MqttAddress("127.0.0.1", port, "rows")),
            ForwardOptions(), report=said.append, back_off=Hurried(),
        )  # fmt: skip
        small = [json.dumps({"n": number}).encode() for number in range(100)]
        forwarder.add([*small[:50], b'{"text":"%b"}' % (b"x" * 4000), *small[50:]])
        forwarder.start()
        assert forwarder.wait_until_sent(60)
        subscriber.wait(lambda: len(numbers_of(subscriber)) >= 100)
        forwarder.close()
        subscriber.close()
    assert numbers_of(subscriber) == list(range(100))
    assert forwarder.counts.refused == 1
    assert "refuses row" in said[-1]


def test_a_broker_that_does_not_tell_its_limit(tmp_path: Path) -> None:
    port = free_port()
    with broker(tmp_path, port, "allow_anonymous true", "message_size_limit 2000"):
        sender = MqttSender(MqttAddress("127.0.0.1", port, "rows"))
        sender.send(MESSAGE)
        large = message_of_rows([("a-1", b'{"text":"%b"}' % (b"x" * 4000))], None)
        with pytest.raises(SendError, match=r"broke in a message of 40\d\d bytes") as caught:
            sender.send(large)
        sender.close()
    # it may also have been the network
    assert not caught.value.refused


def numbers_of(subscriber: Subscriber) -> list[int]:
    return [
        json.loads(line)["row"]["n"]
        for message in list(subscriber.messages)
        for line in message.payload.splitlines()
    ]
