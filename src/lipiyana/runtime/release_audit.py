"""The audit of a folder of models: a line of `releases.jsonl` for each switch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from lipiyana.files import drop_partial_line, parse_json, read_file
from lipiyana.words import shown

AUDIT = "releases.jsonl"

Act = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Switch:
    """A line of the audit.

    Attributes:
        time: ISO 8601, UTC.
        who: user and machine.
        act: what was asked for.
        before, after: sha256 of the manifest, which names the sha256 of each file.
        models: names of the models that were promoted.
        scores: measured figures of champion and challenger.
        forced: whether a worse challenger was promoted.
    """

    time: str
    who: str
    act: Act
    before: str
    after: str
    models: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """What the file has.

    Attributes:
        switches: the oldest first; none if there were none.
        faults: what is wrong with the lines that are not among them, for people.
    """

    switches: tuple[Switch, ...] = ()
    faults: tuple[str, ...] = ()


def read_audit(folder: Path) -> Audit:
    """Read all switches.

    A line without its end is what a crash left of it: its switch was not made. Fields that a later
    version added are passed over. A line that cannot be used does not hide the others.

    Raises:
        OSError: the file cannot be read.
    """
    path = folder / AUDIT
    if not path.exists():
        return Audit()
    switches, faults = [], []
    for number, line in enumerate(read_file(path).split(b"\n")[:-1], 1):
        try:
            switches.append(_switch(parse_json(line)))
        except UnicodeDecodeError:
            faults.append(f"line {number} of {path} is passed over: it is not UTF-8")
        except json.JSONDecodeError:
            faults.append(f"line {number} of {path} is passed over: it is not JSON")
        except ValueError as error:
            faults.append(f"line {number} of {path} is passed over: {error}")
    return Audit(tuple(switches), tuple(faults))


@dataclass(frozen=True, slots=True)
class Served:
    """What a folder serves by its audit: sha256 of manifests.

    Attributes:
        now: the manifest in use.
        earlier: what each promotion replaced that was not taken back, the newest last.
    """

    now: str
    earlier: tuple[str, ...] = ()


def replay(switches: Sequence[Switch]) -> tuple[Served, ...]:
    """Give what is served after the switches, and before that what is if the last was not made.

    A line is written before its switch, so a crash may leave a line whose switch was not made: what
    follows begins then with what was there before it. A promotion adds to what can be gone back to,
    and a rollback takes away what it passes.
    """
    if not switches:
        return ()
    served = before = Served(switches[0].before)
    for switch in switches:
        mends = switch.act == "rollback" and switch.after == served.now
        if switch.before == before.now != served.now and not mends:
            served = before
        before = served
        earlier = served.earlier
        if switch.act == "promote":
            earlier = (*earlier, switch.before)
        elif switch.after != served.now:
            passed = earlier[::-1].index(switch.after) + 1 if switch.after in earlier else 0
            earlier = earlier[: len(earlier) - passed]
        served = Served(switch.after, earlier)
    return before, served


def append_switch(folder: Path, switch: Switch) -> None:
    """Add a line, which is on the disk afterwards.

    Raises:
        OSError: it cannot be written.
    """
    with (folder / AUDIT).open("a+b") as audit:
        drop_partial_line(audit)
        audit.write((json.dumps(asdict(switch), ensure_ascii=False) + "\n").encode())
        audit.flush()
        os.fsync(audit.fileno())


def _switch(value: Any) -> Switch:
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is no switch")
    known: dict[str, Any] = {f.name: value[f.name] for f in fields(Switch) if f.name in value}
    for name in ("time", "who", "act", "before", "after"):
        if name not in known:
            raise ValueError(f"it has no {name!r}")
        _require(isinstance(known[name], str), name, known)
    _require(known["act"] in {"promote", "rollback"}, "act", known)
    for name in ("before", "after"):  # a part of it is the name of a file
        digest = known[name]
        _require(len(digest) == 64 and not set(digest) - set("0123456789abcdef"), name, known)
    models, scores = known.get("models", []), known.get("scores", {})
    _require(isinstance(models, list) and all(isinstance(m, str) for m in models), "models", known)
    _require(
        isinstance(scores, dict)
        and all(isinstance(s, int | float) and not isinstance(s, bool) for s in scores.values()),
        "scores",
        known,
    )
    _require(isinstance(known.get("forced", False), bool), "forced", known)
    return Switch(**(known | {"models": tuple(models)}))


def _require(holds: bool, name: str, of: Mapping[str, Any]) -> None:
    if not holds:
        raise ValueError(f"{name!r} is {shown(of[name])}")
