"""The exit codes of the commands."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Some pictures failed, or a check found something wrong."""
USAGE: Final = 2
"""The options are invalid, or no picture was found."""
CUT_OFF: Final = 3
"""Only `serve`: it ended before all accepted calls were answered."""
INTERRUPTED: Final = 130
"""Ctrl-C; the code that shells use for SIGINT."""
TERMINATED: Final = 143
"""SIGTERM, or SIGHUP; the code that shells use for the former."""
