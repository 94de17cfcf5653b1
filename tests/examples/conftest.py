from __future__ import annotations

import sys
from pathlib import Path

from node_scripts import fake, script, server

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

__all__ = ["fake", "script", "server"]
