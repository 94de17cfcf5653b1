"""A small pipeline of DVC: labels, a fine-tuned reader, its scores."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from needs import DVC, TORCH
from numbers_drawn import write_labelled

pytest.importorskip("torch", reason=TORCH)

from lipiyana.runtime.manifest import read_manifest

COMMAND = Path(__file__).parents[2] / "support" / "tiny_lipiyana.py"

SCORES = """
import json, sys
from pathlib import Path
from lipiyana.runtime.manifest import read_manifest
entry = read_manifest(Path("models"))[0]
Path("scores.json").write_text(json.dumps(dict(entry.scores)))
"""


def stages(tiny: Path) -> str:
    python = shlex.quote(sys.executable)
    return f"""
stages:
  finetune:
    cmd: >-
      {python} {COMMAND} finetune reader crops --models {tiny} --out models
      --steps 6 --workers 0
    deps: [crops]
    outs: [models]
  evaluate:
    cmd: {python} scores.py
    deps: [models, scores.py]
    metrics:
      - scores.json:
          cache: false
"""


@pytest.mark.soak
def test_a_change_of_labels_makes_a_new_model_and_new_scores(
    tiny_models: Path, tmp_path: Path
) -> None:
    # an environment need not be active
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    program = shutil.which("dvc", path=os.pathsep.join(places))
    if program is None:
        pytest.skip(DVC)
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "HOME": str(tmp_path),
        **{f"GIT_{who}_{what}": f"{who}@example" for who in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    # the variable would make DVC's own Python read this project's modules
    environment.pop("PYTHONPATH", None)
    project = tmp_path / "project"

    def run(*command: str) -> str:
        made = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout

    texts = ["1M-"[number % 3] for number in range(30)]
    write_labelled(project / "crops", texts)
    (project / "dvc.yaml").write_text(stages(tiny_models))
    (project / "scores.py").write_text(SCORES)
    run("git", "init", "--quiet")
    run(program, "init", "--quiet")
    run(program, "repro")
    first = read_manifest(project / "models")[0].parameters["data_sha256"]
    run("git", "add", ".")
    run("git", "commit", "--quiet", "-m", "first")
    assert "up to date" in run(program, "repro")
    write_labelled(project / "crops", [*texts, *texts[:8]])
    run(program, "repro")
    assert read_manifest(project / "models")[0].parameters["data_sha256"] != first
    changes = json.loads(run(program, "metrics", "diff", "--json", "--all"))
    assert set(changes["scores.json"]) == {"validation_cer", "validation_exact"}
    assert json.loads((project / "scores.json").read_text())["validation_cer"] >= 0
