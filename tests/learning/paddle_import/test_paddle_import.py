from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.errors import InvalidRequest, MissingExtra, ModelUnavailable, NotFound, Unavailable
from lipiyana.learning.paddle_import.description import describe
from lipiyana.learning.paddle_import.importing import convert, fetch, interpreter
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.recognition.line_input import line_input
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

SCRIPT = Path(__file__).with_name("paddle_models.py")


def write_model(folder: Path, described: object | None = None) -> Path:
    """Write the files of a model without a network."""
    folder.mkdir(exist_ok=True)
    for name in ("inference.json", "inference.pdiparams"):
        (folder / name).write_bytes(b"{}")
    if described is not None:
        (folder / "inference.yml").write_text(yaml.safe_dump(described), "utf-8")
    return folder


def recognition(**changes: object) -> dict[str, object]:
    return {
        "Global": {"model_name": "te_rec"},
        "PreProcess": {"transform_ops": [{"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": ["a", "b"]},
    } | changes


def test_a_recognizer_is_described(tmp_path: Path) -> None:
    found = describe(write_model(tmp_path, recognition()))
    assert (found.name, found.task, found.characters) == ("te_rec", Task.LINE_READER, ("a", "b"))
    assert not found.rgb


def test_a_detector_is_described(tmp_path: Path) -> None:
    steps = [
        {"DecodeImage": {"img_mode": "RGB"}},
        {"NormalizeImage": {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3], "scale": "1./255."}},
        {"ToCHWImage": None},
    ]
    described = {
        "PreProcess": {"transform_ops": steps},
        "PostProcess": {"name": "DBPostProcess"},
    }
    found = describe(write_model(tmp_path / "det", described))
    assert (found.name, found.task, found.rgb) == ("det", Task.TEXT_DETECTOR, True)
    assert (found.mean, found.deviation) == ((0.1, 0.2, 0.3), (1, 2, 3))


def test_an_old_export_needs_its_task_and_characters(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "inference.json").rename(folder / "inference.pdmodel")
    with pytest.raises(InvalidRequest, match="--task"):
        describe(folder)
    with pytest.raises(InvalidRequest, match="--characters"):
        describe(folder, task=Task.LINE_READER)
    (folder / "keys.txt").write_text("क\nख\n", "utf-8")
    found = describe(folder, folder / "keys.txt", Task.LINE_READER)
    assert found.characters == ("क", "ख")
    assert found.network.name == "inference.pdmodel"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PostProcess": {"name": "AttnLabelDecode"}}, "AttnLabelDecode"),
        ({"PostProcess": {"name": "CTCLabelDecode"}}, "--characters"),
        (
            {"PreProcess": {"transform_ops": [{"RecResizeImg": {"image_shape": [3, 32, 320]}}]}},
            "32 pixels high",
        ),
        ({"PreProcess": {"transform_ops": 3}}, "transform_ops"),
    ],
)
def test_unsupported_descriptions_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        describe(write_model(tmp_path, recognition(**changes)))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"inference\.json"):
        describe(tmp_path)
    (tmp_path / "inference.json").write_text("{}")
    with pytest.raises(NotFound, match="pdiparams"):
        describe(tmp_path)
    with pytest.raises(NotFound, match="interpreter"):
        interpreter(tmp_path / "python")


