"""The colours of a plate: those of its characters and of the ground they stand on.

Pixels of the rows are cut into two clusters along the axis on which their colours differ most.
A small network, trained on rendered plates in all kinds of light, names the pair and says at once
which of the two is the ground: a white plate under a blue sky is bluish, but no plate has black
characters on blue, so both colours together tell what one alone does not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.arrays import RgbArray
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.geometry import Bounds, Quad
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.types import PlateColour

COLOURS = tuple(PlateColour)
"""The order of the network's outputs."""


_WEIGHTS = "colour.npz"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ColourReading:
    """What colours a plate has; `colour` is None if `confidence` is not enough to say.

    Attributes:
        confidence: probability of the likeliest colours, 0 if the pixels say nothing.
    """

    colour: PlateColour | None
    confidence: float


UNKNOWN = ColourReading(None, 0.0)


@dataclass(frozen=True, slots=True)
class ColourNetwork:
    """One hidden layer: standardized features, tanh, and a number a colour.

    A plate comes as two vectors of features, one for either cluster as its ground. The softmax is
    over all colours of both, and what it gives a pair of colours is the sum of the two.
    """

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """From (n, 2, features) to (n, colours)."""
        inner = np.tanh((features - self.mean) / self.scale @ self.hidden + self.hidden_bias)
        logits = inner @ self.output + self.output_bias
        powers = np.exp(logits - logits.max(axis=(1, 2), keepdims=True))
        shares = powers / powers.sum(axis=(1, 2), keepdims=True)
        return np.asarray(shares.sum(axis=1), np.float32)


def plate_colour(
    image: RgbArray,
    rows: Sequence[Quad],
    contradicted: Collection[PlateColour] = (),
    *,
    settings: PlateSettings = PLATES,
) -> ColourReading:
    """Name the colours of a plate.

    Args:
        image: (height, width, 3) RGB that the plate is in.
        rows: (4, 2) corners of each of its rows, in pixels.
        contradicted: colours that its registration should not have; they must be seen beyond doubt.
        settings: tuned constants.
    """
    features = colour_features(image, rows, settings=settings)
    if features is None:
        return UNKNOWN
    (chances,) = _network().probabilities(features[None])
    chances = chances * [
        settings.contradicted_colour_weight if colour in contradicted else 1.0 for colour in COLOURS
    ]
    chances /= chances.sum()
    best = int(chances.argmax())
    confidence = float(chances[best])
    return ColourReading(
        COLOURS[best] if confidence >= settings.colour_min_confidence else None, confidence
    )


def colour_features(
    image: RgbArray, rows: Sequence[Quad], *, settings: PlateSettings = PLATES
) -> Floats | None:
    """Describe the two colours of a plate by numbers, either of them as the ground.

    Args:
        image: as `plate_colour`.
        rows: as `plate_colour`.
        settings: the network was trained on what these values give.

    Returns:
        (2, features); None if there is but one colour.
    """
    if not len(rows):
        return None
    strips = [_strip(image, quad, settings) for quad in rows]
    inner = np.concatenate([_inner(strip.shape[:2], settings).ravel() for strip in strips])
    if inner.sum() < settings.colour_min_pixels:
        return None
    colours = np.concatenate([strip.reshape(-1, 3) for strip in strips])
    lab = cv2.cvtColor(colours[None], cv2.COLOR_RGB2LAB)[0]
    centred = lab - lab[inner].mean(axis=0)
    axis = np.linalg.eigh(centred[inner].T @ centred[inner])[1][:, -1]
    along = centred @ axis
    if float(along[inner].std()) < settings.colour_min_spread:
        return None
    threshold, separation = _two_clusters(along[inner])
    pair, places = [], []
    for side, edge in ((along, threshold), (-along, -threshold)):
        members = side > edge
        pair.append(_pure(colours[inner], side[inner], edge, settings))
        glyphs = sum(_glyphs(mask, settings) for mask in _apart(members, strips))
        places.append((float(members[inner].mean()), float(members[~inner].mean()), glyphs / 10))
    orders = ((0, 1), (1, 0))
    return np.stack(
        [
            _described(np.stack([pair[i], pair[j]]), [*places[i], *places[j], separation])
            for i, j in orders
        ]
    )


