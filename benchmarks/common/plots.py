"""Plots of benchmarks as SVG files: the same bytes for the same figures."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, on a white ground."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def as_svg(drawn: Figure) -> str:
    """The figure as SVG with its text as text."""
    out = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lipiyana"}):
        drawn.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
