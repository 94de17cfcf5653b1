"""Classes of the detector, and the classes that each source of pictures labels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lipiyana.vehicles.detection.detector import PLATE
from lipiyana.vehicles.taxonomy import TAXONOMY

CLASSES: tuple[str, ...] = (*(entry.name for entry in TAXONOMY), PLATE)
"""Class names in the order of the detector's scores: those of the taxonomy, then the plate."""

VEHICLES: tuple[str, ...] = CLASSES[:-1]

EXHAUSTIVE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "dhaka": frozenset(VEHICLES),
        "iiith_auto": frozenset({"auto_rickshaw"}),
        "indian_obstacle": frozenset({"auto_rickshaw", "e_rickshaw", "cart"}),
        "kathmandu": frozenset({"car", "bus", "two_wheeler", "bicycle", "truck"}),
        "olx_plate": frozenset({PLATE}),
    }
)
"""The classes that each source labels exhaustively: every object in its pictures has a box."""

COCO_INDICES: Mapping[str, int] = MappingProxyType(
    {"person": 0, "bicycle": 1, "car": 2, "motorcycle": 3, "bus": 5, "truck": 7}
)
"""Class indices in YOLOX-nano of the relevant COCO classes."""

IN_COCO: tuple[str, ...] = tuple(
    entry.name for entry in TAXONOMY if entry.coco in COCO_INDICES and not entry.resembles
)
"""The vehicles with their own class in COCO."""


def coco_mix(label: str) -> tuple[int, ...]:
    """COCO indices whose mean initializes a class; empty for plates and classes unlike any of COCO.

    Raises:
        StopIteration: the class is not in `CLASSES`.
    """
    if label == PLATE:
        return ()
    entry = next(entry for entry in TAXONOMY if entry.name == label)
    return tuple(COCO_INDICES[name] for name in entry.resembles or filter(None, [entry.coco]))
