"""Exports kept pictures as tasks for Label Studio, and imports the labels."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.files import MAX_MODEL_BYTES, read_text, write_atomically
from lipiyana.images.loading import DEFAULT_LIMITS, ImageLimits, load
from lipiyana.ocr.crops import crop_quad
from lipiyana.review.kept import Kept, read_without_links, require_kept
from lipiyana.review.label_studio_export import read_export
from lipiyana.review.private_folder import make_private
from lipiyana.runtime.model_folder import writing_to
from lipiyana.types import Box, Polygon
from lipiyana.wire.results import recognition_from_json

TASKS = "tasks.json"
CONFIG = "label_config.xml"
LABELS = "labels.tsv"

_LONGEST_STEM = 60  # characters of a picture's name that its crops have in theirs

LABEL_CONFIG = """<View>
  <Image name="image" value="$image" zoom="true"/>
  <Labels name="label" toName="image">
    <Label value="plate" background="orange"/>
    <Label value="line" background="green"/>
  </Labels>
  <Polygon name="poly" toName="image" strokeWidth="2"/>
  <Rectangle name="bbox" toName="image" strokeWidth="2"/>
  <TextArea name="transcription" toName="image" editable="true" perRegion="true" rows="2"
            displayMode="region-list" placeholder="a new line for a plate's second row"/>
</View>
"""


@dataclass(frozen=True, slots=True)
class Crops:
    """The imported crops with labels, and the reasons of those that could not be used."""

    written: int
    problems: tuple[str, ...]


def export_tasks(folder: Path, out: Path) -> int:
    """Write the pictures of a folder as tasks, the least sure first.

    Args:
        folder: that a keeper filled.
        out: gets the pictures, `tasks.json` to import, and `label_config.xml` for the project.
            Label Studio serves the pictures where it is allowed to read that folder
            (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT).

    Returns:
        How many there are.

    Raises:
        InvalidRequest: nothing is kept there, or `out` cannot be written.
    """
    kept = require_kept(folder)
    with writing_to(out):
        make_private(out)
        for one in kept:
            write_atomically(out / one.file, read_without_links(folder / one.file), mode=0o600)
        tasks = [task(one) for one in kept]
        data = json.dumps(tasks, ensure_ascii=False, indent=1).encode()
        write_atomically(out / TASKS, data, mode=0o600)
        write_atomically(out / CONFIG, LABEL_CONFIG.encode())
    return len(kept)


def task(one: Kept) -> dict[str, Any]:
    """Make one task with its prediction; an invalid answer gives no prediction."""
    return {
        "data": {"image": f"/data/local-files/?d={one.file}"},
        "meta": {"unsure": one.score, "reasons": one.reasons},
        "predictions": [
            {"model_version": "lipiyana", "score": 1 - one.score, "result": _results(one.answer)}
        ],
    }


def _results(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the results of all regions of an answer, which may be untrusted."""
    try:
        found = recognition_from_json(answer)
    except InvalidRequest:
        return []
    regions = [("plate", _corners(plate.box), plate.text) for plate in found.plates]
    regions += [("line", line.polygon, line.text) for line in found.text_lines]
    size = found.image_width, found.image_height
    coordinates = [value for _, points, _ in regions for point in points for value in point]
    if 0 in size or not all(map(math.isfinite, coordinates)):
        return []
    results: list[dict[str, Any]] = []
    for label, points, text in regions:
        results += _region(f"{label[0]}{len(results)}", label, points, text, size)
    return results


