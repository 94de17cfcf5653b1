from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from lipiyana.server.tuning import LOGS

SUPPORT = Path(__file__).parents[2] / "support"

PROGRAM = """
import os
import signal
import sys
import threading
import warnings
from lipiyana.client import Client
from lipiyana.server import ServerSettings, serve
from lipiyana.server.telemetry.logs import configure_logging
from served_fake import FakeRecognizer, recognition

class Loud(FakeRecognizer):
    def recognize(self, image, config=None, *, timeout=None):
        if image == b"loud":
            os.write(2, b"TIFFReadDirectory: Warning, unknown field\\n\\nhalf")
            os.write(2, b" a line\\nE1130 02:51:03.84 1 a.cc:1] of gRPC\\n" + b"x" * 3000 + b"\\n")
            warnings.warn("of Python")
            thread = threading.Thread(target=lambda: [][0])
            thread.start()
            thread.join()
            os.write(2, b"last, without an end")
        if image == b"many":
            for number in range(50):
                os.write(2, b"I1130 02:51:03.84 17 tls.cc:%d] handshake failed\\n" % number)
        if image == b"crash":
            os.abort()
        return recognition("read")

def ask(server):
    def run():
        with Client(server.target) as client:
            client.recognize(sys.argv[1].encode())
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=run).start()

configure_logging(sys.argv[2])
serve(ServerSettings(port=0, log_format=sys.argv[2]), Loud(), on_ready=ask)
os.write(2, b"after the end\\n")
"""


def run(picture: str, log_format: str = "json") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, picture, log_format],
        cwd=SUPPORT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_native_log_lines_become_json_objects() -> None:
    done = run("loud")
    assert done.returncode == 0, done.stderr
    *lines, last = done.stderr.splitlines()
    assert last == "after the end"  # file descriptor 2 is restored at the end
    records = [json.loads(line) for line in lines]
    native = [
        (record["level"], record["message"])
        for record in records
        if record["logger"] == "lipiyana.native"
    ]
    assert ("warning", "TIFFReadDirectory: Warning, unknown field") in native
    assert ("warning", "half a line") in native
    assert ("error", "E1130 02:51:03.84 1 a.cc:1] of gRPC") in native
    assert ("warning", "last, without an end") in native
    assert [len(text) for _, text in native if text.startswith("xx")] == [1000, 1000, 1000]
    thread = next(record for record in records if "in a thread" in record["message"])
    assert "IndexError" in thread["exception"]
    assert any("of Python" in r["message"] for r in records if r["logger"] == "py.warnings")


def test_a_crash_prints_its_traceback() -> None:
    done = run("crash")
    assert done.returncode < 0
    assert "Fatal Python error: Aborted" in done.stderr
    assert "in recognize" in done.stderr


def test_a_text_log_passes_native_lines_unchanged() -> None:
    done = run("loud", "text")
    assert "\nhalf a line\n" in done.stderr


def test_lines_of_one_source_are_limited() -> None:
    done = run("many")
    assert done.returncode == 0
    assert sum("handshake failed" in line for line in done.stderr.splitlines()) == LOGS.lines
