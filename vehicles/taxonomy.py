"""The classes of vehicles that are told apart on South Asian roads: one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class VehicleClass:
    """One class.

    Attributes:
        name: what `Vehicle.label` says.
        meaning: what belongs to it, and what does not.
        uvh26: the classes of the UVH-26 data set (traffic cameras of Bengaluru) that are part of
            it, by the names of its report (arXiv 2511.02563).
        coco: the class of COCO that comes nearest, "" where there is none.
        words: what people call it, lower case.
    """

    name: str
    meaning: str
    uvh26: tuple[str, ...] = ()
    coco: str = ""
    words: tuple[str, ...] = ()


TAXONOMY: tuple[VehicleClass, ...] = (
    VehicleClass(
        "auto_rickshaw",
        "Motor three-wheeler for passengers, with a hood; petrol, CNG or diesel.",
        uvh26=("3-Wheeler",),
        words=("auto", "rickshaw", "tuk-tuk", "tempo taxi", "cng", "baby taxi", "three-wheeler"),
    ),
    VehicleClass(
        "e_rickshaw",
        "Battery three-wheeler for passengers: open sides, thin posts, bench seats face to face.",
        words=("toto", "e-rickshaw", "battery rickshaw", "tirri", "easy bike", "tomtom"),
    ),
    VehicleClass(
        "cycle_rickshaw",
        "Pedalled three-wheeler for passengers, with its driver; also pedalled goods vans.",
        words=("rickshaw", "cycle rickshaw", "pedal rickshaw", "rickshaw van", "thela rickshaw"),
    ),
    VehicleClass(
        "two_wheeler",
        "Motorcycle, scooter or moped, with its riders.",
        uvh26=("2-Wheeler",),
        coco="motorcycle",
        words=("bike", "motorbike", "scooter", "scooty", "moped", "activa", "bullet"),
    ),
    VehicleClass(
        "bicycle",
        "Bicycle, with its rider.",
        uvh26=("Cycle",),
        coco="bicycle",
        words=("cycle", "push-bike"),
    ),
    VehicleClass(
        "car",
        "Hatchback, sedan, SUV, jeep or taxi.",
        uvh26=("Hatchback", "Sedan", "SUV", "MUV"),
        coco="car",
        words=("car", "taxi", "cab", "jeep", "gypsy", "suv"),
    ),
    VehicleClass(
        "van",
        "Closed van or minivan, for passengers or goods; one box from bonnet to tail.",
        uvh26=("Van", "Tempo-traveller"),
        coco="car",
        words=("van", "omni", "microbus", "tempo traveller", "maruti van", "ambulance", "eeco"),
    ),
    VehicleClass(
        "tempo",
        "Passenger carrier on a small lorry's or a tempo's frame, with benches along the sides.",
        words=("tempo", "leguna", "human hauler", "vikram", "magic", "trekker"),
    ),
    VehicleClass(
        "lcv",
        "Small goods vehicle with an open or a closed bed: pick-ups and mini-trucks.",
        uvh26=("LCV",),
        coco="truck",
        words=("chhota hathi", "tata ace", "pick-up", "mini-truck", "bolero pick-up", "dost"),
    ),
    VehicleClass(
        "truck",
        "Lorry with two axles or more, tippers, tankers and trailers.",
        uvh26=("Truck",),
        coco="truck",
        words=("truck", "lorry", "tipper", "dumper", "tanker", "trailer"),
    ),
    VehicleClass(
        "bus",
        "Bus of any length, public, private or of a school.",
        uvh26=("Bus", "Mini-bus"),
        coco="bus",
        words=("bus", "coach", "mini-bus", "school bus", "volvo"),
    ),
    VehicleClass(
        "cart",
        "What is pushed by hand or drawn by an animal: barrows, hand carts, bullock carts.",
        words=("thela", "hand cart", "bullock cart", "bail gadi", "tanga", "wheelbarrow", "rehri"),
    ),
)
"""All classes, in the order in which the detectors of this project number them."""

CLASSES: Mapping[str, VehicleClass] = MappingProxyType({entry.name: entry for entry in TAXONOMY})
"""The same by name."""
