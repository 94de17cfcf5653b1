"""A run that a machine ends by SIGTERM, and that the same command continues."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from lipiyana.learning.finetune.common.course import read_state
from lipiyana.learning.finetune.common.job import WORK
from lipiyana.learning.finetune.reader import line_source
from lipiyana.learning.finetune.reader.base import choose_base
from lipiyana.learning.finetune.reader.checking import check
from lipiyana.learning.finetune.reader.labels import read_labels
from lipiyana.learning.trainer import loading
from lipiyana.runtime.manifest import MANIFEST, read_manifest
from lipiyana.runtime.store import ModelStore

COMMAND = Path(__file__).parents[2] / "support" / "tiny_lipiyana.py"


def started(data: Path, models: Path, out: Path, seed: str) -> subprocess.Popen[str]:
    options = ["--models", str(models), "--out", str(out), "--steps", "12", "--workers", "0"]
    command = [sys.executable, str(COMMAND), "finetune", "reader", str(data), *options]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process: subprocess.Popen[str], terminate_at: str = "") -> str:
    """What a process says until its end; it gets SIGTERM once a line begins so."""
    with process:
        try:
            assert process.stderr is not None
            said = ""
            for line in process.stderr:
                said += line
                if terminate_at and line.startswith(terminate_at):
                    process.send_signal(signal.SIGTERM)
            return said
        finally:
            process.kill()


def test_a_terminated_run_ends_in_the_same_model(
    tiny_models: Path, numbers: Path, tmp_path: Path
) -> None:
    whole = started(numbers, tiny_models, tmp_path / "whole", "1")
    said = ended(whole)
    assert whole.returncode == 0, said
    process = started(numbers, tiny_models, tmp_path / "parts", "2")
    said = ended(process, "83%")  # INT8 is simulated by then
    assert process.returncode == 130, said
    assert "run the same command to continue" in said
    assert not (tmp_path / "parts" / MANIFEST).exists()
    state = read_state(tmp_path / "parts" / WORK)
    assert state is not None
    assert state.ending == "terminated"
    last = started(numbers, tiny_models, tmp_path / "parts", "3")
    said = ended(last)
    assert last.returncode == 0, said
    made = [read_manifest(tmp_path / name) for name in ("whole", "parts")]
    digests = [{entry.name: entry.sha256 for entry in entries} for entries in made]
    assert digests[0] == digests[1]
    for entry in made[1]:
        assert hashlib.sha256(entry.file.read_bytes()).hexdigest() == entry.sha256


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("taken", [0, 1, 5, 6])
def test_workers_continue_the_turn_of_the_stream(
    workers: int, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first worker of another start gives the batch that would have been the next one."""

    def stream(number: int, taken: int) -> tuple[int, int]:
        info = SimpleNamespace(id=number, num_workers=workers)
        monkeypatch.setattr(loading, "get_worker_info", lambda: info)
        return loading.worker_turn(taken)

    def batches(taken: int, count: int = 6) -> list[tuple[int, int]]:
        """Turn and number of the batches that a loader gives, which asks worker after worker."""
        starts = [stream(number, taken) for number in range(workers)]
        return [(turn, first + n) for n in range(count) for turn, first in starts]

    assert batches(taken)[:6] == batches(0, taken + 6)[taken : taken + 6]


def test_a_stream_of_lines_continues_after_any_batch(
    tiny_models: Path, numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_source, "_STRETCH", 2)
    base = choose_base(ModelStore(tiny_models, threads=1), None)
    data = check(read_labels(numbers), base.reader.charset)
    mix = line_source.LineMix(data.train, data.charset.characters, None, real_share=1.0)
    whole = list(islice(line_source.batches(mix, 0, 0), 5))
    assert not all(torch.equal(whole[0].pixels, other.pixels) for other in whole[1:])
    for taken in (1, 2, 3):
        rest = islice(line_source.batches(mix, 0, taken), 5 - taken)
        for one, other in zip(rest, whole[taken:], strict=True):
            assert torch.equal(one.pixels, other.pixels)
