from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from lipiyana.cli.main import app
from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.pipeline import LocalRecognizer
from lipiyana.review import keeping_recognizer
from lipiyana.review.keeper import KeepLimits, UnsureKeeper, scene_hash
from lipiyana.review.keeping_recognizer import KeepingRecognizer
from lipiyana.review.kept import read_kept
from lipiyana.review.tasks import CONFIG, TASKS, export_tasks, import_labels
from lipiyana.review.unsureness import Unsureness, UnsurenessSettings, first_look, judge
from lipiyana.types import Recognition, RecognitionConfig
from lipiyana.wire.results import recognition_to_json


def street(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 255, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (120, 90), interpolation=cv2.INTER_CUBIC), np.uint8)


def offer(keeper: UnsureKeeper, seed: int, score: float, **fields: object) -> bool:
    data = f"picture {seed}{fields}".encode()
    track = int(str(fields["track"])) if "track" in fields else None
    return keeper.offer(
        data, ".jpg", street(seed), Unsureness(score, {"margin": score}, track), {}, "camera"
    )


def test_the_least_sure_stay(tmp_path: Path) -> None:
    keeper = UnsureKeeper(tmp_path / "kept", KeepLimits(pictures=3))
    for seed, score in enumerate((0.5, 0.9, 0.4, 0.8, 0.2, 0.7)):
        offer(keeper, seed, score)
    assert [one.score for one in keeper.kept] == [0.9, 0.8, 0.7]
    assert [one.score for one in read_kept(tmp_path / "kept")] != []
    assert len(list((tmp_path / "kept").glob("*.jpg"))) == 3
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
    assert "personal data" in (tmp_path / "kept" / "PRIVATE.txt").read_text()


def test_bytes_are_bounded(tmp_path: Path) -> None:
    keeper = UnsureKeeper(tmp_path, KeepLimits(max_bytes=40))
    for seed in range(5):
        offer(keeper, seed, 0.5 + seed / 10)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.jpg")) <= 40


def test_one_parked_car_does_not_fill_the_folder(tmp_path: Path) -> None:
    keeper = UnsureKeeper(tmp_path)
    assert offer(keeper, 1, 0.5)
    assert not offer(keeper, 1, 0.55, frame=2)
    assert offer(keeper, 1, 0.8, frame=3)
    assert [one.score for one in keeper.kept] == [0.8]
    assert offer(keeper, 2, 0.5, track=7)
    assert not offer(keeper, 3, 0.5, track=7)
    assert offer(keeper, 4, 0.5, track=8)


def test_pictures_leave_when_their_time_is_over(tmp_path: Path) -> None:
    now = [1000.0]
    keeper = UnsureKeeper(tmp_path, KeepLimits(seconds=60), lambda: now[0])
    offer(keeper, 1, 0.5)
    now[0] += 50
    offer(keeper, 2, 0.5)
    now[0] += 20
    offer(keeper, 3, 0.5)
    assert len(keeper.kept) == 2
    again = UnsureKeeper(tmp_path, KeepLimits(seconds=60), lambda: now[0] + 100)
    assert again.kept == ()
    assert not list(tmp_path.glob("*.jpg"))


def test_old_pictures_are_removed_without_new_ones(tmp_path: Path) -> None:
    now = [1000.0]
    keeper = UnsureKeeper(tmp_path, KeepLimits(seconds=60), lambda: now[0])
    offer(keeper, 1, 0.5)
    now[0] += 100
    keeper.remove_old()
    assert [path.name for path in tmp_path.iterdir()] == ["PRIVATE.txt"]


def test_remains_of_an_interrupted_write_are_removed(tmp_path: Path) -> None:
    keeper = UnsureKeeper(tmp_path)
    for seed in range(3):
        offer(keeper, seed, 0.5)
    alone, bare, whole = (one.file for one in keeper.kept)
    (tmp_path / f"{alone}.note.json").unlink()
    (tmp_path / bare).unlink()
    (tmp_path / f".{bare}.part").write_bytes(b"half")
    other = f"{'0' * 20}.jpg"
    (tmp_path / f".{other}.part").touch()
    (tmp_path / f".{other}.note.json.part").write_text(f'{{"file": "{other}", "sco')
    (tmp_path / "my own notes.txt").touch()
    UnsureKeeper(tmp_path)
    (tmp_path / f".{bare}.part").unlink(missing_ok=True)  # its note may have gone before it
    assert [one.file for one in UnsureKeeper(tmp_path).kept] == [whole]
    assert {path.name for path in tmp_path.iterdir()} == {
        "PRIVATE.txt", "my own notes.txt", whole, f"{whole}.note.json",
    }  # fmt: skip


