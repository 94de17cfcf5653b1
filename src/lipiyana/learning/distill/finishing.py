"""Exports the student and its INT8 twin, and compares the student with its teacher.

Both detectors are compared by time and by the lines that they find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor

from lipiyana.errors import InvalidRequest
from lipiyana.images.loading import load
from lipiyana.learning.distill.network import (
    OUTPUT_LAYER,
    STRIDE,
    TextStudent,
    WithProbabilities,
    computed_in_int8,
    lies_in_float_part,
    shift_of,
)
from lipiyana.learning.distill.pictures.pool import PoolPicture
from lipiyana.learning.quantize.search import agreement, open_file, outputs
from lipiyana.learning.quantize.static import quantize_file
from lipiyana.learning.quantize.timing import median_milliseconds, typical_input
from lipiyana.learning.trainer.export import Signature, export_onnx
from lipiyana.learning.trainer.stored_weights import read_weights
from lipiyana.ocr.detection.detector import TextDetector, TextRegion, network_input
from lipiyana.ocr.detection.settings import SCENE_DETECTION
from lipiyana.ocr.geometry import Quad, area, shared_area
from lipiyana.runtime.manifest import Task
from lipiyana.samples import read_truth

_COVERED = 0.7
"""Minimum share of a line that one box must cover ..."""
_MOST = 2.5
"""... and maximum area of that box, in areas of the line."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Figures of teacher and student.

    Attributes:
        milliseconds: run times for one picture of 640x640 on one thread.
        lines: number of true lines.
        recall: shares of the lines that are found.
        boxes: numbers of boxes in total.
    """

    milliseconds: tuple[float, float]
    lines: int
    recall: tuple[float, float]
    boxes: tuple[int, int]

    @property
    def speedup(self) -> float:
        """How many times faster the student is."""
        return self.milliseconds[0] / self.milliseconds[1]

    def as_json(self) -> dict[str, float]:
        """Convert to the figures of `docs/results/finetune.json`."""
        return {
            "speedup": round(self.speedup, 2),
            "recall_teacher": round(self.recall[0], 4),
            "recall_student": round(self.recall[1], 4),
            "lines": self.lines,
            "boxes_teacher": self.boxes[0],
            "boxes_student": self.boxes[1],
        }


@dataclass(frozen=True, slots=True, eq=False)
class TrueLines:
    """A picture and the corners (4, 2) of its lines."""

    path: Path
    lines: tuple[Quad, ...]


def sample_scenes(samples: Path) -> tuple[TrueLines, ...]:
    """Load the scenes of the project's samples with every line and every row of a plate."""
    found = []
    for truth in read_truth(samples):
        if truth["layout"] == "scene":
            polygons = [line["polygon"] for line in truth["text_lines"]]
            polygons += [quad for plate in truth["plates"] for quad in plate["row_polygons"]]
            quads = tuple(np.array(polygon, np.float64) for polygon in polygons)
            found.append(TrueLines(samples / truth["path"], quads))
    return tuple(found)


def compare(teacher: TextDetector, student: TextDetector, scenes: Sequence[TrueLines]) -> Compared:
    """Run both detectors on pictures with known lines."""
    sessions = [open_file(entry.file, entry.task) for entry in (teacher.entry, student.entry)]
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    found, boxes = [0, 0], [0, 0]
    for scene in scenes:
        pixels = load(scene.path)
        for number, detector in enumerate((teacher, student)):
            regions = detector.detect(pixels)
            boxes[number] += len(regions)
            found[number] += sum(is_found(line, regions) for line in scene.lines)
    total = sum(len(scene.lines) for scene in scenes)
    shares = [count / max(1, total) for count in found]
    return Compared(
        (milliseconds[0], milliseconds[1]), total, (shares[0], shares[1]), (boxes[0], boxes[1])
    )


def is_found(line: Quad, regions: Sequence[TextRegion]) -> bool:
    """Tell whether one box covers the line and is not much larger."""
    return any(
        shared_area(line, region.polygon) >= _COVERED * area(line)
        and area(region.polygon) <= _MOST * area(line)
        for region in regions
    )


_CALIBRATING = 48
_OPERATORS = ("Conv", "Relu", "Add", "Resize")
"""What runs in INT8; the last two belong to the feature pyramid and to the blocks' shortcuts."""


def export_student(net: TextStudent, out: Path, *, rounded: bool = True) -> None:
    """Export the float student: pixels (N, 3, H, W) to maps (N, 1, H, W), sides multiples of 32.

    The weights of INT8 layers are stored rounded, as in training, or all as fp16.
    """
    served = WithProbabilities(net.eval(), SCENE_DETECTION.pixel_threshold)
    sides = {0: "pictures", 2: "height", 3: "width"}
    export_onnx(
        served,
        torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE),
        out,
        Signature({"pixels": sides}, {"maps": sides}),
        rounded=computed_in_int8 if rounded else None,
    )


def read_student(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a float student that `export_student` wrote.

    Raises:
        InvalidRequest: the file has another model.
    """
    weights = read_weights(path)
    shapes = {name: value.shape for name, value in TextStudent().state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != shapes:
        raise InvalidRequest(
            f"{path} is not the float twin of a distilled text detector; `lipiyana models distill` "
            "writes one beside its INT8 file",
            field="start",
        )
    weights[f"{OUTPUT_LAYER}.bias"] -= shift_of(SCENE_DETECTION.pixel_threshold)
    return weights


def quantize_student(float_model: Path, out: Path, pictures: Sequence[PoolPicture]) -> float:
    """Write the INT8 twin, calibrated on pictures of the pool; return its agreement with float.

    See `lipiyana.learning.quantize.search.agreement`; it is measured on other pictures.
    """
    inputs = [network_input(seen.load()[0]) for seen in pictures[:_CALIBRATING]]
    calibrating, measuring = inputs[::2], inputs[1::2]
    quantize_file(float_model, out, calibrating, _OPERATORS, _stays_float)
    answers = [outputs(file, Task.TEXT_DETECTOR, measuring) for file in (float_model, out)]
    return agreement(Task.TEXT_DETECTOR, *answers)


def _stays_float(node: onnx.NodeProto) -> bool:
    # must agree with `network.computed_in_int8`
    groups = next((a.i for a in node.attribute if a.name == "group"), 1)
    return groups > 1 or lies_in_float_part(node.name.replace("/", "."))