def _described(pair: Floats, places: Sequence[float]) -> Floats:
    """Features of a (ground, ink) pair of colours in [0, 1], and of where they are."""
    ground, ink = cv2.cvtColor(pair[None], cv2.COLOR_RGB2LAB)[0] / np.float32(50)
    logs = np.log(pair**2.2 + np.float32(0.003))
    return np.concatenate(
        [
            ground,
            ink,
            ground - ink,
            [np.hypot(*ground[1:]), np.hypot(*ink[1:])],
            logs[0, [0, 2]] - logs[0, 1],
            logs[1, [0, 2]] - logs[1, 1],
            logs[0] - logs[1],
            places,
        ],
        dtype=np.float32,
    )


def _strip(image: RgbArray, quad: Quad, settings: PlateSettings) -> Floats:
    """A row and a little around it, (height, width, 3) in [0, 1], of few pixels."""
    box = Bounds.of(quad)
    share = settings.colour_whole_crop
    whole = box.width > share * image.shape[1] and box.height > share * image.shape[0]
    crop = crop_quad(image, quad, settings.colour_inset if whole else settings.colour_margins)
    height, width = crop.shape[:2]
    scale = min(1.0, settings.colour_row_height / height, settings.colour_max_columns / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small.reshape(size[1], size[0], 3), np.float32) / np.float32(255)


def _inner(shape: tuple[int, int], settings: PlateSettings) -> npt.NDArray[np.bool_]:
    """Which pixels of a strip are surely on the plate."""
    inner = np.zeros(shape, bool)
    y, x = (round(side * share) for side, share in zip(shape, settings.colour_edge, strict=True))
    inner[y : shape[0] - y, x : shape[1] - x] = True
    return inner


def _apart(members: npt.NDArray[np.bool_], strips: Sequence[Floats]) -> list[npt.NDArray[np.bool_]]:
    """Cut what is flat into one mask a strip."""
    ends = np.cumsum([strip.shape[0] * strip.shape[1] for strip in strips])[:-1]
    parts = zip(np.split(members, ends), strips, strict=True)
    return [part.reshape(strip.shape[:2]) for part, strip in parts]


def _glyphs(mask: npt.NDArray[np.bool_], settings: PlateSettings) -> int:
    """How many connected parts have the size of a character: the ground has few of those."""
    height = mask.shape[0]
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    tall, wide = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH]
    least, most = settings.colour_glyph_height
    high = (tall > least * height) & (tall < most * height)
    return int((high & (wide < settings.colour_glyph_width * height)).sum())


def _two_clusters(values: Floats) -> tuple[float, float]:
    """Cut values in two (Otsu 1979): where, and the share of the variance that the cut explains."""
    counts, edges = np.histogram(values, 64)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts) / counts.sum()
    sums = np.cumsum(counts * centres) / counts.sum()
    total = sums[-1]
    inside = np.clip(below * (1 - below), 1e-9, None)
    between = (total * below - sums) ** 2 / inside
    best = int(between[:-1].argmax())
    return float(edges[best + 1]), float(between[best] / max(1e-9, float(values.var())))


def _pure(colours: Floats, side: Floats, edge: float, settings: PlateSettings) -> Floats:
    """Median colour of the cluster with `side` above `edge`, without what blends into the other."""
    members = side > edge
    if not members.any():
        members = side >= side.max()
    least = np.quantile(side[members], 1 - settings.colour_pure)
    return np.asarray(np.median(colours[members & (side >= least)], axis=0), np.float32)


@lru_cache(maxsize=1)
def _network() -> ColourNetwork:
    with resources.files("lipiyana.ocr.plates").joinpath(_WEIGHTS).open("rb") as file:
        stored = np.load(file)
        return ColourNetwork(**{name: stored[name] for name in stored.files})
