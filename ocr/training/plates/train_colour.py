"""Trains the network that classifies the colours of plates, on rendered plates.

    python -m lipiyana.ocr.training.plates.train_colour [--plates 2400] [--output FILE]

Every pair of colours is rendered on plates of every format, under more kinds of light than the
renderer has. The rows are the true ones with jitter, or the whole crop, as at inference.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.ocr.crops import Margins, widen
from lipiyana.ocr.geometry import Quad, rectangle
from lipiyana.ocr.plates.colour import COLOURS, ColourNetwork, colour_features
from lipiyana.rendering.contents.plate_texts import random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.types import PlateColour

Floats = npt.NDArray[np.float32]

HIDDEN = 32
LIGHTS = 2
"""Number of relit pictures of each rendered plate."""

_ODDS = {PlateColour.BLACK_ON_WHITE: 4.0, PlateColour.BLACK_ON_YELLOW: 2.0}
_MET = {PlateColour.BLACK_ON_WHITE: 16.0, PlateColour.BLACK_ON_YELLOW: 8.0}
"""Relative frequencies of plates: `_ODDS` in the training data, which is more balanced, and `_MET`
on roads; 1 for any other colour."""

_WHOLE_CROPS = 0.45
_VALIDATION_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Examples:
    """Features (n, 2, features), and each example's index in `COLOURS` and plate number."""

    features: Floats
    colours: npt.NDArray[np.intp]
    plates: npt.NDArray[np.intp]


def render_examples(count: int, seed: int = 0) -> Examples:
    """Render plates, relight each of them, and compute the features."""
    found = [
        (features, COLOURS.index(colour), plate)
        for plate, (image, rows, colour) in enumerate(_plates(count, seed))
        for features in _lit(image, rows, np.random.default_rng([seed, plate]))
    ]
    features, colours, plates = zip(*found, strict=True)
    return Examples(np.stack(features), np.array(colours), np.array(plates))


def _plates(
    count: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.uint8], list[Quad], PlateColour]]:
    rng = np.random.default_rng(seed)
    library = FontLibrary.load()
    odds = np.array([_ODDS.get(colour, 1.0) for colour in COLOURS])
    made = 0
    while made < count:
        colour = COLOURS[int(rng.choice(len(COLOURS), p=odds / odds.sum()))]
        text = replace(random_registration(rng), colour=colour)
        try:
            plate = render_plate(rng, library, text, height=int(rng.integers(16, 72)))
        except LookupError:  # no font for a plate in this script
            continue
        made += 1
        yield plate.image, [np.asarray(quad, np.float64) for quad in plate.quads], colour


def _lit(
    image: npt.NDArray[np.uint8], rows: Sequence[Quad], rng: np.random.Generator
) -> Iterator[Floats]:
    height, width = image.shape[:2]
    for _ in range(LIGHTS):
        # daylight is bluer in the shade, lamps are redder; a green or violet tint is rare
        warm, green = rng.normal(0, 0.11), rng.normal(0, 0.035)
        gains = np.exp(rng.normal(0, 0.25) + np.array([warm, green, -warm]))
        bright = (image / np.float32(255)) ** rng.uniform(0.75, 1.35) * gains
        veil = rng.uniform(0, 0.18) * rng.uniform(0.6, 1, 3) if rng.random() < 0.4 else 0.0
        lit = np.clip((bright * (1 - veil) + veil) * 255, 0, 255).astype(np.uint8)
        if rng.random() < 0.4:
            lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.4, height / 24)), np.uint8)
        # a detector's boxes extend beyond the ink, and may include the plate's surroundings
        wide = Margins(*np.abs(rng.normal(0, 0.15, 2)))
        moved = [
            widen(quad + rng.normal(0, 0.04, (4, 2)) * np.ptp(quad[:, 1]), wide) for quad in rows
        ]
        whole = [rectangle(0, 0, width, height)]
        features = colour_features(lit, whole if rng.random() < _WHOLE_CROPS else moved)
        if features is not None:
            yield features


