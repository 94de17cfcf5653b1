"""Reads a user's text labels: `labels.tsv` beside the pictures, or an export of Label Studio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lipiyana.errors import InvalidRequest, NotFound
from lipiyana.files import MAX_MODEL_BYTES, read_text
from lipiyana.learning.finetune.common.parts import Part
from lipiyana.review.label_studio_export import read_export

LABELS = "labels.tsv"
VALIDATION = "validation.txt"
_HEADERS = {("file", "text"), ("file", "text", "part")}
_PARTS: dict[str, Part] = {
    "train": "train", "validation": "validation", "val": "validation", "test": "validation",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """One text and its place in a picture, as the user labelled it.

    Attributes:
        where: source of the label, for messages, such as `labels.tsv:12`.
        picture: the picture file; None if `problem` says why there is none.
        text: text, not normalized.
        corners: four (x, y) as shares of the picture's width and height, clockwise from the top
            left of the text; None for the whole picture.
        part: the user's assignment to training or validation; None for an automatic one.
        problem: why the label cannot be used; "" if no problem is known.
    """

    where: str
    picture: Path | None
    text: str = ""
    corners: tuple[tuple[float, float], ...] | None = None
    part: Part | None = None
    problem: str = ""


def read_labels(data: Path) -> list[Label]:
    """Read the labels of a folder with `labels.tsv`, or of a Label Studio export.

    Args:
        data: a folder with `labels.tsv` or a single `.json` file, or one such file.

    Raises:
        NotFound: the path does not exist.
        InvalidRequest: the folder has no labels, or the file is invalid as a whole.
    """
    if not data.exists():
        raise NotFound(f"{data} does not exist")
    if data.is_file():
        if data.suffix == ".tsv":
            return list(_rows(data))
        return _from_export(data)
    if (data / LABELS).is_file():
        return list(_rows(data / LABELS))
    exports = sorted(data.glob("*.json"))
    if len(exports) == 1:
        return _from_export(exports[0])
    found = f"{len(exports)} .json files" if exports else "neither"
    raise InvalidRequest(
        f"{data} needs a {LABELS} (one line a picture: file, tab, text) or a single export of "
        f"Label Studio (.json), but has {found}",
        field="data",
    )


def _rows(path: Path) -> Iterator[Label]:
    validating = _listed(path.parent / VALIDATION)
    unmet = dict(validating or {})
    for number, line in enumerate(_lines(_read(path)), 1):
        where = f"{path.name}:{number}"
        fields = [_unquoted(field) for field in line.split("\t")]
        if not line.strip() or (number == 1 and tuple(map(str.lower, fields)) in _HEADERS):
            continue
        if len(fields) not in {2, 3}:
            problem = f"{len(fields)} columns instead of file, text and an optional part"
            yield Label(where, None, problem=problem)
            continue
        name, text = fields[0].strip(), fields[1]
        part: Part | None = None
        if validating is not None:
            unmet.pop(Path(name), None)
            part = "validation" if Path(name) in validating else "train"
        if len(fields) == 3 and fields[2].strip():
            part = _PARTS.get(fields[2].strip().lower())
            if part is None:
                problem = f"the part {fields[2].strip()!r} is neither train nor validation"
                yield Label(where, None, problem=problem)
                continue
        yield Label(where, path.parent / name, text, part=part)
    for file, number in unmet.items():
        yield Label(f"{VALIDATION}:{number}", None, problem=f"{path.name} has no row for {file}")


def _listed(path: Path) -> dict[Path, int] | None:
    """Read a list of files with their line numbers; None if there is no list."""
    if not path.is_file():
        return None
    lines = enumerate(_lines(_read(path)), 1)
    return {Path(line.strip()): number for number, line in lines if line.strip()}


def _lines(text: str) -> list[str]:
    """Split at line feeds alone: a text may contain other Unicode line separators."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def _unquoted(field: str) -> str:
    """Remove the quotes that spreadsheets put around a field."""
    if len(field) > 1 and field.startswith('"') and field.endswith('"'):
        return field[1:-1].replace('""', '"')
    return field


def _read(path: Path) -> str:
    try:
        return read_text(path, "utf-8-sig", max_bytes=MAX_MODEL_BYTES)
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8", field="data"
        ) from None
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}", field="data") from None


def _from_export(path: Path) -> list[Label]:
    return [
        Label(found.where, found.picture, found.text, found.corners, problem=found.problem)
        for found in read_export(path, _read(path))
    ]
