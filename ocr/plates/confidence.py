"""How likely a registration that was read is what is painted: a logistic model over a few signs."""

from __future__ import annotations

import math

from lipiyana.ocr.plates.hypotheses import Signs
from lipiyana.ocr.plates.settings import PLATES, PlateSettings


def confidence(signs: Signs, *, settings: PlateSettings = PLATES) -> float:
    """Probability that the registration with these signs is right.

    It is a guess, and has half of the confidence, where it overrides a character that was seen,
    leaves out more than one, where the edge of the crop cuts one in halves, or where little of it
    was seen. Where one model alone reads the script it is no surer than its weakest character
    allows.
    """
    score = settings.confidence_weights["bias"]
    score += sum(
        settings.confidence_weights[name] * value for name, value in measures(signs).items()
    )
    likely = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
    if signs.alone:
        likely = min(likely, math.sqrt(signs.weakest))
    guessed = (
        signs.overridden > 0
        or signs.ignored > settings.guess_max_ignored
        or signs.room < settings.cut_off_room
        or signs.a_character < settings.guess_min_likelihood
    )
    return likely * settings.guess_factor if guessed else likely


def measures(signs: Signs) -> dict[str, float]:
    """The signs that the model weighs, by the names of its weights."""
    return {
        "likelihood": max(-1.0, signs.a_character),
        "margin": signs.margin,
        "other_model": signs.other_model,
        "second_look": signs.second_look,
        "usual": signs.unusual,
    }