def test_without_paddle_it_says_what_to_install(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    answer = '{"error": "No module named paddle2onnx", "missing": "paddle2onnx"}'
    bare.write_text(f"#!/bin/sh\necho '{answer}'\n")
    bare.chmod(0o755)
    with pytest.raises(MissingExtra, match="in a separate environment"):
        convert(str(bare), tmp_path / "m", tmp_path / "p", tmp_path / "out.onnx")


def test_a_name_without_a_network(tmp_path: Path) -> None:
    offline = tmp_path / "python"
    answer = '{"error": "Exception: No available model hosting platforms detected."}'
    offline.write_text(f"#!/bin/sh\necho '{answer}'\n")
    offline.chmod(0o755)
    with pytest.raises(Unavailable, match="give its folder"):
        fetch(str(offline), "PP-OCRv5_mobile_rec")


def test_a_model_that_paddle_cannot_read_is_reported(paddle_python: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    with pytest.raises(ModelUnavailable, match="cannot convert") as caught:
        convert(
            paddle_python,
            folder / "inference.json",
            folder / "inference.pdiparams",
            tmp_path / "out.onnx",
        )
    assert caught.value.reason == "MODEL_CORRUPT"


@pytest.fixture(scope="module")
def line(draw_text: Callable[..., np.ndarray]) -> np.ndarray:
    """A line that Paddle and this project see alike: 48 high and wider than 320, (48, 384, 3)."""
    return np.asarray(cv2.resize(draw_text("GRAND TRUNK ROAD"), (384, 48)), np.uint8)


def paddle_reads(python: str, folder: Path, out: Path, **given: np.ndarray) -> dict[str, object]:
    np.savez(out.with_suffix(".given.npz"), **given)
    command = [python, str(SCRIPT), "read", str(folder), str(out.with_suffix(".given.npz"))]
    subprocess.run(
        [*command, str(out)],
        check=True,
        capture_output=True,
        env=os.environ | {"PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True"},
    )
    return dict(np.load(out))


def test_an_imported_recognizer_answers_as_paddle_does(
    paddle_python: str, recognizer_folder: Path, line: np.ndarray, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(6):
        shown = np.roll(line, 9 * number, axis=1)
        cv2.imwrite(str(pictures / f"{number}.png"), shown[..., ::-1])
    out = tmp_path / "models"
    command = ["models", "import-paddle", str(recognizer_folder), "--python", paddle_python]
    result = CliRunner().invoke(
        app, [*command, "--out", str(out), "--calibration", str(pictures), "--licence", "MIT"]
    )
    assert result.exit_code == 0, result.output
    store = ModelStore(out, threads=1)
    entry = store.entry("PP-OCRv5_mobile_rec")
    assert (entry.task, entry.licence) == (Task.LINE_READER, "MIT")
    assert all(check.ok for check in store.verify())
    session = store.session(entry.name)
    assert len(session.charset) == 95
    batch = line_input(line)[None]
    bgr = np.ascontiguousarray(line[..., ::-1])
    theirs = paddle_reads(
        paddle_python, recognizer_folder, tmp_path / "answer.npz", batch=batch, picture=bgr
    )
    answer = session.run(batch)[0]
    np.testing.assert_allclose(answer, theirs["answer"], atol=1e-3)
    (reading,) = LineReader(store, entry.name).read([line])
    assert reading.text == str(theirs["text"])
    # Paddle scores the first step of each character, this project its surest step
    classes = answer[0].argmax(axis=1)
    first = (classes > 0) & np.append(True, classes[1:] != classes[:-1])
    score = float(answer[0].max(axis=1)[first].mean())
    assert score == pytest.approx(float(theirs["score"]), abs=1e-3)


def test_an_imported_detector_gets_the_same_input_as_in_paddle(
    paddle_python: str, detector_folder: Path, line: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "models"
    command = ["models", "import-paddle", str(detector_folder), "--python", paddle_python]
    result = CliRunner().invoke(app, [*command, "--out", str(out)])
    assert result.exit_code == 0, result.output
    store = ModelStore(out, threads=1)
    session = store.session("PP-OCRv5_mobile_det")
    pixels = line[..., ::-1].astype(np.float32) / 255
    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    batch = ((pixels - mean) / deviation).transpose(2, 0, 1)[None]
    theirs = paddle_reads(
        paddle_python, detector_folder, tmp_path / "answer.npz", batch=np.ascontiguousarray(batch)
    )
    ours = (2 * pixels - 1).transpose(2, 0, 1)[None]
    np.testing.assert_allclose(session.run(ours)[0], theirs["answer"], atol=1e-3)
    TextDetector(store, name="PP-OCRv5_mobile_det").detect(line)


def test_reading_with_a_paddle_model(
    paddle_python: str,
    recognizer_folder: Path,
    line: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LIPIYANA_PADDLE_PYTHON", paddle_python)
    cv2.imwrite(str(tmp_path / "a.png"), line[..., ::-1])
    command = ["read", str(tmp_path / "a.png"), "--layout", "line", "--reader"]
    for _ in range(2):  # the second import finds the model
        result = CliRunner().invoke(app, [*command, f"paddle:{recognizer_folder}"])
        assert result.exit_code == 0, result.output
        assert "PP-OCRv5_mobile_rec" in result.output
        monkeypatch.setenv("LIPIYANA_PADDLE_PYTHON", str(tmp_path / "nothing"))
    assert CliRunner().invoke(app, [*command, "tesseract"]).exit_code == 2
