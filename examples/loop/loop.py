"""The whole loop: drift, unsure pictures, labels, training, comparison, shadow, release, rollback.

    python examples/loop/loop.py --work DIR
    python examples/loop/loop.py PICTURES --usual DIR [--models DIR] --work DIR

The first line needs nothing: it cuts the lines of text of the project's samples out, which are the
usual pictures, and makes dark, blurred and noisy ones of them, which are the new kind. Of your own,
PICTURES is a folder of 50 crops or more, of the new kind, with a `labels.tsv`, which stands for the
person who labels, and `--usual` has 30 pictures or more of the kind that came before. `--models`
has the models in use, with a float reader to train from; by default they are those of the package.
Every step is a command that you can type; the script shows it, and checks what came of it. It needs
the extras `train` and `server`.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lipiyana.samples import read_truth, sample_folder

NEVER_READ = {"Arab", "Mtei", "Olck"}
"""Scripts of the samples that the models do not read."""

PATIENCE = 120  # seconds for a server to do what it is asked for


class Commands:
    """Runs commands of `lipiyana` and shows them."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = tuple(program)

    def run(self, *arguments: object) -> None:
        """Run a command to its end."""
        if code := self.ended_with(*arguments):
            raise SystemExit(f"it ended with {code}")

    def ended_with(self, *arguments: object) -> int:
        """Run a command to its end; return its exit code."""
        with self.started(*arguments) as process:
            return process.wait()

    @contextmanager
    def started(self, *arguments: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """Run a command while the body runs; what is still running then is terminated."""
        words = [*map(str, arguments)]
        print("$ lipiyana", shlex.join(words), flush=True)
        command = [*self._program, *words]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, **options) as process:
            try:
                yield process
            finally:
                process.terminate()


class Served:
    """A server, and what its log says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read the log until a line matches."""
        log = self._process.stderr
        assert log is not None
        for line in log:
            if found := re.search(pattern, line):
                return found
        raise SystemExit(f"the server ended without {pattern!r} in its log")

    def reload(self) -> None:
        """Let it take the models that its folder has now."""
        self._process.send_signal(signal.SIGHUP)
        self.wait_for("the models were reloaded")


def sample_pictures(folder: Path) -> tuple[Path, Path]:
    """Make pictures of a new kind, with labels, and usual ones, from the project's samples."""
    new_kind, usual = folder / "new-kind", folder / "usual"
    new_kind.mkdir(parents=True)
    usual.mkdir()
    labels, rng = [], np.random.default_rng(0)
    for picture in read_truth():
        scene = cv2.imread(str(sample_folder() / picture["path"]))
        for line in picture["text_lines"]:
            if line["script"] in NEVER_READ:
                continue
            crop, name = cut_out(scene, line["polygon"]), f"{len(labels):02}.png"
            cv2.imwrite(str(usual / name), crop)
            dark = cv2.GaussianBlur(crop, (0, 0), crop.shape[0] / 9) * 0.25
            dark += rng.normal(0, 4, dark.shape)
            cv2.imwrite(str(new_kind / name), dark.clip(0, 255).astype(np.uint8))
            labels.append(f"{name}\t{line['text']}\n")
    (new_kind / "labels.tsv").write_text("".join(labels), "utf-8")
    return new_kind, usual


def cut_out(scene: np.ndarray, polygon: Sequence[Sequence[float]]) -> np.ndarray:
    """Cut a line of text out and make it level."""
    corners = np.float32(polygon)
    width, height = (round(float(np.linalg.norm(corners[one] - corners[0]))) + 1 for one in (1, 3))
    level = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    return cv2.warpPerspective(scene, cv2.getPerspectiveTransform(corners, level), (width, height))


