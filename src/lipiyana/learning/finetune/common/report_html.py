"""Renders reports as self-contained HTML files with embedded pictures."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score before and after training.

    Attributes:
        name: the data set; "" to repeat that of the row above.
        measure: name of the score, such as "CER".
        before, after: the values.
        lower_is_better: whether it is an error.
    """

    name: str
    measure: str
    before: float
    after: float
    lower_is_better: bool = False

    @property
    def tone(self) -> str:
        """CSS class of the change: `better`, `worse`, or "" if the values are equal."""
        gain = self.before - self.after if self.lower_is_better else self.after - self.before
        return "better" if gain > 0 else "worse" if gain < 0 else ""


def render(template: str, **values: object) -> str:
    """Fill a template, given by its path below `learning/finetune`; values are HTML-escaped."""
    return _environment().get_template(template).render(values)


def picture_source(pixels: npt.NDArray[np.uint8], height: int) -> str:
    """Scale a picture, (rows, columns, 3) RGB, to a height and encode it as a data URL."""
    rows, columns = pixels.shape[:2]
    size = (max(1, round(columns * height / rows)), height)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    encoded = base64.b64encode(data.tobytes()).decode() if done else ""
    return f"data:image/jpeg;base64,{encoded}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("lipiyana.learning.finetune", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
