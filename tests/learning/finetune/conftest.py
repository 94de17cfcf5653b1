"""A tiny reader that learns in seconds, and pictures of numbers for it to learn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from needs import TORCH
from numbers_drawn import write_labelled

from lipiyana.learning.quantize import floor
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.model_folder import NewModel, add_models


@pytest.fixture(autouse=True, scope="module")
def no_floor() -> Iterator[None]:
    """Register models that were trained for seconds, however weak they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floor, "LEAST", 0.0)
        patch.setattr(floor, "LEAST_SHARE", 0.0)
        yield


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with a tiny, untrained reader."""
    torch = pytest.importorskip("torch", reason=TORCH)
    from lipiyana.ocr.recognition.charset import Charset
    from lipiyana.ocr.training.export_reader import export_float
    from lipiyana.ocr.training.network import Block, LineReaderNet, ReaderShape

    torch.manual_seed(0)
    charset = Charset([chr(point) for point in range(0x20, 0x7F)])
    blocks = (Block(16), Block(24, stride=2), Block(32, stride=2))
    net = LineReaderNet(ReaderShape(charset.classes, 8, 16, blocks, neck=24, neck_layers=1))
    for module in net.modules():
        if isinstance(
            module, torch.nn.Conv2d
        ):  # without norms, smaller weights would leave no signal
            torch.nn.init.kaiming_normal_(module.weight)
        if isinstance(module, torch.nn.LayerNorm):  # the exporter would merge equal weights
            torch.nn.init.normal_(module.weight, 1.0, 0.02)
            torch.nn.init.normal_(module.bias, 0.0, 0.02)
    folder = tmp_path_factory.mktemp("tiny")
    export_float(net, charset, folder / "net.onnx")
    models = folder / "models"
    add_models(
        models,
        [
            NewModel(
                "tiny-float",
                Task.LINE_READER,
                folder / "net.onnx",
                "1",
                "Apache-2.0",
                "nothing",
                "# Tiny\n",
                charset.sha256,
                parameters={"latin_specialist": False},
            )
        ],
    )
    return models


@pytest.fixture(scope="session")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with an untrained detector, whose input has 64 pixels a side."""
    torch = pytest.importorskip("torch", reason=TORCH)
    from lipiyana.vehicles.training.data.labels import CLASSES
    from lipiyana.vehicles.training.export_detector import export_float
    from lipiyana.vehicles.training.network import DetectorNet

    torch.manual_seed(0)
    net = DetectorNet(len(CLASSES))
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("class_rows.bias"):
                parameter.sub_(4.6)
    folder = tmp_path_factory.mktemp("blind")
    export_float(net, folder / "net.onnx", 64)
    models = folder / "models"
    model = NewModel(
        "blind", Task.VEHICLE_DETECTOR, folder / "net.onnx", "1", "Apache-2.0", "nothing", "#",
        parameters={"thresholds": {"bus": 0.2}},
    )  # fmt: skip
    add_models(models, [model])
    return models


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty labelled pictures of one character each, of three that look very different."""
    rng = np.random.default_rng(5)
    texts = ["1M-"[rng.integers(3)] for _ in range(40)]
    return write_labelled(tmp_path_factory.mktemp("numbers"), texts)