def queue_filled_by_drift(lipiyana: Commands, args: argparse.Namespace, live: Path) -> None:
    """Let a server meet pictures of a new kind: it notices, and keeps some of them to be labelled.

    It keeps a picture only if it has time for it, so the pictures come until it did.
    """
    work: Path = args.work
    lipiyana.run("drift", "profile", args.usual, "--models", live, "-o", work / "reference.json")
    settings = {
        "drift": work / "drift",
        "drift_reference": work / "reference.json",
        "keep_unsure": work / "unsure",
    }
    lines = [f"{name} = {json.dumps(str(path.resolve()))}" for name, path in settings.items()]
    # a picture that a cache answers is neither counted nor kept
    (work / "server.toml").write_text("\n".join([*lines, "cache_bytes = 0", ""]), "utf-8")
    serve = ("serve", "--config", work / "server.toml", "--models", live)
    with lipiyana.started(
        *serve, "--port", 0, "--metrics-port", 0, stderr=subprocess.PIPE
    ) as process:
        served = Served(process)
        target = served.wait_for(r"serving at (\S+)")[1]
        metrics = served.wait_for(r"metrics at (\S+)")[1]
        until = time.monotonic() + PATIENCE
        for count in itertools.count():
            lipiyana.run(
                "read", args.pictures, "--server", target, "-o", work / f"scenes-{count}.jsonl"
            )
            reasons = [
                json.loads(note.read_text("utf-8"))["reasons"]
                for note in (work / "unsure").glob("*.json")
            ]
            kept = sum(one.get("drift", 0) > 0 for one in reasons)
            if kept:
                break
            if time.monotonic() > until:
                raise SystemExit("no drift was noticed, or nothing was kept for it")
        signals = metric(metrics, "lipiyana_drift_signals")
        print(f"  drifted signals: {signals}; pictures kept for drift: {kept}", flush=True)


def label(tasks: Path, pictures: Path) -> int:
    """Stand in for Label Studio and a person: every text is corrected to that of `labels.tsv`.

    Returns:
        How many of the readings that were exported as predictions needed no correction.
    """
    texts = {}
    for row in (pictures / "labels.tsv").read_text("utf-8").splitlines():
        name, text = row.split("\t")[:2]
        # kept pictures are named by their content
        texts[hashlib.sha256((pictures / name).read_bytes()).hexdigest()[:20]] = text
    right = 0
    exported = json.loads((tasks / "tasks.json").read_text("utf-8"))
    for task in exported:
        text = texts[Path(task["data"]["image"]).name.partition("=")[2][:20]]
        results = task["predictions"][0]["result"]
        read = [r for r in results if r["type"] == "textarea"]
        right += any(r["value"]["text"] == [text] for r in read)
        whole = {"x": 0, "y": 0, "width": 100, "height": 100, "rotation": 0, "text": [text]}
        region = {"id": "whole", "type": "textarea", "value": whole}
        task["annotations"] = [{"result": [region]}]
    (tasks / "export.json").write_text(json.dumps(exported), "utf-8")
    return right


