"""Runs scripts of the JavaScript client in Node, against a served fake recognizer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served_fake import PATIENCE, FakeRecognizer

from lipiyana.server import RecognitionServer, ServerSettings, running_server

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "javascript"
NODE = shutil.which("node")

PRELUDE = """
import { Client, LipiyanaError } from %r;
const client = new Client(%r, %s);
const facts = ({ code, reason, status, retryAfter, message }) =>
  ({ code, reason, status, retryAfter, message });
const failure = (promise) => promise.then(() => null, (error) => {
  if (!(error instanceof LipiyanaError)) throw error;
  return facts(error);
});
"""


def major() -> int:
    assert NODE
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.lstrip("v").split(".")[0])


def node(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    assert NODE
    # Node 20 has a WebSocket behind an option, Node 22 has it without
    flags = ["--experimental-websocket"] if major() in {20, 21} else []
    return subprocess.run(
        [NODE, *flags, *arguments],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
        cwd=folder,
    )


Script = Callable[..., Any]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def run(server: RecognitionServer, text: str, **options: Any) -> Any:
        path = tmp_path / "script.mjs"
        address = f"http://127.0.0.1:{server.http_port}"
        module = (FOLDER / "lipiyana.js").as_uri()
        path.write_text(PRELUDE % (module, address, json.dumps(options)) + text)
        done = node(str(path))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def fake() -> Iterator[FakeRecognizer]:
    recognizer = FakeRecognizer()
    yield recognizer
    recognizer.release()


@pytest.fixture
def server(fake: FakeRecognizer) -> Iterator[RecognitionServer]:
    settings = ServerSettings(port=0, http_port=0, threads=1, max_queue=4, max_batch=4)
    with running_server(fake, settings) as running:
        yield running
        fake.release()


needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
needs_websocket = pytest.mark.skipif(
    NODE is not None and major() < 20, reason="this node has no WebSocket"
)
