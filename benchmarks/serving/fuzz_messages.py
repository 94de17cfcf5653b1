"""Sends malformed messages to a server and checks that it keeps working.

    python benchmarks/serving/fuzz_messages.py --count 2000

Each message must be answered with a status of gRPC or of the contract, a valid call after it must
be answered, no message may take much CPU time, and the server's memory must not grow. The messages
are valid requests with changed bytes, random bytes, wrong paths and content types, truncated
bodies, and calls that are reset. Prints one line, and exits with 1 if a check fails.
"""

from __future__ import annotations

import argparse
import collections
import io
import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from decoding_fake import Decoder
from raw_http2 import RawConnection, message

from lipiyana.images.loading import ImageLimits
from lipiyana.server import RecognitionServer, ServerSettings, running_server
from lipiyana.v1 import recognition_pb2 as pb
from lipiyana.v1 import recognition_service_pb2 as service_pb

SECONDS = 30.0
MAX_CPU_SECONDS = 2.0
MAX_GROWTH = 48 * 1024 * 1024
WARM_UP = 200
"""Number of messages before the memory is first measured."""

SERVICE = "/lipiyana.v1.RecognitionService"
ALLOWED = {
    "OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED",
    "NOT_FOUND", "DEADLINE_EXCEEDED",
}  # fmt: skip


