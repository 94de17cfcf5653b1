"""Training rows of plates for the reader: rendered ones and real crops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import Margins, crop_quad
from lipiyana.ocr.plates.rows import cut_along
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.label_order import to_labels
from lipiyana.ocr.scripts.normalization import normalize
from lipiyana.ocr.training.plates.crops import real_rows
from lipiyana.ocr.training.real_crops import vary
from lipiyana.rendering.contents.plate_texts import PlateText, random_registration
from lipiyana.rendering.contents.registration_drafts import ARROW
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.pictures import CAMERA, RenderedPlate, render_plate

_WHOLE_SHARE = 0.5
_LOWEST_ROW = 4  # pixels
_AUTOS = 0.35  # share of extra auto-rickshaw plates, which are hard to read and hard to find
_HEIGHTS = (12.0, 100.0)  # of a one-row plate, in pixels; small ones are more frequent
_TWO_ROWS = 1.9  # height of a two-row plate, relative to a one-row plate
_STRONG = 40.0  # row height in pixels for full camera effects; smaller rows would lose everything
_CUT = (0.2, 0.8)


@dataclass(frozen=True, slots=True)
class PlateRows:
    """Rows of real plates in memory, and rendered rows.

    Attributes:
        real: picture and text of each real row.
        weights: probability of each real row; small folders are weighted up.
        real_share: share of real rows among all.
    """

    real: tuple[tuple[RgbArray, str], ...]
    weights: npt.NDArray[np.float64]
    real_share: float

    @classmethod
    def load(cls, crops: Path | None, street: Path | None, real_share: float) -> PlateRows:
        """Load the training rows; without `crops` or a share all rows are rendered."""
        if crops is None or real_share <= 0:
            return cls((), np.empty(0), 0.0)
        charset = Charset.load()
        found = [
            (source, image, as_read(text))
            for source, image, text in real_rows(crops, street, "train")
            if charset.covers(to_labels(as_read(text)))
        ]
        counts = Counter(source for source, _, _ in found)
        weights = np.array([counts[source] ** -0.5 for source, _, _ in found])
        real = tuple((image, text) for _, image, text in found)
        return cls(real, weights / weights.sum(), real_share)

    def lines(
        self, rng: np.random.Generator, library: FontLibrary
    ) -> Iterator[tuple[RgbArray, str, bool]]:
        """Yield (picture, text, whether it is real) endlessly."""
        charset = Charset.load()
        while True:
            if self.real and rng.random() < self.real_share:
                image, text = self.real[int(rng.choice(len(self.real), p=self.weights))]
                yield vary(image, rng), text, True
                continue
            try:
                rows = list(rendered_rows(rng, library))
            except LookupError:  # few fonts of some scripts have a hyphen
                continue
            for image, text in rows:
                if text and charset.covers(to_labels(text)) and min(image.shape[:2]) >= _LOWEST_ROW:
                    yield image, text, False


def as_read(text: str) -> str:
    """The text that the reader should output for a painted row.

    Latin rows are reduced to letters and digits: the labels of real plates do not mark painted
    spaces or dots, and no registration needs them. Rows in other scripts keep their separators.
    """
    text = normalize(text.replace(ARROW, "")).upper()
    letters_and_digits = "".join(c for c in text if c.isalnum())
    return letters_and_digits if letters_and_digits.isascii() else text


def rendered_rows(
    rng: np.random.Generator, library: FontLibrary, registration: PlateText | None = None
) -> Iterator[tuple[RgbArray, str]]:
    """Render a plate as a photo, and crop its rows as the pipeline does: by cutting or detecting.

    Args:
        rng: random generator.
        library: the fonts.
        registration: the registration on the plate; None for a random one.

    Raises:
        LookupError: no installed font has the characters.
    """
    if registration is None:
        autos = rng.random() < _AUTOS
        registration = random_registration(rng, vehicle="three_wheeler" if autos else None)
    low, high = np.log(_HEIGHTS)
    tall = float(np.exp(low + (high - low) * rng.beta(1.2, 1.6)))
    height = round(tall * (1 if len(registration.rows) == 1 else _TWO_ROWS))
    recipe = replace(CAMERA, strength=min(1.0, (tall / _STRONG) ** 0.5))
    plate = render_plate(rng, library, registration, height=height, recipe=recipe)
    whole = rng.random() < _WHOLE_SHARE
    for index, row in enumerate(plate.rows):
        yield (_band(rng, plate, index) if whole else _found(rng, plate, index)), as_read(row)


def _found(rng: np.random.Generator, plate: RenderedPlate, index: int) -> RgbArray:
    margins = Margins(float(rng.uniform(0.02, 0.4)), float(rng.uniform(0.02, 0.35)))
    return crop_quad(plate.image, plate.quads[index], margins)


def _band(rng: np.random.Generator, plate: RenderedPlate, index: int) -> RgbArray:
    """Cut a plate's crop near the middle line between its rows."""
    if len(plate.rows) == 1:
        return plate.image
    height, width = plate.image.shape[:2]
    above, below = plate.quads
    left, right = (above[3] + below[0]) / 2, (above[2] + below[1]) / 2
    across, down = (right - left).tolist()
    slope = down / max(1.0, across) + float(rng.normal(0, 0.015))
    middle = (float(left[1]) + slope * (width / 2 - float(left[0]))) / height
    middle = float(np.clip(middle + rng.normal(0, 0.02), *_CUT))
    return crop_quad(plate.image, cut_along(width, height, middle, slope)[index])
