"""Plots of benchmarks as SVG; the same figures always give the same bytes."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure


def figure(width: float, height: float) -> Figure:
    """Create an empty figure, size in inches, on a white background."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def as_svg(drawn: Figure) -> str:
    """Return the figure as SVG; text stays text."""
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lipiyana"}):
        drawn.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
