"""What the models make of each picture in each condition: measured once, kept in a file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
from street_conditions import (
    EFFECTS,
    OTHER_CITY,
    Scene,
    as_bright_as,
    dressed,
    new_vehicles,
    night,
    scenes,
    with_vehicle,
)

from lipiyana.arrays import RgbArray
from lipiyana.drift.counting.signals import Observation
from lipiyana.drift.watching.last_picture import LastPicture
from lipiyana.pipeline import LocalRecognizer
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.types import RecognitionConfig

DAY, NIGHT = "day", "night"
USUAL, CITY, SCRIPT, VEHICLE = "usual", "other city's plates", "new script", "new vehicle type"
EQUAL = ", equal brightness"
Observations = dict[tuple[str, str], list[Observation]]
"""By condition and light."""


def conditions() -> list[str]:
    """All conditions, in the order of the table."""
    weather = [name + kind for name in EFFECTS for kind in ("", EQUAL)]
    return [USUAL, *weather, CITY, SCRIPT, VEHICLE]


def measure(data: Path, cache: Path, by_day: int, by_night: int) -> None:
    """Read every picture in every condition; those that are in the file are not read again."""
    known = set()
    if cache.exists():
        with cache.open(encoding="utf-8") as file:
            known = {tuple(json.loads(line)["key"]) for line in file}
    views = _Views(data, by_day)
    noted = LastPicture()
    recognizer = LocalRecognizer(threads=1, observer=noted)
    with cache.open("a", encoding="utf-8") as file:
        for condition in conditions():
            for light, count in ((DAY, by_day), (NIGHT, by_night)):
                for scene in views.scenes[:count]:
                    key = (condition, light, scene.index)
                    if key in known:
                        continue
                    pixels = views.view(scene, condition, light)
                    recognizer.recognize_pixels(pixels, RecognitionConfig())
                    file.write(json.dumps({"key": key, "values": noted.observation}) + "\n")
                    file.flush()
            print(condition, "measured", flush=True)


def load(cache: Path) -> Observations:
    """Read the file of `measure`."""
    found: Observations = defaultdict(list)
    for condition, light, values in _rows(cache):
        found[condition, light].append({name: tuple(each) for name, each in values.items()})
    return found


def _rows(cache: Path) -> Iterator[tuple[str, str, dict[str, list[float | str]]]]:
    with cache.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["key"][0], row["key"][1], row["values"]


class _Views:
    """Makes the pictures."""

    def __init__(self, data: Path, count: int) -> None:
        self.scenes = scenes(data, count)
        self._vehicles = new_vehicles(data, 20)
        self._library = FontLibrary.load()

    def view(self, scene: Scene, condition: str, light: str) -> RgbArray:
        """One picture in a condition and a light."""
        rng = np.random.default_rng([scene.index, crc32(condition.encode())])
        city = OTHER_CITY if condition == CITY else "WB"
        script = "Taml" if condition == SCRIPT else "Beng"
        pixels = dressed(scene, self._library, city=city, script=script)
        if condition == VEHICLE:
            pixels = with_vehicle(pixels, self._vehicles[scene.index % len(self._vehicles)], rng)
        usual = night(pixels, np.random.default_rng(scene.index)) if light == NIGHT else pixels
        name = condition.removesuffix(EQUAL)
        if name not in EFFECTS:
            return usual
        # dusk at midnight is lighter than night, as a lamp that went on would be
        changed = EFFECTS[name](pixels if name == "dusk" else usual, rng)
        return as_bright_as(changed, usual) if condition.endswith(EQUAL) else changed
