"""Strength of the augmentation of canvases, and its command-line options."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Variety:
    """Augmentation beyond views and weather; the defaults switch it off.

    Attributes:
        pastes: mean number of vehicles from other pictures that are pasted on a canvas.
        repainted: share of the canvases with rotated hues.
        wider: factor by which the range of scales is extended at both ends.
        smallest: pixels; objects with a shorter side are neither positives nor negatives.
        mounted: share of the vehicles without labelled plates that get a rendered plate.
        relit: share of the canvases that get the light of another picture.
        empty: share of the canvases without vehicles, if there are pictures without any.
        filling: share of the views that are close-ups of one vehicle.
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
    """Add the options; `variety_of` reads them."""
    defaults = Variety()
    parser.add_argument(
        "--pastes", type=float, default=defaults.pastes, help="mean vehicles pasted on a canvas"
    )
    parser.add_argument(
        "--repainted", type=float, default=defaults.repainted, help="share with rotated hues"
    )
    parser.add_argument(
        "--wider", type=float, default=defaults.wider, help="factor of the range of scales"
    )
    parser.add_argument(
        "--smallest", type=float, default=defaults.smallest, help="minimum side trained on, pixels"
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
        "--filling", type=float, default=defaults.filling, help="share of close-up views"
    )


def variety_of(args: argparse.Namespace) -> Variety:
    """Collect the values of the options of `add_variety_options`."""
    return Variety(**{field.name: getattr(args, field.name) for field in fields(Variety)})
