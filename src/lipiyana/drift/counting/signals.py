"""The signals: what is counted of a picture and of its answer, and the fixed bins of each.

The bins are fixed, so that counts of any two servers and days can be added. Each picture has the
weight 1 in each signal that it has, shared by its values: ten plates of one picture are not ten
observations, and p values must not take them for such.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

Values = tuple[float | str, ...]
Observation = Mapping[str, Values]
"""The values of one picture by signal. A signal that does not occur in the picture is absent."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal.

    Attributes:
        name: as in files and metrics.
        meaning: for people.
        edges: inner bounds of the bins, ascending; () for a signal of labels.
        of_pixels: whether it needs the picture; otherwise the answer suffices.
        family: of signals that are one for people: of these, the surest difference is shown.
    """

    name: str
    meaning: str
    edges: tuple[float, ...] = ()
    of_pixels: bool = False
    family: str = ""

    def bin_of(self, value: float) -> int:
        """The bin of a value; what lies outside of the edges is in the first or the last one."""
        return bisect_right(self.edges, value)

    @property
    def bins(self) -> int:
        """Number of bins; 0 for a signal of labels."""
        return len(self.edges) + 1 if self.edges else 0


def _even(low: float, high: float, bins: int) -> tuple[float, ...]:
    """Inner bounds of bins of equal width; the outer bins are open."""
    step = (high - low) / bins
    return tuple(low + step * i for i in range(1, bins))


_SHARE = _even(0, 1, 20)
_COUNTS = (0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 9.5, 12.5, 16.5, 24.5, 32.5, 48.5)
_PIXELS = tuple(2 ** (i / 2) for i in range(4, 21))  # 4 to 1024 in half octaves

_ALL = (
    Signal("brightness", "mean grey level", _even(0, 256, 32), of_pixels=True),
    Signal("contrast", "standard deviation of the grey levels", _even(0, 112, 28), of_pixels=True),
    Signal("saturation", "mean saturation of the colours", _even(0, 256, 32), of_pixels=True),
    Signal("sharpness", "log2 of the Laplacian's variance", _even(-2, 14, 32), of_pixels=True),
    Signal("least_sharpness", "the same of the most blurred part", _even(-6, 14, 40),
           of_pixels=True),
    Signal("upright", "how far edges are level or plumb", _even(-0.5, 1, 30), of_pixels=True),
    Signal("slant", "to which side edges lean", _even(-0.75, 0.75, 30), of_pixels=True),
    Signal("vehicles", "vehicles in a picture", _COUNTS),
    Signal("vehicle_class", "classes of vehicles"),
    Signal("vehicle_confidence", "confidence of vehicles", _SHARE),
    Signal("vehicle_height", "height of vehicles in that of the picture", _even(0, 1, 25)),
    Signal("vehicle_place", "height at which vehicles are, 0 at the top", _even(0, 1, 25)),
    Signal("plates_a_vehicle", "plates in pictures with vehicles, a vehicle", _even(0, 1.5, 15)),
    Signal("plate_confidence", "confidence of plates", _SHARE),
    Signal("plate_height", "height of plates in pixels", _PIXELS),
    Signal("plate_valid", "whether a plate has a valid registration"),
    Signal("plate_conflict", "whether colour, format and vehicle contradict each other"),
    Signal("plate_region", "regions of valid registrations"),
    Signal("plate_colour", "colours of plates"),
    Signal("lines", "lines of text in a picture", _COUNTS),
    Signal("line_confidence", "confidence of lines", _SHARE),
    Signal("line_height", "height of lines in pixels", _PIXELS),
    Signal("line_aspect", "log2 of length by height of lines", _even(-1, 5, 18)),
    Signal("line_tilt", "tilt of lines in degrees", _even(-30, 30, 20)),
    Signal("script", "scripts of lines"),
    Signal("letters", "pairs of letters of lines without digits, by 48 values of a hash"),
    Signal("rotation", "degrees by which the picture was turned to be read"),
)  # fmt: skip

LINE_FEATURE = "line_feature"
LINE_FEATURES = tuple(f"{LINE_FEATURE}_{number:02d}" for number in range(32))
_PARTS = tuple(
    Signal(name, "what the reader makes of lines, before letters", _even(-6, 6, 48),
           family=LINE_FEATURE)
    for name in LINE_FEATURES
)  # fmt: skip

SIGNALS: Mapping[str, Signal] = MappingProxyType({one.name: one for one in (*_ALL, *_PARTS)})
"""All signals by name, in the order of tables."""

TOGETHER: tuple[tuple[str, ...], ...] = (
    ("vehicles", "lines", "rotation"),
    ("brightness", "contrast", "saturation", "sharpness", "least_sharpness"),
    ("vehicle_class", "vehicle_confidence", "vehicle_height", "vehicle_place", "plates_a_vehicle"),
    ("plate_confidence", "plate_height", "plate_valid", "plate_conflict", "plate_colour"),
    ("line_confidence", "line_height", "line_aspect", "line_tilt", "script"),
    LINE_FEATURES,
)
"""Signals of which a picture has all or none; those of the first group every picture has."""

LIGHT = frozenset({"brightness", "contrast", "saturation"})
"""Signals that follow the weather of a day."""


def mean_of(values: Iterable[float | str]) -> float | None:
    """The mean of a picture's numbers; None for labels."""
    numbers = [value for value in values if not isinstance(value, str)]
    return sum(numbers) / len(numbers) if numbers else None
