"""The classes of vehicles on South Asian roads: one row a class.

Whatever is known of a class stands in its row; the other modules take it from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

PlateSize = Literal["car", "two_wheeler", "three_wheeler", "heavy"]
"""Vehicles whose plates have the same sizes and rows."""


@dataclass(frozen=True, slots=True)
class PlatePlace:
    """Where vehicles of a class carry plates: ranges are parts of the sides of their boxes.

    Attributes:
        size: whose plates they carry.
        width: of the plate, as a part of the box's.
        x: of its middle.
        y: of its middle.
        widest: the widest box, by its height, that shows a front or a back.
    """

    size: PlateSize
    width: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]
    widest: float


@dataclass(frozen=True, slots=True)
class VehicleClass:
    """One class.

    Attributes:
        name: what `Vehicle.label` says.
        meaning: what belongs to it, and what does not.
        uvh26: the classes of the UVH-26 data set (traffic cameras of Bengaluru) that are part of
            it, by the names of its report (arXiv 2511.02563).
        coco: the class of COCO that comes nearest, "" if there is none.
        resembles: the classes of COCO that it looks like, where none is its own: training starts
            from a mix of them.
        words: what people call it, lower case.
        always_transport: whether it is a vehicle for transport, whoever owns it: goods carriages,
            buses and three-wheelers are, by section 2(47) of the Motor Vehicles Act of India.
            Pick-ups and vans are sold to private owners too.
        plate: where it carries its plate; None if it has none.
        colour: of its curves in plots, as in HTML.
    """

    name: str
    meaning: str
    uvh26: tuple[str, ...] = ()
    coco: str = ""
    resembles: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    always_transport: bool = False
    plate: PlatePlace | None = None
    colour: str = "#6b7280"

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", self.name) or self.name == "plate":
            raise ValueError(f"class {self.name!r}: a name is of a-z, 0-9 and _, and not 'plate'")
        if not re.fullmatch("#[0-9a-f]{6}", self.colour):
            raise ValueError(f"class {self.name!r}: {self.colour!r} is no colour such as '#6b7280'")
        for field in ("uvh26", "resembles", "words"):
            if isinstance(getattr(self, field), str):
                raise TypeError(
                    f"class {self.name!r}: {field} is a tuple; one member has a comma behind it"
                )


TAXONOMY: tuple[VehicleClass, ...] = (
    VehicleClass(
        "auto_rickshaw",
        "Motor three-wheeler for passengers, with a hood; petrol, CNG or diesel.",
        uvh26=("3-Wheeler",),
        resembles=("car", "motorcycle", "truck"),
        words=("auto", "rickshaw", "tuk-tuk", "tempo taxi", "cng", "baby taxi", "three-wheeler"),
        always_transport=True,
        plate=PlatePlace("three_wheeler", (0.18, 0.38), (0.3, 0.7), (0.45, 0.85), 1.3),
        colour="#dc2626",
    ),
    VehicleClass(
        "e_rickshaw",
        "Battery three-wheeler for passengers: open sides, thin posts, bench seats face to face.",
        resembles=("car", "motorcycle", "truck"),
        words=("toto", "e-rickshaw", "battery rickshaw", "tirri", "easy bike", "tomtom"),
        always_transport=True,
        plate=PlatePlace("three_wheeler", (0.18, 0.36), (0.3, 0.7), (0.45, 0.85), 1.3),
        colour="#ea580c",
    ),
    VehicleClass(
        "cycle_rickshaw",
        "Pedalled three-wheeler for passengers, with its driver; also pedalled goods vans.",
        resembles=("bicycle", "motorcycle"),
        words=("rickshaw", "cycle rickshaw", "pedal rickshaw", "rickshaw van", "thela rickshaw"),
        colour="#d97706",
    ),
    VehicleClass(
        "two_wheeler",
        "Motorcycle, scooter or moped, with its riders.",
        uvh26=("2-Wheeler",),
        coco="motorcycle",
        words=("bike", "motorbike", "scooter", "scooty", "moped", "activa", "bullet"),
        plate=PlatePlace("two_wheeler", (0.25, 0.6), (0.35, 0.65), (0.4, 0.8), 0.9),
        colour="#65a30d",
    ),
    VehicleClass(
        "bicycle",
        "Bicycle, with its rider.",
        uvh26=("Cycle",),
        coco="bicycle",
        words=("cycle", "push-bike"),
        colour="#16a34a",
    ),
    VehicleClass(
        "car",
        "Hatchback, sedan, SUV, jeep or taxi.",
        uvh26=("Hatchback", "Sedan", "SUV", "MUV"),
        coco="car",
        words=("car", "taxi", "cab", "jeep", "gypsy", "suv"),
        plate=PlatePlace("car", (0.22, 0.38), (0.35, 0.65), (0.55, 0.88), 1.6),
        colour="#0d9488",
    ),
    VehicleClass(
        "van",
        "Closed van or minivan, for passengers or goods; one box from bonnet to tail.",
        uvh26=("Van", "Tempo-traveller"),
        coco="car",
        resembles=("car", "truck"),
        words=("van", "omni", "microbus", "tempo traveller", "maruti van", "ambulance", "eeco"),
        plate=PlatePlace("car", (0.2, 0.34), (0.35, 0.65), (0.6, 0.9), 1.4),
        colour="#0284c7",
    ),
    VehicleClass(
        "tempo",
        "Passenger carrier on a small lorry's or a tempo's frame, with benches along the sides.",
        resembles=("truck", "bus"),
        words=("tempo", "leguna", "human hauler", "vikram", "magic", "trekker"),
        always_transport=True,
        plate=PlatePlace("heavy", (0.18, 0.34), (0.3, 0.7), (0.55, 0.9), 1.3),
        colour="#2563eb",
    ),
    VehicleClass(
        "lcv",
        "Small goods vehicle with an open or a closed bed: pick-ups and mini-trucks.",
        uvh26=("LCV",),
        coco="truck",
        resembles=("truck",),
        words=("chhota hathi", "tata ace", "pick-up", "mini-truck", "bolero pick-up", "dost"),
        plate=PlatePlace("heavy", (0.18, 0.34), (0.3, 0.7), (0.6, 0.92), 1.3),
        colour="#7c3aed",
    ),
    VehicleClass(
        "truck",
        "Lorry with two axles or more, tippers, tankers and trailers.",
        uvh26=("Truck",),
        coco="truck",
        words=("truck", "lorry", "tipper", "dumper", "tanker", "trailer"),
        always_transport=True,
        plate=PlatePlace("heavy", (0.14, 0.28), (0.3, 0.7), (0.65, 0.93), 1.2),
        colour="#c026d3",
    ),
    VehicleClass(
        "bus",
        "Bus of any length, public, private or of a school.",
        uvh26=("Bus", "Mini-bus"),
        coco="bus",
        words=("bus", "coach", "mini-bus", "school bus", "volvo"),
        always_transport=True,
        plate=PlatePlace("heavy", (0.13, 0.26), (0.3, 0.7), (0.68, 0.93), 1.2),
        colour="#db2777",
    ),
    VehicleClass(
        "cart",
        "What is pushed by hand or drawn by an animal: barrows, hand carts, bullock carts.",
        resembles=("bicycle", "truck"),
        words=("thela", "hand cart", "bullock cart", "bail gadi", "tanga", "wheelbarrow", "rehri"),
        colour="#57534e",
    ),
)
"""All classes, in the order in which the detectors of this project number them."""

CLASSES: Mapping[str, VehicleClass] = MappingProxyType({entry.name: entry for entry in TAXONOMY})
"""The same by name."""

if len(CLASSES) != len(TAXONOMY):
    raise ValueError(f"two classes have one name: {[entry.name for entry in TAXONOMY]}")