def test_a_full_disk_does_not_end_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from lipiyana.review import keeper as module

    def full(path: Path, data: bytes, **mode: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    keeper = UnsureKeeper(tmp_path)
    monkeypatch.setattr(module, "write_atomically", full)
    assert not offer(keeper, 1, 0.9)
    assert not offer(keeper, 2, 0.9)
    assert keeper.kept == ()


def test_scenes_differ_and_noise_does_not() -> None:
    one, other = scene_hash(street(1)), scene_hash(street(2))
    noisy = np.clip(street(1) + np.random.default_rng(0).normal(0, 3, (90, 120, 3)), 0, 255)
    assert (one ^ scene_hash(noisy.astype(np.uint8))).bit_count() <= 24
    assert (one ^ other).bit_count() > 60


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def keeping(
    recognizer: LocalRecognizer, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> KeepingRecognizer:
    """One that keeps all it reads."""
    monkeypatch.setattr(keeping_recognizer, "UNSURENESS", UnsurenessSettings(least_doubt=0))
    return KeepingRecognizer(recognizer, UnsureKeeper(kept, KeepLimits(least=0.0)))


@pytest.fixture
def dim(scene: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 25, scene.shape)
    return np.clip(scene * 0.25 + 60 + noise, 0, 255)


def test_decoded_frames_are_kept_too(
    keeping: KeepingRecognizer, kept: Path, dim: np.ndarray
) -> None:
    picture = dim.astype(np.uint8)
    keeping.recognize_pixels(picture, RecognitionConfig())
    (one,) = read_kept(kept)
    assert (cv2.imread(str(kept / one.file))[..., ::-1] == picture).all()


def test_from_a_picture_to_labels(
    recognizer: LocalRecognizer,
    keeping: KeepingRecognizer,
    kept: Path,
    dim: np.ndarray,
    encode: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    data = encode(dim.astype(np.uint8))
    found = keeping.recognize(data)
    assert keeping.features == recognizer.features
    assert first_look(found) > 0
    reasons = judge(found, dim.astype(np.uint8), LineReader(recognizer.store)).reasons
    assert set(reasons) == {"margin", "grammar", "detector"}
    (one,) = read_kept(kept)
    assert (kept / one.file).read_bytes() == data
    assert one.answer == json.loads(json.dumps(recognition_to_json(found)))

    runner = CliRunner()
    shown = runner.invoke(app, ["review", "list", str(kept)])
    assert one.file in shown.output
    out = tmp_path / "tasks"
    assert runner.invoke(app, ["review", "export", str(kept), "-o", str(out)]).exit_code == 0
    assert "TextArea" in (out / CONFIG).read_text()
    (task,) = json.loads((out / TASKS).read_text("utf-8"))
    prediction = task["predictions"][0]["result"]
    assert {r["type"] for r in prediction} == {"polygon", "labels", "textarea"}
    # what people do: they correct a prediction, and it becomes an annotation
    for result in prediction:
        if result["type"] == "textarea":
            result["value"]["text"] = ["KA 01", "AB 1234"]
    task["annotations"] = [{"result": prediction}]
    (out / "export.json").write_text(json.dumps([task]))
    crops = tmp_path / "crops"
    command = ["review", "import", str(out / "export.json"), "-o", str(crops)]
    done = runner.invoke(app, command)
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in (crops / "labels.tsv").read_text("utf-8").splitlines()]
    # a plate that was found by its text lies where the line lies, and is one crop with it
    places = {str(r["value"]["points"]) for r in prediction if r["type"] == "textarea"}
    assert [text for _, text in rows] == ["KA 01/AB 1234"] * len(places)
    assert all(cv2.imread(str(crops / name)) is not None for name, _ in rows)


def test_files_are_kept_unchanged_and_missing_ones_are_reported(
    keeping: KeepingRecognizer,
    kept: Path,
    dim: np.ndarray,
    encode: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    path = tmp_path / "dim.png"
    path.write_bytes(encode(dim.astype(np.uint8)))
    found, missing = keeping.recognize_batch([str(path), tmp_path / "none.png"])
    assert isinstance(found, Recognition)
    assert isinstance(missing, NotFound)
    (one,) = read_kept(kept)
    assert (kept / one.file).read_bytes() == path.read_bytes()
    with pytest.raises(InvalidRequest, match="a batch is a list"):
        keeping.recognize_batch(str(path))
    with pytest.raises(NotFound):
        keeping.recognize(str(tmp_path / "none.png"))


def test_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no unsure"):
        export_tasks(tmp_path, tmp_path / "out")
    (tmp_path / "e.json").write_text("[]")
    with pytest.raises(InvalidRequest, match="nothing in"):
        import_labels(tmp_path / "e.json", tmp_path / "out")


def test_an_export_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "e.json")
    with pytest.raises(InvalidRequest, match="not a regular file"):
        import_labels(tmp_path / "e.json", tmp_path / "out")


def test_an_import_heeds_the_limit_of_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, scale in (("small", 1), ("large", 3)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.tile(street(1), (scale, scale, 1)))
    place = {"x": 10, "y": 10, "width": 30, "height": 20, "rotation": 0, "text": ["SHOP"]}
    region = {"id": "1", "type": "textarea", "value": place}
    tasks = [
        {"data": {"image": f"{name}.png"}, "annotations": [{"result": [region]}]}
        for name in ("small", "large")
    ]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    command = ["review", "import", str(tmp_path / "export.json"), "-o"]
    monkeypatch.setenv("LIPIYANA_MAX_PIXELS", "20000")
    limited = CliRunner().invoke(app, [*command, str(tmp_path / "limited")])
    assert limited.exit_code == 0
    assert "at most 0.02 are accepted" in limited.stderr
    assert "1 labelled crops" in limited.stderr
    monkeypatch.setenv("LIPIYANA_MAX_PIXELS", "200000")
    raised = CliRunner().invoke(app, [*command, str(tmp_path / "raised")])
    assert "2 labelled crops" in raised.stderr
    monkeypatch.setenv("LIPIYANA_MAX_PIXELS", "many")
    refused = CliRunner().invoke(app, [*command, str(tmp_path / "none")])
    assert isinstance(refused.exception, InvalidRequest)


def test_read_keeps_what_it_is_asked_to_keep(scene: np.ndarray, tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 45, scene.shape)
    picture = np.clip(scene * 0.2 + 70 + noise, 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    kept = tmp_path / "kept"
    rows = tmp_path / "rows.jsonl"
    command = ["read", str(tmp_path / "a.png"), "--keep-unsure", str(kept), "-o", str(rows)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "personal data" in result.output
    assert rows.read_text().count("\n") == 1
    listed = CliRunner().invoke(app, ["review", "list", str(kept)]).output
    assert [one.name for one in kept.glob("*.png") if one.name not in listed] == []
    refused = CliRunner().invoke(app, [*command, "--server", "localhost:1"])
    assert refused.exit_code == 2


def test_a_second_import_replaces_what_the_first_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), street(1))
    cv2.imwrite(str(tmp_path / "b.png"), street(2))

    def region(number: int, text: str) -> dict[str, object]:
        place = {"x": 10 * number, "y": 10, "width": 30, "height": 20, "rotation": 0}
        return {"id": str(number), "type": "textarea", "value": {**place, "text": [text]}}

    def imported(**texts: list[tuple[int, str]]) -> dict[str, list[str]]:
        tasks = [
            {
                "data": {"image": f"{name}.png"},
                "annotations": [{"result": [region(number, text) for number, text in found]}],
            }
            for name, found in texts.items()
        ]
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        import_labels(tmp_path / "export.json", tmp_path / "out")
        rows = [line.split("\t") for line in labels.read_text().splitlines()]
        assert all((tmp_path / "out" / row[0]).is_file() for row in rows)
        return {row[0]: row[1:] for row in rows}

    labels = tmp_path / "out" / "labels.tsv"
    first = imported(a=[(1, "KA05MX9900"), (2, "wrong")], b=[(1, "SHOP")])
    assert sorted(first.values()) == [["KA05MX9900"], ["SHOP"], ["wrong"]]
    labels.write_text(labels.read_text().replace("SHOP\n", "SHOP\tvalidation\n"))
    second = imported(a=[(2, "right")])
    assert sorted(second.values()) == [["SHOP", "validation"], ["right"]]
    assert second.keys() < first.keys()


def test_a_folder_without_kept_pictures_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for arguments in (["list", str(tmp_path)], ["export", str(tmp_path), "-o", str(tmp_path)]):
        result = CliRunner().invoke(app, ["review", *arguments])
        assert isinstance(result.exception, InvalidRequest)
        assert "keeps no unsure pictures; `lipiyana read" in str(result.exception)
