"""Regions that are counted and masks that are never looked at, from a YAML file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest, MissingExtra, NotFound

try:
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    from lipiyana.yaml_settings import Steps, YamlError, faults_of, read_yaml
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("video", "a file of regions") from error

_GREY = 114
_NAMES = "it has letters, digits, _ and -, at most 64"

Share = Annotated[float, Field(ge=0, le=1)]
Polygon = Annotated[list[tuple[Share, Share]], Field(min_length=3, max_length=100)]
RegionName = Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]


class Regions(BaseModel):
    """Places in the picture of a camera. A point is [x, y], each from 0 to 1.

    Attributes:
        regions: named places; rows say how long a vehicle stood in each.
        interest: if there is any, only what lies in one of these is looked at.
        masks: what lies in one of these is not looked at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: dict[RegionName, Polygon] = {}
    interest: list[Polygon] = []
    masks: list[Polygon] = []


class RegionFile(Regions):
    """Regions of all sources, and of some by their names."""

    sources: dict[str, Regions] = {}

    def of(self, source: str) -> Regions:
        """Those of all sources together with those of one."""
        own = self.sources.get(source, Regions())
        return Regions(
            regions={**self.regions, **own.regions},
            interest=[*self.interest, *own.interest],
            masks=[*self.masks, *own.masks],
        )


def read_regions(path: Path, sources: Sequence[str]) -> RegionFile:
    """Read and check a file.

    Raises:
        NotFound: it cannot be read.
        InvalidRequest: it is no such file, or names a source that is not one of `sources`.
    """
    name = shown(str(path))
    try:
        file = read_yaml(path)
        found = RegionFile.model_validate({} if file.content is None else file.content)
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        faults = faults_of(error, file, _settings_at, patterns=_NAMES)
        raise _invalid(
            "\n".join([f"{name} has faults:", *(f"  {one}" for one in faults)])
        ) from None
    except YamlError as error:
        raise _invalid(f"{name} cannot be read: {error}") from None
    for source in found.sources:
        if source not in sources:
            raise _invalid(f"{name}: there is no source {source}; there is {', '.join(sources)}")
    return found


def _settings_at(steps: Steps) -> Iterable[str]:
    return Regions.model_fields if len(steps) > 1 else RegionFile.model_fields


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, field="regions", reason="INVALID_SETTINGS")


class RegionMap:
    """Regions at work on the pictures of one source, on one thread."""

    def __init__(self, regions: Regions | None = None) -> None:
        """Without regions everything is looked at."""
        self.regions = regions or Regions()
        self._named = {
            name: np.asarray(polygon, np.float32) for name, polygon in self.regions.regions.items()
        }
        self._hidden: dict[tuple[int, ...], npt.NDArray[np.bool_] | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the regions."""
        return tuple(self._named)

    def hide(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Give a picture, (height, width) or more, with grey where nothing is looked at."""
        if not (self.regions.interest or self.regions.masks):
            return picture
        size = picture.shape[:2]
        if size not in self._hidden:
            self._hidden[size] = self._mask(*size)
        hidden = self._hidden[size]
        if hidden is None:
            return picture
        copy = picture.copy()
        copy[hidden] = _GREY
        return copy

    def at(self, x: float, y: float) -> list[str]:
        """Name the regions of a point, given in shares of the picture's sides."""
        return [
            name
            for name, polygon in self._named.items()
            if cv2.pointPolygonTest(polygon, (x, y), measureDist=False) >= 0
        ]

    def _mask(self, height: int, width: int) -> npt.NDArray[np.bool_] | None:
        def filled(polygons: Sequence[Sequence[tuple[float, float]]]) -> npt.NDArray[np.bool_]:
            canvas = np.zeros((height, width), np.uint8)
            size = np.array([width - 1, height - 1])
            for polygon in polygons:
                corners = np.round(np.asarray(polygon) * size).astype(np.int32)
                cv2.fillPoly(canvas, [corners], 1)
            return canvas.astype(np.bool_)

        hidden = filled(self.regions.masks)
        if self.regions.interest:
            hidden |= ~filled(self.regions.interest)
        return hidden if hidden.any() else None