def _corners(box: Box) -> Polygon:
    left, top, right, bottom = box.x_min, box.y_min, box.x_max, box.y_max
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _region(
    identity: str,
    label: str,
    points: Sequence[tuple[float, float]],
    text: str,
    size: tuple[int, int],
) -> Iterator[dict[str, Any]]:
    """Give the three results that make one region: its outline, its label, its text."""
    width, height = size
    percent = [[100 * x / width, 100 * y / height] for x, y in points]
    common = {
        "id": identity, "to_name": "image", "original_width": width, "original_height": height,
        "image_rotation": 0,
    }  # fmt: skip
    value: dict[str, Any] = {"points": percent, "closed": True}
    yield common | {"from_name": "poly", "type": "polygon", "value": value}
    yield common | {"from_name": "label", "type": "labels", "value": value | {"labels": [label]}}
    rows = {"text": text.split("\n")}
    yield common | {"from_name": "transcription", "type": "textarea", "value": value | rows}


def import_labels(export: Path, out: Path, limits: ImageLimits = DEFAULT_LIMITS) -> Crops:
    """Cut the labelled regions out of their pictures, with a `labels.tsv` for fine-tuning.

    Args:
        export: Label Studio's JSON, beside its pictures or above them; a link that leads out of
            its folder is not followed.
        out: gets a crop a region. Crops of other pictures that are there already stay labelled;
            what was there of the same pictures is replaced.
        limits: of the pictures.

    Raises:
        InvalidRequest: it is no export, nothing in it is labelled, or `out` cannot be written.
    """
    try:
        content = read_text(export, max_bytes=MAX_MODEL_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", error)
        raise InvalidRequest(f"{export} cannot be read: {why}", field="export") from None
    rows: dict[str, str] = {}
    problems = []
    with writing_to(out):
        make_private(out)
        pictures = set()
        for found in read_export(export, content, follow_links=False):
            text = found.text.replace("\n", "/").replace("\t", " ").strip()
            if found.picture is None or found.problem or not text:
                problems.append(f"{found.where}: {found.problem or 'the text is empty'}")
                continue
            try:
                crop = _crop(load(found.picture, limits), found.corners)
            except LipiyanaError as error:
                problems.append(f"{found.where}: {error.message}")
                continue
            inner = found.picture.relative_to(export.parent)
            beginning = f"{_plain(inner.stem)}-{_digest(os.fsencode(inner))}"
            name = f"{beginning}-{_digest(str(found.corners).encode())}.png"
            pictures.add(beginning)
            _, data = cv2.imencode(".png", crop[..., ::-1])
            write_atomically(out / name, data.tobytes(), mode=0o600)
            rows[name] = f"{name}\t{text}"
        if not rows:
            raise InvalidRequest(
                f"nothing in {export} can be used" + "".join(f"\n  {p}" for p in problems[:5]),
                field="export",
            )
        # labels of a picture in this export replace all earlier labels of that picture
        earlier = _earlier(out / LABELS).items()
        kept = {name: row for name, row in earlier if name.rpartition("-")[0] not in pictures}
        rows = kept | rows
        lines = "".join(f"{row}\n" for row in rows.values())
        write_atomically(out / LABELS, lines.encode(), mode=0o600)
    return Crops(len(rows), tuple(problems))


def _crop(
    pixels: npt.NDArray[np.uint8], corners: tuple[tuple[float, float], ...] | None
) -> npt.NDArray[np.uint8]:
    if corners is None:
        return pixels
    height, width = pixels.shape[:2]
    return crop_quad(pixels, np.array(corners) * [width, height])


def _digest(value: bytes) -> str:
    return hashlib.blake2b(value, digest_size=4).hexdigest()


def _plain(stem: str) -> str:
    """Replace characters of a picture's name that a row of a list cannot contain."""
    return "".join(c if c.isprintable() else "_" for c in stem[:_LONGEST_STEM])


def _earlier(path: Path) -> dict[str, str]:
    """The rows of a list, with a part where they have one, by their files.

    Raises:
        OSError: it is a link, or cannot be read.
        InvalidRequest: it is not UTF-8.
    """
    if not path.exists():
        return {}
    try:
        content = read_without_links(path).decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is not UTF-8; save it as UTF-8", field="out") from None
    rows = (line.removesuffix("\r") for line in content.split("\n"))
    return {row.split("\t")[0]: row for row in rows if "\t" in row}