def train(
    examples: Examples, *, epochs: int = 150, rate: float = 5e-3, seed: int = 0
) -> ColourNetwork:
    """Fit with Adam (Kingma and Ba 2015), noise on the features, and weight decay."""
    rng = np.random.default_rng(seed)
    flat = examples.features.reshape(-1, examples.features.shape[2])
    mean, scale = flat.mean(axis=0), flat.std(axis=0) + 1e-3
    inputs = (examples.features - mean) / scale
    targets = np.eye(len(COLOURS), dtype=np.float32)[examples.colours]
    weights = [
        rng.normal(0, flat.shape[1] ** -0.5, (flat.shape[1], HIDDEN)),
        np.zeros(HIDDEN),
        rng.normal(0, HIDDEN**-0.5, (HIDDEN, len(COLOURS))),
        np.zeros(len(COLOURS)),
    ]
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    size, step = 512, 0
    for epoch in range(epochs):
        now = rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            noisy = inputs[chosen] + rng.normal(0, 0.06, inputs[chosen].shape)
            step += 1
            for index, gradient in enumerate(_gradients(weights, noisy, targets[chosen])):
                first[index] += 0.1 * (gradient - first[index])
                second[index] += 0.001 * (gradient**2 - second[index])
                upward = np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8
                decay = 1e-2 * weights[index] if weights[index].ndim == 2 else 0.0
                weights[index] -= now * (first[index] / (1 - 0.9**step) / upward + decay)
    weights[-1] += [np.log(_MET.get(c, 1.0) / _ODDS.get(c, 1.0)) for c in COLOURS]
    return ColourNetwork(*(np.asarray(w, np.float32) for w in (mean, scale, *weights)))


def _gradients(
    weights: Sequence[npt.NDArray[np.float64]],
    inputs: npt.NDArray[np.floating],
    targets: Floats,
) -> list[npt.NDArray[np.float64]]:
    """Gradients of the mean cross entropy. Which of the two clusters is the background is unknown,
    so the likelihood of a colour is the sum over both.
    """
    hidden, hidden_bias, output, output_bias = weights
    inner = np.tanh(inputs @ hidden + hidden_bias)
    logits = inner @ output + output_bias
    powers = np.exp(logits - logits.max(axis=(1, 2), keepdims=True))
    probabilities = powers / powers.sum(axis=(1, 2), keepdims=True)
    right = probabilities * targets[:, None]
    wrong = (probabilities - right / right.sum(axis=(1, 2), keepdims=True)) / len(inputs)
    back = (wrong @ output.T) * (1 - inner**2)
    return [
        np.tensordot(inputs, back, ((0, 1), (0, 1))),
        back.sum(axis=(0, 1)),
        np.tensordot(inner, wrong, ((0, 1), (0, 1))),
        wrong.sum(axis=(0, 1)),
    ]


def reliability(network: ColourNetwork, examples: Examples) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and number of examples, by bins of confidence."""
    probabilities = network.probabilities(examples.features)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == examples.colours
    edges = (0.0, 0.5, 0.75, 0.9, 0.97, 1.01)
    bins = [(sure >= low) & (sure < high) for low, high in pairwise(edges)]
    return [(float(sure[b].mean()), float(right[b].mean()), int(b.sum())) for b in bins if b.any()]


def main() -> None:
    """Run the command line: render, train, print the reliability on held-out plates, save."""
    parser = argparse.ArgumentParser(description="trains the network of plate colours")
    parser.add_argument("--plates", type=int, default=2400)
    default = Path(__file__).parents[2] / "plates" / "colour.npz"
    parser.add_argument("--output", type=Path, default=default)
    args = parser.parse_args()
    examples = render_examples(args.plates)
    held_out = examples.plates >= (1 - _VALIDATION_SHARE) * args.plates
    parts = [
        Examples(examples.features[part], examples.colours[part], examples.plates[part])
        for part in (~held_out, held_out)
    ]
    network = train(parts[0])
    for sure, right, count in reliability(network, parts[1]):
        print(f"confidence {sure:.3f}: {right:.3f} of {count} correct")  # noqa: T201
    names = ColourNetwork.__dataclass_fields__
    np.savez_compressed(args.output, **{name: getattr(network, name) for name in names})


if __name__ == "__main__":
    main()