def picture(kind: str) -> bytes:
    """Make a small picture in a format that Pillow names."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(40 * 24 * 3, dtype=np.uint8).reshape(24, 40, 3)).save(buffer, kind)
    return buffer.getvalue()


class Fuzzer:
    """Makes messages, sends them, and counts the statuses that come back."""

    def __init__(self, server: RecognitionServer, seed: int) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.statuses: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []
        self.growth = 0
        self.channel = grpc.insecure_channel(server.target)
        pictures = [picture(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")]
        config = pb.RecognitionConfig(
            features=[pb.FEATURE_TEXT, pb.FEATURE_PLATES], script_hints=["Deva"], min_confidence=0.3
        )
        images = [pb.Image(encoded=data) for data in pictures]
        raw = pb.RawImage(data=bytes(12), width=2, height=2, pixel_format=pb.PIXEL_FORMAT_RGB8)
        images.append(pb.Image(raw=raw))
        frame = service_pb.StreamFrame(frame_id=1, image=images[0])
        setup = service_pb.StreamSetup(config=config)
        self.good = service_pb.RecognizeRequest(image=images[0]).SerializeToString()
        singles: list[tuple[str, list[Message]]] = [
            (f"{SERVICE}/Recognize", [service_pb.RecognizeRequest(image=image, config=config)])
            for image in images
        ]
        self.seeds: list[tuple[str, list[Message]]] = [
            *singles,
            (
                f"{SERVICE}/BatchRecognize",
                [service_pb.BatchRecognizeRequest(images=images[:4], config=config)],
            ),
            (
                f"{SERVICE}/StreamRecognize",
                [
                    service_pb.StreamRecognizeRequest(setup=setup),
                    *[service_pb.StreamRecognizeRequest(frame=frame)] * 3,
                ],
            ),
            ("/grpc.health.v1.Health/Check", [health_pb2.HealthCheckRequest(service="a")]),
            (
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                [reflection_pb2.ServerReflectionRequest(list_services="")],
            ),
        ]

    def run(self, count: int) -> None:
        """Send `count` messages, each followed by a good call."""
        kinds: list[Callable[[], None]] = [self.call, self.call, self.call, self.raw, self.flood]
        before = 0
        for number in range(count):
            if number == min(WARM_UP, count // 2):
                before = resident_bytes()
            cpu = cpu_seconds()
            kind = self.random.choice(kinds)
            kind()
            if cpu_seconds() - cpu > MAX_CPU_SECONDS:
                self.faults.append(f"message {number} ({kind.__name__}) took {cpu_seconds() - cpu}")
            answer = self.unary("Recognize")(self.good, timeout=SECONDS)
            if service_pb.RecognizeResponse.FromString(answer).recognition.image_width != 40:
                self.faults.append(f"the good call after message {number} had another answer")
        self.growth = resident_bytes() - before
        if self.growth > MAX_GROWTH:
            self.faults.append(f"memory grew by {self.growth >> 20} MiB")

    def unary(self, rpc: str) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
        """Give a call that sends and takes messages as bytes."""
        return self.channel.unary_unary(f"{SERVICE}/{rpc}")

    def call(self) -> None:
        """Send changed messages as a client of gRPC."""
        path, messages = self.random.choice(self.seeds)
        sent = [self.changed(message.SerializeToString()) for message in messages]
        if self.random.random() < 0.1:
            sent = sent[: self.random.randrange(len(sent) + 1)]
        call: grpc.StreamStreamMultiCallable[bytes, bytes] = self.channel.stream_stream(path)
        try:
            for _ in call(iter(sent), timeout=SECONDS):
                pass
        except grpc.RpcError as error:
            self.count(error.code().name)
        else:
            self.count("OK")

    def raw(self) -> None:
        """Send headers and bodies that a client of gRPC would not."""
        path, messages = self.random.choice(self.seeds)
        where = path.encode()
        data = self.changed(messages[0].SerializeToString())
        more = []
        if self.random.random() < 0.3:
            where = bytes(self.random.randrange(256) for _ in range(self.random.randrange(1, 40)))
        if self.random.random() < 0.3:
            text = self.random.choice([b"text/plain", b"application/grpc+json", b"\xff", b""])
            more.append((b"content-type", text))
        if self.random.random() < 0.3:
            more.append((b"authorization", self.random.randbytes(20)))
        if self.random.random() < 0.2:
            more.append((b"grpc-timeout", self.random.choice([b"1n", b"-1S", b"99999999H", b"x"])))
        if self.random.random() < 0.2:
            more.append((b"grpc-encoding", self.random.choice([b"gzip", b"deflate", b"none"])))
        size = self.random.choice([len(data), 0, 2**32 - 1, self.random.randrange(2**20)])
        try:
            with RawConnection(self.server.target, SECONDS) as connection:
                stream = connection.open(where, more)
                connection.send(stream, message(data, size=size), end=self.random.random() < 0.5)
                if self.random.random() < 0.5:
                    connection.reset(stream)
                connection.sync()
        except ConnectionError:
            self.statuses["closed"] += 1
        else:
            self.statuses["raw"] += 1

    def flood(self) -> None:
        """Send a message with far more values than allowed."""
        count = self.random.choice([100, 10_000, 1_000_000])
        value = self.random.choice(
            [b"\x12\0", b"\x0a\0", b"\x78\1", b"\x7b", b"\xff", b"\x12\2\x08\1", b"\x1a\4Deva"]
        )
        rpc = self.random.choice(["Recognize", "BatchRecognize"])
        try:
            self.unary(rpc)(value * count, timeout=SECONDS)
        except grpc.RpcError as error:
            self.count(error.code().name)
        else:
            self.count("OK")

    def changed(self, data: bytes) -> bytes:
        """Change some bytes of a message, cut it, double a part, or leave it."""
        if self.random.random() < 0.1:
            return self.random.randbytes(self.random.randrange(200))
        changed = bytearray(data)
        for _ in range(self.random.choice([0, 1, 1, 2, 8])):
            if changed:
                changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        if self.random.random() < 0.2:
            start, end = sorted(self.random.randrange(len(changed) + 1) for _ in range(2))
            changed[start:start] = changed[start:end]
        if self.random.random() < 0.2:
            del changed[self.random.randrange(len(changed) + 1) :]
        return bytes(changed)

    def count(self, status: str) -> None:
        """Note the status of a call."""
        self.statuses[status] += 1
        if status not in ALLOWED:
            self.faults.append(f"an unexpected status: {status}")


def cpu_seconds() -> float:
    """CPU time of this process, in which the server runs as well."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_bytes() -> int:
    """Memory of this process, in which the server runs as well."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


def fuzz(count: int, seed: int) -> Fuzzer:
    """Send messages to a server that decodes pictures without reading them."""
    decoder = Decoder(ImageLimits(max_pixels=200_000))
    settings = ServerSettings(port=0, threads=2, max_batch=8, reflection=True, receive_timeout=5)
    with running_server(decoder, settings) as server:
        fuzzer = Fuzzer(server, seed)
        with fuzzer.channel:
            fuzzer.run(count)
    return fuzzer


def main() -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    fuzzer = fuzz(arguments.count, arguments.seed)
    statuses = ", ".join(f"{name} {number}" for name, number in sorted(fuzzer.statuses.items()))
    print(f"{arguments.count} messages: {statuses}; memory {fuzzer.growth / 2**20:+.1f} MiB")
    for fault in fuzzer.faults[:20]:
        print(fault, file=sys.stderr)
    return 1 if fuzzer.faults else 0


if __name__ == "__main__":
    sys.exit(main())
