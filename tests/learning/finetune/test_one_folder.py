"""Readers and a detector are fine-tuned into one folder, one after another, and served from it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from needs import TORCH

torch = pytest.importorskip("torch", reason=TORCH)

from boxes_drawn import write_yolo
from numbers_drawn import draw_number

from lipiyana.cli import finetune
from lipiyana.learning.finetune.common.course import Limits
from lipiyana.learning.finetune.common.job import WORK
from lipiyana.learning.finetune.detector.learner import DetectorRecipe
from lipiyana.learning.finetune.detector.run import VehiclesJob, finetune_vehicles
from lipiyana.learning.finetune.reader.learner import ReaderRecipe
from lipiyana.learning.finetune.reader.run import ReaderJob, finetune_reader
from lipiyana.learning.trainer.run import Recipe
from lipiyana.pipeline import LocalRecognizer
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime.manifest import MANIFEST, Task, read_manifest
from lipiyana.runtime.store import ModelStore
from lipiyana.runtime.timings import TWIN
from lipiyana.types import RawImage
from lipiyana.vehicles.training.train_detector import Recipe as DetectorTraining

LIMITS = Limits(minutes=60, steps=2)
READER = ReaderRecipe(Recipe(warm_up_steps=1, fade_steps=0), retained_lines=0, workers=0)
DETECTOR = DetectorRecipe(
    training=DetectorTraining(
        4e-3, 8e-3, warm_up_steps=1, fade_steps=0, decay_share=0.3, ema_decay=0.9, clip_norm=10.0
    ),
    retain=0.1,
    workers=0,
)


def write_plates(folder: Path) -> Path:
    folder.mkdir()
    rows = []
    for number in range(12):
        plate = draw_number(f"MH12AB{number + 10}", number)
        cv2.imwrite(str(folder / f"{number}.png"), plate[..., ::-1])
        rows.append(f"{number}.png\tMH12AB{number + 10}\n")
    (folder / "labels.tsv").write_text("".join(rows))
    return folder


def named(folder: Path) -> list[str]:
    return [entry.name for entry in read_manifest(folder)]


def check(folder: Path) -> None:
    """The manifest names what is there, and nothing else of its kind is."""
    entries = {entry.name: entry for entry in read_manifest(folder)}
    assert all(
        one.ok for one in ModelStore(folder, threads=1).verify() if one.entry.name in entries
    )
    text = (folder / MANIFEST).read_text("utf-8")
    assert [path.name for path in folder.glob("*-*.onnx*") if path.name not in text] == []
    assert not (folder / WORK).exists()
    for entry in entries.values():
        if twin := entry.parameters.get(TWIN):
            assert entries[twin].parameters[TWIN] == entry.name


def test_a_chain_of_fine_tunings(
    tiny_models: Path,
    blind: Path,
    numbers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FontLibrary, "load", lambda: FontLibrary([], {"held_out": {}}))
    out = tmp_path / "models"
    first = ReaderJob(
        data=numbers, out=out, limits=LIMITS, recipe=READER, samples=None, name="finetuned-reader"
    )
    made = finetune_reader(first, ModelStore(tiny_models, threads=1))
    check(out)
    before = {entry.name for entry in made.models}

    vehicles = VehiclesJob(
        data=write_yolo(tmp_path / "boxes", 16),
        out=out,
        limits=LIMITS,
        recipe=DETECTOR,
        samples=None,
    )
    detectors = finetune_vehicles(vehicles, ModelStore(blind, threads=1)).models
    check(out)
    assert before < {*named(out)}

    plates = ReaderJob(
        data=write_plates(tmp_path / "plates"),
        out=out,
        plates=True,
        base="finetuned-reader-float",
        limits=LIMITS,
        recipe=READER,
        samples=None,
        name="finetuned-plates",
    )
    plate_readers = finetune_reader(plates, ModelStore(out, threads=1)).models
    check(out)
    store = ModelStore(out, threads=1)
    assert store.default_for_task(Task.LINE_READER).name.startswith("finetuned-plates")

    again = ReaderJob(
        data=numbers,
        out=out,
        base="finetuned-reader-float",
        limits=Limits(minutes=60, steps=3),
        recipe=READER,
        samples=None,
        name="finetuned-reader",
    )
    readers = finetune_reader(again, ModelStore(out, threads=1)).models
    check(out)
    after = {entry.name for entry in readers}
    everything = [entry.name for entry in (*readers, *plate_readers, *detectors)]
    assert sorted(named(out)) == sorted(everything)

    store = ModelStore(out, threads=1)
    recognizer = LocalRecognizer(store)
    assert store.default_for_task(Task.LINE_READER).name in after
    assert store.default_for_task(Task.VEHICLE_DETECTOR) in detectors
    used = {model.name for model in recognizer.models}
    assert store.default_for_task(Task.LINE_READER).name in used
    assert store.default_for_task(Task.VEHICLE_DETECTOR).name in used
    picture = np.full((120, 160, 3), 200, np.uint8)
    picture[40:72, 20:140] = cv2.resize(draw_number("MH12", 1), (120, 32))
    found = recognizer.recognize(RawImage.from_array(picture, "rgb8"))
    assert {model.name for model in found.models} == used


def test_the_names_are_those_of_the_command() -> None:
    request = finetune.FinetuneRequest(Path(), Path(), None, 1.0, False, None, None)
    assert VehiclesJob(data=request.data, out=request.out).name == "finetuned-vehicles"
