from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from served_fake import FakeRecognizer

from lipiyana.server import running_server

HEAVY = ("cachetools", "cv2", "numpy", "onnxruntime", "PIL", "pydantic", "rapidocr")


def test_the_client_imports_no_engine() -> None:
    program = (
        "import sys, lipiyana.client\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


ALONE = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Refuse(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

ALLOWED = {"lipiyana", "grpc", "grpc_status", "google", "typing_extensions"}
sys.meta_path.insert(0, Refuse())
from lipiyana import Client

with Client(sys.argv[1]) as client:
    print(client.recognize(Path(sys.argv[2])).image_width)
"""


def test_the_client_needs_grpcio_status_and_what_that_brings_alone(tmp_path: Path) -> None:
    """docs/guides/installing.md says how to install the client without the engines."""
    (tmp_path / "a.jpg").write_bytes(b"picture")
    with running_server(FakeRecognizer()) as server:
        done = subprocess.run(
            [sys.executable, "-c", ALONE, server.target, str(tmp_path / "a.jpg")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "64\n"), done.stderr
