"""The exit codes of the commands."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Some pictures failed, or a check found something wrong."""
USAGE: Final = 2
"""The options make no sense together, or no picture was found."""
CUT_OFF: Final = 3
"""`serve` alone: it ended before all accepted calls were answered."""
INTERRUPTED: Final = 130
"""After Ctrl-C, as shells have it."""
