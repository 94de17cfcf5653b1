"""Draw the pictures in samples/ and write their ground truth.

    python -m lipiyana.rendering.build_samples samples

The same fonts (`scripts/install_fonts.sh`) and the same seed give the same pictures. `truth.jsonl`
has one row per picture: path, size, layout, condition, plates and other lines of text.
"""

from __future__ import annotations

import argparse
import json
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lipiyana.arrays import RgbArray
from lipiyana.rendering.contents.plate_texts import PlateText, random_registration
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.rendering.plates.painting import Quad
from lipiyana.rendering.plates.pictures import render_plate
from lipiyana.rendering.plates.styles import random_style
from lipiyana.rendering.recipe import RenderRecipe
from lipiyana.rendering.streets.scenes import ScenePlan, SignPlan, VehiclePlan, render_scene
from lipiyana.rendering.streets.signs import SignLine
from lipiyana.types import PlateColour, RegistrationFormat

SEED = 2024
MAX_BYTES = 60_000
_CROPS = RenderRecipe(split="all", blur=0.3, motion=0.0, low_resolution=0.0, noise=0.4, jpeg=0.0,
                      uneven_light=0.5, shadow_edge=0.3, glare=0.1, night=0.1, stains=0.1,
                      scratches=0.1)  # fmt: skip


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    build(args.folder, args.seed)


def build(folder: Path, seed: int = SEED) -> None:
    """Write `scenes/*.jpg`, `plates/*.jpg` and `truth.jsonl` into a folder.

    Raises:
        LookupError: a font is missing.
        ValueError: a picture is larger than `MAX_BYTES` even at the lowest JPEG quality.
    """
    plan = tomllib.loads((files(__package__) / "samples.toml").read_text("utf-8"))
    library = FontLibrary.load()
    rows = []
    for path, image, row in (*_scenes(plan, library, seed), *_plates(plan, library, seed)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode(image))
        rows.append({"path": path, "width": image.shape[1], "height": image.shape[0], **row})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "truth.jsonl").write_text(text, encoding="utf-8")


def encode(image: RgbArray) -> bytes:
    """Encode as JPEG, with the highest quality that stays under `MAX_BYTES`."""
    for quality in range(90, 40, -4):
        settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        data = cv2.imencode(".jpg", image[:, :, ::-1], settings)[1].tobytes()
        if len(data) <= MAX_BYTES:
            return data
    raise ValueError(
        f"a picture of {image.shape[1]}x{image.shape[0]} does not fit {MAX_BYTES} bytes"
    )


def _generator(seed: int, name: str) -> np.random.Generator:
    # one generator per picture: changing one picture does not change the others
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _scenes(
    plan: dict[str, Any], library: FontLibrary, seed: int
) -> Iterator[tuple[str, RgbArray, dict[str, Any]]]:
    for number, entry in enumerate(plan["scene"], start=1):
        scene_plan = _scene_plan(entry)
        scene = render_scene(
            _generator(seed, f"{entry['name']} {entry.get('variant', 0)}"), library, scene_plan
        )
        row = {
            "layout": "scene",
            "condition": scene_plan.condition,
            "plates": [_plate_row(p.text, p.outline, p.rows) for p in scene.plates],
            "text_lines": [
                {"text": line.text, "script": line.script, "polygon": _points(line.quad)}
                for line in scene.lines
            ],
        }
        yield f"scenes/{number:02d}_{entry['name']}.jpg", scene.image, row


def _plates(
    plan: dict[str, Any], library: FontLibrary, seed: int
) -> Iterator[tuple[str, RgbArray, dict[str, Any]]]:
    for number, entry in enumerate(plan["plate"], start=1):
        kind = RegistrationFormat(entry["format"])
        name = f"{kind.value}_{entry['rows']}row"
        rng = _generator(seed, f"{number} {name} {entry.get('variant', 0)}")
        text = random_registration(
            rng,
            kind,
            rows=entry["rows"],
            vehicle=entry["vehicle"],
            colour=PlateColour(entry["colour"]),
        )
        style = random_style(rng, text, library, "all")
        style = replace(style, wear=style.wear * 0.4, dirt=style.dirt * 0.6, caption="")
        plate = render_plate(rng, library, text, style=style, height=entry["height"], recipe=_CROPS)
        row = {
            "layout": "plate",
            "condition": "day",
            "plates": [_plate_row(text, plate.outline, plate.quads)],
            "text_lines": [],
        }
        yield f"plates/{number:02d}_{name}.jpg", plate.image, row


def _scene_plan(entry: dict[str, Any]) -> ScenePlan:
    signs = tuple(
        SignPlan(sign["kind"], _lines(sign["lines"]), tuple(sign["box"])) for sign in entry["signs"]
    )
    vehicles = tuple(
        VehiclePlan(
            vehicle["kind"],
            vehicle["x"],
            vehicle["ground"],
            vehicle["width"],
            RegistrationFormat(vehicle.get("plate", "standard")),
            vehicle.get("rows", 1),
            vehicle.get("script"),
            PlateColour(vehicle["colour"]) if "colour" in vehicle else None,
            _lines(vehicle.get("words", ())),
        )
        for vehicle in entry["vehicles"]
    )
    width, height = entry["size"]
    condition, open_road = entry.get("condition", "day"), entry.get("open_road", False)
    return ScenePlan(width, height, condition, open_road, signs, vehicles)


def _lines(entries: list[list[Any]]) -> tuple[SignLine, ...]:
    return tuple(SignLine(text, script, size) for text, script, size in entries)


def _plate_row(text: PlateText, outline: Quad, rows: Quad) -> dict[str, Any]:
    return {
        "rows": list(text.rows),
        "canonical": text.canonical,
        "format": text.format.value,
        "colour": text.colour.value,
        "country": text.country,
        "script": text.script,
        "polygon": _points(outline),
        "row_polygons": [_points(row) for row in rows],
    }


def _points(quad: Quad) -> list[list[float]]:
    return [[round(float(x), 1), round(float(y), 1)] for x, y in quad]


if __name__ == "__main__":
    main()
