"""Chooses faces for a line of one or several scripts and draws it as a mask."""

from __future__ import annotations

import numpy as np

from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of_char
from lipiyana.rendering.fonts.faces import Face
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.recipe import RenderRecipe, Style
from lipiyana.rendering.text.shaping import (
    HEADLINE_SCRIPTS,
    FaceChoice,
    MissingGlyphError,
    Raster,
    Run,
    set_line,
    shape_runs,
)

# few steps of widening, so that cached glyphs can be reused
_BOLD_STEPS = (0.03, 0.05, 0.08, 0.12)
# thicker strokes, as a fraction of the body height, close the counters
_MAX_STROKE = 0.27


def typeset(
    text: str,
    script: str,
    rng: np.random.Generator,
    library: FontLibrary,
    *,
    recipe: RenderRecipe,
    style: Style,
    body: float,
) -> Raster | None:
    """Draw a line with faces chosen at random.

    Args:
        text: in logical order.
        script: ISO 15924 code of its main script.
        rng: random generator.
        library: the fonts.
        recipe: probabilities of bold strokes and tracking.
        style: plates prefer the faces made for plates.
        body: body height in pixels.

    Returns:
        None if no family has every character, or the text has no ink.
    """
    runs = shape_runs(text, script)
    codes = [run.script for run in runs]
    main = script if script in codes else codes[0]
    plate = style == "plate"
    own = "".join(run.text for run in runs if run.script == main)
    printed = style == "print"
    # books are set in the regular weight
    near = float(rng.choice([400, 400, 400, 500, 700])) if printed else None
    face = library.pick(rng, main, own, recipe.split, plate=plate, near_weight=near)
    if face is None:
        return None
    faces = {main: face}
    for code in dict.fromkeys(codes):
        if code not in faces:
            other = "".join(run.text for run in runs if run.script == code)
            chosen = _companion(rng, library, recipe, face, code=code, text=other)
            if chosen is None:
                return None
            faces[code] = chosen
    runs = [part for run in runs for part in _split_uncovered(run, faces[run.script])]
    spare = face
    if missing := "".join(run.text for run in runs if not faces[run.script].covers(run.text)):
        found = _companion(rng, library, recipe, face, code="Latn", text=missing)
        if found is None:
            return None
        spare = found
    language = _language(rng, main)
    bold = 0.0
    steps = [step for step in _BOLD_STEPS if face.stroke(main) + step < _MAX_STROKE]
    if steps and rng.random() < recipe.bold * (0.6 if printed else 1.0):
        bold = float(rng.choice(steps))
    tracking = 0.0 if printed else _tracking(rng, recipe, main, plate=plate)
    scales = {code: 1.0 if code == main else float(rng.uniform(0.85, 1.12)) for code in faces}
    choices = []
    for run in runs:
        covered = faces[run.script].covers(run.text)
        chosen = faces[run.script] if covered else spare
        choices.append(
            FaceChoice(
                chosen,
                scales[run.script],
                bold,
                tracking,
                language if run.script == main else "",
            )
        )
    try:
        return set_line(runs, choices, body)
    except (MissingGlyphError, ValueError):
        return None


def _companion(
    rng: np.random.Generator,
    library: FontLibrary,
    recipe: RenderRecipe,
    face: Face,
    *,
    code: str,
    text: str,
) -> Face | None:
    """Draw a face for a further script of the line: the same font, or one of similar weight."""
    letters = "".join(c for c in text if script_of_char(c) != COMMON) or text
    if face.covers(letters) and rng.random() < recipe.same_face_latin:
        return face
    near = face.file.weight if rng.random() < 0.7 else None
    family = face.file.family if rng.random() < recipe.same_face_latin else None
    return library.pick(
        rng, code, text, recipe.split, near_weight=near, family=family
    ) or library.pick(rng, code, text, recipe.split, near_weight=near)


def _split_uncovered(run: Run, face: Face) -> list[Run]:
    """Split off punctuation and digits that the face lacks, as separate runs."""
    if face.covers(run.text):
        return [run]
    parts: list[Run] = []
    for character in run.text:
        missing = not face.covers(character)
        if parts and missing == (not face.covers(parts[-1].text)):
            parts[-1] = Run(parts[-1].text + character, run.script, run.direction)
        else:
            parts.append(Run(character, run.script, run.direction))
    return parts[::-1] if run.direction == "rtl" else parts


def _language(rng: np.random.Generator, script: str) -> str:
    if rng.random() < 0.6:
        return ""
    return str(rng.choice(SCRIPTS[script].languages))


def _tracking(rng: np.random.Generator, recipe: RenderRecipe, script: str, *, plate: bool) -> float:
    if script == "Arab":
        return 0.0
    headline = script in HEADLINE_SCRIPTS
    probability = recipe.tracking * (0.5 if headline else 1.0)
    if plate and script == "Latn":
        return float(rng.uniform(0, 0.3))
    if rng.random() < probability:
        return float(rng.uniform(-0.04, 0.15 if headline else 0.3))
    return 0.0
