"""`lipiyana models promote` and `rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lipiyana.cli.console import say_warning, stderr, stdout
from lipiyana.cli.exit_codes import DONE, FAILED
from lipiyana.cli.extras import import_with
from lipiyana.runtime.manifest import MANIFEST
from lipiyana.runtime.release_audit import AUDIT, Switch
from lipiyana.runtime.releases import manifest_digest, promotable, promote, rollback

if TYPE_CHECKING:
    from lipiyana.learning.finetune.champion import Contest


def run_promote(
    challenger: Path,
    folder: Path,
    texts: Path | None,
    boxes: Path | None,
    *,
    plates: bool,
    force: bool,
) -> int:
    """Compare and promote; `FAILED` if the challenger is worse, and `force` is not set.

    Raises:
        LipiyanaError: the labels or the models cannot be used; the message says why.
    """
    from lipiyana.samples import sample_folder

    champion = import_with("train", "lipiyana.learning.finetune.champion", "models promote")
    compared = {path: manifest_digest(path) for path in (folder, challenger)}
    promotable(challenger)  # told before the comparison, which takes minutes
    served = folder if (folder / MANIFEST).is_file() else None
    held_out = champion.HeldOut(texts, plates, boxes, sample_folder())
    result: Contest = champion.contest(served, challenger, held_out)
    table = Table(box=None)
    for heading in ("error", "champion", "challenger"):
        table.add_column(heading, justify="left" if heading == "error" else "right")
    for one in result.measures:
        table.add_row(Text(one.name), f"{one.champion:.4f}", f"{one.challenger:.4f}")
    stdout().print(table)
    for objection in result.objections:
        say_warning(objection)
    if result.objections and not force:
        stderr().print("not promoted; --force promotes it nevertheless")
        return FAILED
    forced = bool(result.objections)
    made = promote(folder, challenger, result.scores, forced=forced, compared=compared)
    _say(made, folder)
    return DONE


def run_rollback(folder: Path) -> int:
    """Serve again what was served before.

    Raises:
        LipiyanaError: there is nothing to go back to; the message says why.
    """
    _say(rollback(folder, say_warning), folder)
    return DONE


def _say(switch: Switch, folder: Path) -> None:
    done = "promoted" if switch.act == "promote" else "rolled back"
    stderr().print(
        f"{done}: manifest {switch.before[:12]} -> {switch.after[:12]}, see {folder / AUDIT}; a "
        "running server takes it at SIGHUP",
        markup=False,
    )
