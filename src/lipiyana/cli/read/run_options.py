"""With which options the rows of a file were read, so that a run goes on with the same ones.

They stand beside the rows `NAME`, in the hidden file `.NAME.options`. Where that is missing,
nothing is compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lipiyana.cli.read.output import OutputError
from lipiyana.runtime.model_folder import write_atomically


def options_file(output: Path) -> Path:
    """Name the file that stands beside the rows."""
    return output.with_name(f".{output.name}.options")


def refuse_other_options(output: Path, options: Mapping[str, str]) -> None:
    """Keep rows that were read otherwise from being mixed with those to come.

    Args:
        output: the file of rows.
        options: what the rows depend on, by the option's name.

    Raises:
        OutputError: the rows that are there were read with other options.
    """
    if not output.is_file() or not output.stat().st_size:
        return
    try:
        earlier = json.loads(options_file(output).read_text("utf-8"))
        differing = [name for name in options if str(earlier[name]) != options[name]]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if differing:
        then = ", ".join(f"{name} {earlier[name]}" for name in differing)
        now = ", ".join(f"{name} {options[name]}" for name in differing)
        raise OutputError(
            f"the rows of {output} were read with {then}, not with {now}: go on with the same "
            "options, or name another file"
        )


def write_options(output: Path, options: Mapping[str, str]) -> None:
    """Write them down for a run that goes on.

    Raises:
        OSError: they cannot be written.
    """
    write_atomically(options_file(output), json.dumps(options).encode())
