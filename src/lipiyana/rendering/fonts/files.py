"""Reads installed font files: family, weight, width and the scripts that each supports."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uharfbuzz as hb

from lipiyana.ocr.scripts.table import SCRIPTS

SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
CACHE = Path("~/.cache/lipiyana/fonts.json").expanduser()
FORMAT = 3
INSTANCE_WEIGHTS = (400, 500, 600, 700, 800, 900)
NORMAL_WIDTH, NORMAL_WEIGHT = 100.0, 400.0
# OS/2 usWidthClass to per cent of the normal width (OpenType specification, OS/2 table)
WIDTH_CLASSES = (50.0, 62.5, 75.0, 87.5, 100.0, 112.5, 125.0, 150.0, 200.0)

# letters and marks that a font must have to count as a font of the script
_REQUIRED: Mapping[str, str] = {
    "Deva": "अआइउएकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह\u093e\u093f\u0940\u0941\u0947\u094b\u0902\u094d",
    "Beng": "অআইউএকখগচছজটডতথদধনপফবভমযরলশষসহ\u09be\u09bf\u09c0\u09c1\u09c7\u09cb\u09cd",
    "Guru": "ਅਆਇਉਏਕਖਗਚਜਟਡਤਦਨਪਬਮਰਲਵਸਹ\u0a3e\u0a3f\u0a40\u0a41\u0a47\u0a4b\u0a71",
    "Gujr": "અઆઇઉએકખગચજટડતદનપબમરલવસહ\u0abe\u0abf\u0ac0\u0ac1\u0ac7\u0acb\u0acd",
    "Orya": "ଅଆଇଉଏକଖଗଚଜଟଡତଦନପବମରଲସହ\u0b3e\u0b3f\u0b40\u0b41\u0b47\u0b4b\u0b4d",
    "Taml": "அஆஇஉஎகஙசடணதநபமயரலவழளறன\u0bbe\u0bbf\u0bc0\u0bc1\u0bc6\u0bc7\u0bcd",
    "Telu": "అఆఇఉఎకఖగచజటడతదనపబమరలవసహ\u0c3e\u0c3f\u0c40\u0c41\u0c46\u0c47\u0c4d",
    "Knda": "ಅಆಇಉಎಕಖಗಚಜಟಡತದನಪಬಮರಲವಸಹ\u0cbe\u0cbf\u0cc0\u0cc1\u0cc6\u0cc7\u0ccd",
    "Mlym": "അആഇഉഎകഖഗചജടഡതദനപബമരലവസഹ\u0d3e\u0d3f\u0d40\u0d41\u0d46\u0d47\u0d4d",
    "Arab": "ابپتٹجچحخدڈرڑزسشعغفقکگلمنںوہھیے",
    "Olck": "ᱚᱛᱜᱝᱞᱟᱠᱡᱢᱣᱤᱥᱦᱧᱨᱩᱪᱫᱬᱭᱮᱯᱰᱱᱲᱳᱴᱵᱶᱷ",
    "Mtei": "ꯀꯁꯂꯃꯄꯅꯆꯇꯈꯉꯊꯋꯌꯍꯎꯏꯐꯑꯤꯥꯦꯧꯨ",
    "Latn": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,-/()&",
}
# scripts with joining or stacking letters: a font without these layout tables sets them wrongly
_LAYOUT_TAGS: Mapping[str, frozenset[str]] = {
    "Deva": frozenset({"dev2", "deva"}),
    "Beng": frozenset({"bng2", "beng"}),
    "Guru": frozenset({"gur2", "guru"}),
    "Gujr": frozenset({"gjr2", "gujr"}),
    "Orya": frozenset({"ory2", "orya"}),
    "Taml": frozenset({"tml2", "taml"}),
    "Telu": frozenset({"tel2", "telu"}),
    "Knda": frozenset({"knd2", "knda"}),
    "Mlym": frozenset({"mlm2", "mlym"}),
    "Arab": frozenset({"arab"}),
}


@dataclass(frozen=True, slots=True)
class FontFile:
    """One face of one file, or one instance of a variable font.

    Attributes:
        path: the font file.
        index: index of the face in a collection.
        family: typographic family.
        weight: 100 to 900 (OS/2 usWeightClass).
        width: per cent of the normal width.
        italic: slanted or cursive.
        scripts: ISO 15924 codes of the supported scripts.
        characters: the characters of those scripts and the punctuation that it has.
        variations: axis tags and values, for an instance of a variable font.
    """

    path: str
    index: int
    family: str
    weight: float
    width: float
    italic: bool
    scripts: tuple[str, ...]
    characters: str
    variations: tuple[tuple[str, float], ...] = ()


def scan(folders: Iterable[Path], cache: Path | None = CACHE) -> list[FontFile]:
    """Read every font below `folders`, in order of path.

    Entries of unchanged files come from `cache`, which is rewritten if the set of files changed.
    """
    known = _read_cache(cache) if cache else {}
    seen: dict[str, list[FontFile]] = {}
    paths = sorted({path for folder in folders for path in folder.rglob("*.*")})
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            continue
        stat = path.stat()
        key = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
        seen[key] = known[key] if key in known else list(_read(path))
    if cache and seen.keys() != known.keys():
        _write_cache(cache, seen)
    return [file for files in seen.values() for file in files]


def _read(path: Path) -> Iterator[FontFile]:
    blob = hb.Blob.from_file_path(str(path))
    for index in range(hb.Face(blob, 0).count or 1):
        face = hb.Face(blob, index)
        points = face.unicodes
        tags = set(face.get_table_script_tags("GSUB"))
        scripts = tuple(
            code
            for code, letters in _REQUIRED.items()
            if all(ord(letter) in points for letter in letters)
            and (code not in _LAYOUT_TAGS or _LAYOUT_TAGS[code] & tags)
        )
        if not scripts:
            continue
        weight, width, italic = _style(face)
        blocks = [block for code in scripts for block in SCRIPTS[code].ranges]
        characters = "".join(
            chr(point)
            for point in points
            if 0x20 < point < 0x7F
            or point in range(0x2010, 0x2040)
            or point in (0x964, 0x965, 0x20B9, 0xA0, 0xB0, 0xB7, 0xA9, 0xAE, 0x2122)
            or any(first <= point <= last for first, last in blocks)
        )
        file = FontFile(str(path), index, _family(face), weight, width, italic, scripts, characters)
        axes = {axis.tag: axis for axis in face.axis_infos}
        yield from _instances(file, axes) if axes else [file]


def _instances(file: FontFile, axes: Mapping[str, hb.OTVarAxisInfo]) -> Iterator[FontFile]:
    weights: tuple[float, ...] = (file.weight,)
    widths: tuple[float, ...] = (file.width,)
    if weight := axes.get("wght"):
        low, high = weight.min_value, weight.max_value
        weights = tuple(w for w in INSTANCE_WEIGHTS if low <= w <= high) or (low,)
    if width := axes.get("wdth"):
        widths = tuple({width.min_value, width.default_value, width.max_value})
    for w in weights:
        for d in sorted(widths):
            values = {"wght": float(w), "wdth": float(d)}
            variations = tuple((tag, values[tag]) for tag in axes if tag in values)
            yield FontFile(
                file.path, file.index, file.family, float(w), float(d), file.italic,
                file.scripts, file.characters, variations,
            )  # fmt: skip


def _family(face: hb.Face) -> str:
    name = face.get_name(hb.OTNameIdPredefined.TYPOGRAPHIC_FAMILY) or face.get_name(
        hb.OTNameIdPredefined.FONT_FAMILY
    )
    return str(name or "").replace("\\", "").removesuffix(" UI").strip()


def _style(face: hb.Face) -> tuple[float, float, bool]:
    data = face.reference_table("OS/2").data
    if len(data) < 64:
        return NORMAL_WEIGHT, NORMAL_WIDTH, False
    _, _, weight, width_class = struct.unpack(">HhHH", data[:8])
    (selection,) = struct.unpack(">H", data[62:64])
    # usWeightClass of some old fonts counts from 1 to 9
    weight = weight * 100 if weight < 10 else weight
    width = WIDTH_CLASSES[min(max(width_class, 1), 9) - 1]
    return float(weight or NORMAL_WEIGHT), width, bool(selection & 0x0201)


def _read_cache(cache: Path) -> dict[str, list[FontFile]]:
    try:
        stored = json.loads(cache.read_text())
        if stored["format"] != FORMAT:
            return {}
        return {
            key: [
                FontFile(
                    **{
                        **face,
                        "scripts": tuple(face["scripts"]),
                        "variations": tuple((tag, value) for tag, value in face["variations"]),
                    }
                )
                for face in faces
            ]
            for key, faces in stored["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_cache(cache: Path, files: Mapping[str, list[FontFile]]) -> None:
    stored = {key: [asdict(face) for face in faces] for key, faces in files.items()}
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{id(stored):x}.tmp")
        partial.write_text(json.dumps({"format": FORMAT, "files": stored}))
        partial.replace(cache)
    except OSError:
        # without a cache the next start only takes a few seconds longer
        return
