from __future__ import annotations

import subprocess
import sys

HEAVY = ("cachetools", "cv2", "numpy", "onnxruntime", "PIL", "pydantic", "rapidocr")


def test_the_client_loads_nothing_that_computes() -> None:
    program = (
        "import sys, lipiyana.client\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
