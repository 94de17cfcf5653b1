"""How far the canvases of a run go from its pictures, and the options that say so."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Variety:
    """What is done to canvases beyond views and weather; the defaults do nothing.

    Attributes:
        pastes: vehicles cut out of other pictures that a canvas gets, on average.
        repainted: share of the canvases whose hues are turned.
        wider: factor by which the range of scales is wider at both its ends.
        smallest: pixels; what has a shorter side is neither taught nor background.
        mounted: share of the vehicles without boxes of plates that get a rendered plate.
        relit: share of the canvases that are shown in the light of another picture.
        empty: share of the canvases that show no vehicle, where pictures without one are given.
        filling: share of the views in which one vehicle fills the view.
    """

    pastes: float = 0.0
    repainted: float = 0.0
    wider: float = 1.0
    smallest: float = 0.0
    mounted: float = 0.0
    relit: float = 0.0
    empty: float = 0.0
    filling: float = 0.0


def add_variety_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; `variety_of` takes what they give."""
    defaults = Variety()
    parser.add_argument(
        "--pastes", type=float, default=defaults.pastes, help="vehicles pasted on a canvas"
    )
    parser.add_argument(
        "--repainted", type=float, default=defaults.repainted, help="share with turned hues"
    )
    parser.add_argument(
        "--wider", type=float, default=defaults.wider, help="factor of the range of scales"
    )
    parser.add_argument(
        "--smallest", type=float, default=defaults.smallest, help="shortest side taught, pixels"
    )
    parser.add_argument(
        "--mounted", type=float, default=defaults.mounted, help="share with a rendered plate"
    )
    parser.add_argument(
        "--relit", type=float, default=defaults.relit, help="share in another picture's light"
    )
    parser.add_argument(
        "--empty", type=float, default=defaults.empty, help="share of canvases without vehicles"
    )
    parser.add_argument(
        "--filling", type=float, default=defaults.filling, help="share of views from close by"
    )


def variety_of(args: argparse.Namespace) -> Variety:
    """Collect what the options of `add_variety_options` gave."""
    return Variety(**{field.name: getattr(args, field.name) for field in fields(Variety)})
