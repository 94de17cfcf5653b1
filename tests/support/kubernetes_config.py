"""The settings of the server in deploy/kubernetes.yaml."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def config_of_kubernetes() -> str:
    """Return the TOML that the pod mounts."""
    text = (ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8")
    found = re.search(r"  server\.toml: \|\n((?:    .*\n)+)", text)
    assert found is not None
    return found[1].replace("    ", "")
