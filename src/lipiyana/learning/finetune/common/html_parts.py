"""Pieces of the reports: HTML files that hold their pictures, and need nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.learning.finetune.common.course import CourseState
from lipiyana.learning.finetune.reader.checking import Dropped

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .3rem .8rem; text-align: left;
border-bottom: 1px solid #ccc; vertical-align: top } td img { max-width: 27rem }
.better { color: #060 } .worse { color: #a00 } td.n { text-align: right }
"""
_ENDINGS = {
    "time": "the time was over",
    "no_gain": "nothing was gained any more",
    "interrupted": "it was interrupted",
}


def escaped(text: str) -> str:
    """Write a text within HTML."""
    return html.escape(text, quote=True)


def head(name: str, base: str, course: CourseState) -> Iterator[str]:
    """Begin a report."""
    yield f"<!doctype html><meta charset=utf-8><title>{escaped(name)}</title>"
    yield f"<style>{_STYLE}</style><h1>{escaped(name)}</h1>"
    yield (
        f"<p>Fine-tuned from {escaped(base)} in {course.seconds / 60:.1f} minutes, until "
        f"{_ENDINGS[course.ending or 'time']}.</p>"
    )


def notes(texts: Sequence[str]) -> Iterator[str]:
    """List what the user should know."""
    if texts:
        yield "<ul>" + "".join(f"<li>{escaped(text)}" for text in texts) + "</ul>"


def score_row(
    name: str, measure: str, before: float, after: float, *, lower_is_better: bool
) -> str:
    """Write a row of a table: what, by which measure, before and after."""
    gain = (before - after) if lower_is_better else (after - before)
    tone = "better" if gain > 0 else "worse" if gain < 0 else ""
    return (
        f"<tr><td>{escaped(name)}<td>{measure}<td class=n>{before:.3f}"
        f"<td class='n {tone}'>{after:.3f}"
    )


def dropped_rows(dropped: Sequence[Dropped]) -> Iterator[str]:
    """Say what is not used, and why."""
    if dropped:
        yield "<table><tr><th>label<th>picture<th>why it is not used"
        for one in dropped:
            yield (
                f"<tr><td>{escaped(one.where)}<td>{escaped(one.picture)}<td>{escaped(one.problem)}"
            )
        yield "</table>"


def course_table(course: CourseState, what: str) -> Iterator[str]:
    """Show what was measured on the way; `what` says what the error is."""
    yield f"<h2>Course</h2><p>{escaped(what)}</p>"
    yield "<table><tr><th>seconds<th>error<th>loss"
    for seconds, error, loss in course.history:
        yield f"<tr><td class=n>{seconds:.0f}<td class=n>{error:.4f}<td class=n>{loss:.3f}"
    yield "</table>"


def picture(name: str, pixels: npt.NDArray[np.uint8], height: int) -> str:
    """Show (H, W, 3) RGB at a height in pixels, within the HTML."""
    rows, columns = pixels.shape[:2]
    size = (max(1, round(columns * height / rows)), height)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    encoded = base64.b64encode(data.tobytes()).decode() if done else ""
    return f"<img alt='{escaped(name)}' src='data:image/jpeg;base64,{encoded}'>"
