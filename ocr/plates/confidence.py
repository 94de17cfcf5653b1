"""How likely a registration that was read is what is painted: a logistic model over a few signs."""

from __future__ import annotations

import math

from lipiyana.ocr.plates.hypotheses import CUT_OFF, Signs

VALID = 0.8
"""Confidence from which a registration is called valid: on the selection part 2 of 103 crops that
are so were read wrong, and 0.93 of those that were read right are.
"""

WEIGHTS = {
    "bias": 1.957,
    "likelihood": 2.685,
    "margin": 0.65,
    "other_model": -0.141,
    "second_look": -0.375,
    "usual": 0.747,
}
"""Fitted by `lipiyana.ocr.training.plates.fit_confidence` on 276 registrations that were read on
real plates of which the reader saw none in training, and that are no guess (see `confidence`); 244
of them were right. In eight folds by registration, of those at 0.8 to 0.9 28 of 31 were right, at
0.9 to 0.98 62 of 67, above 123 of 123.
"""

_GUESSED = 0.5
_MOST_IGNORED = 1
_FAINT = -0.5  # natural logarithm a character


def confidence(signs: Signs) -> float:
    """Probability that the registration with these signs is right.

    It is a guess, and has half of the confidence, where it overrides a character that was seen,
    leaves out more than one, where the edge of the crop cuts one in halves, or where little of it
    was seen. Where one model alone reads the script it is no surer than its weakest character
    allows.
    """
    score = WEIGHTS["bias"]
    score += sum(WEIGHTS[name] * value for name, value in measures(signs).items())
    likely = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
    if signs.alone:
        likely = min(likely, math.sqrt(signs.weakest))
    guessed = (
        signs.overridden > 0
        or signs.ignored > _MOST_IGNORED
        or signs.room < CUT_OFF
        or signs.a_character < _FAINT
    )
    return likely * _GUESSED if guessed else likely


def measures(signs: Signs) -> dict[str, float]:
    """The signs that the model weighs, by the names of its weights."""
    return {
        "likelihood": max(-1.0, signs.a_character),
        "margin": signs.margin,
        "other_model": signs.other_model,
        "second_look": signs.second_look,
        "usual": signs.unusual,
    }