def train_with_a_stop(lipiyana: Commands, *arguments: object) -> None:
    """Train; once half of the steps are done the machine is taken away, and another one goes on."""
    with lipiyana.started(*arguments, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if (done := re.match(r"(\d+)%", line)) and int(done[1]) >= 50:
                process.send_signal(signal.SIGTERM)
                break
        said += process.stderr
    if "run the same command to continue" not in "".join(said):
        raise SystemExit(f"it did not stop in the training: {''.join(said)}")
    print("  SIGTERM: it saved and ended; the same command continues", flush=True)
    lipiyana.run(*arguments)


def metric(address: str, name: str) -> dict[str, float]:
    """Read a counter of a server: its value by label."""
    with urllib.request.urlopen(address, timeout=30) as response:
        text = response.read().decode()
    found = re.findall(rf'^{name}{{\w+="(\w+)"}} (\S+)$', text, re.MULTILINE)
    return {label: float(value) for label, value in found}


def compared_in_the_shadow(address: str) -> dict[str, float]:
    """Wait until the challenger has read a picture; return how many by outcome."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = metric(address, "lipiyana_shadow_pictures_total")
        if found.get("same", 0) + found.get("different", 0) > 0:
            return found
        time.sleep(0.2)
    raise SystemExit("the challenger read nothing")


def models_that_read(rows: Path) -> set[str]:
    """Return the names of the models that took part in the rows of `lipiyana read`."""
    lines = rows.read_text("utf-8").splitlines()
    found = [json.loads(line)["recognition"] for line in lines]
    return {model["name"] for one in found for model in one["models"]}


def shadowed_and_released(
    lipiyana: Commands, work: Path, read: Sequence[object], *, force: bool
) -> None:
    """Let the challenger read in the shadow, put it into use, and take it back.

    Args:
        lipiyana: its commands.
        work: folder of all that is made.
        read: the command that reads the pictures.
        force: promote it even if it is worse.
    """
    live, new, crops = work / "live", work / "new", work / "crops"
    serve = ("serve", "--models", live, "--port", 0, "--metrics-port", 0)
    shadow = ("--shadow", new, "--shadow-share", 1)
    with lipiyana.started(*serve, *shadow, stderr=subprocess.PIPE) as process:
        served = Served(process)
        target = served.wait_for(r"serving at (\S+)")[1]
        metrics = served.wait_for(r"metrics at (\S+)")[1]
        remote = (*read, "--server", target)
        lipiyana.run(*remote, "-o", work / "champion.jsonl")
        outcomes = compared_in_the_shadow(metrics)
        kinds = metric(metrics, "lipiyana_shadow_differences_total")
        print(f"  in the shadow: {outcomes}, differences {kinds}", flush=True)

        promote = ("models", "promote", new, "--to", live, "--data", crops)
        if not force:
            lipiyana.run(*promote)
        elif lipiyana.ended_with(*promote):
            print("  so few lines taught it too little; forced, to show the rest", flush=True)
            lipiyana.run(*promote, "--force")
        served.reload()
        lipiyana.run(*remote, "-o", work / "challenger.jsonl")
        lipiyana.run("models", "rollback", live)
        served.reload()
        lipiyana.run(*remote, "-o", work / "again.jsonl")
    by = {name: models_that_read(work / f"{name}.jsonl") for name in ("champion", "challenger")}
    if by["champion"] == by["challenger"]:
        raise SystemExit("the new models answered nothing")
    if models_that_read(work / "again.jsonl") != by["champion"]:
        raise SystemExit("the old models do not answer after the rollback")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, nargs="?", help="default: made from the samples")
    parser.add_argument("--usual", type=Path, help="pictures of the kind before")
    parser.add_argument("--models", type=Path, help="those in use; default: the built-in ones")
    parser.add_argument("--work", type=Path, required=True, help="new folder for all that is made")
    parser.add_argument("--steps", type=int, default=300, help="of the training")
    default = f"{sys.executable} -m lipiyana"
    parser.add_argument("--lipiyana", default=default, help="the command; default: %(default)s")
    args = parser.parse_args(arguments)
    if (args.pictures is None) != (args.usual is None):
        parser.error("PICTURES and --usual belong together")
    lipiyana, work = Commands(shlex.split(args.lipiyana)), args.work
    work.mkdir(parents=True)
    live, new, crops = work / "live", work / "new", work / "crops"
    is_own = args.pictures is not None
    if not is_own:
        args.pictures, args.usual = sample_pictures(work / "pictures")
    pictures = args.pictures

    if args.models is None:  # a manifest that names no models leaves the built-in ones in use
        live.mkdir()
        (live / "manifest.toml").touch()
    else:  # they become the first release; nothing is held out to compare them on
        lipiyana.run("models", "promote", args.models, "--to", live, "--force")

    # the pictures change, which is noticed, and fills the queue of what is to be labelled
    queue_filled_by_drift(lipiyana, args, live)

    # in a quiet hour, the rest of what the models are unsure of is added to it
    read = ("read", pictures, "--layout", "line")
    rows = ("-o", work / "rows.jsonl", "--keep-unsure", work / "unsure")
    lipiyana.run(*read, "--models", live, *rows)
    lipiyana.run("review", "export", work / "unsure", "-o", work / "tasks")
    right = label(work / "tasks", pictures)
    print(f"  {right} of the readings needed no correction", flush=True)
    lipiyana.run("review", "import", work / "tasks" / "export.json", "-o", crops)

    finetune = ("finetune", "reader", crops, "--models", live, "--out", new)
    train_with_a_stop(lipiyana, *finetune, "--steps", args.steps, "--workers", 0)

    shadowed_and_released(lipiyana, work, read, force=not is_own)
    for line in (live / "releases.jsonl").read_text("utf-8").splitlines():
        print(line)


if __name__ == "__main__":
    main()
