"""Font families by script; some are held out for evaluation."""

from __future__ import annotations

import tomllib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lipiyana.annotation import font_folders
from lipiyana.ocr.scripts.table import COMMON, SCRIPTS, script_of_char
from lipiyana.rendering.fonts.faces import NO_GLYPH, Face
from lipiyana.rendering.fonts.files import FontFile, scan
from lipiyana.rendering.text.shaping import check_shaping

Split = Literal["train", "held_out", "all"]

_OPEN_FACES = 500
_NO_INK = frozenset(" \u200c\u200d")


class FontLibrary:
    """The installed fonts. Pickles as a list of files; each process opens its own faces."""

    def __init__(self, font_files: Iterable[FontFile], settings: Mapping[str, Any]) -> None:
        lists = settings.get("lists", {})
        aliases = settings.get("aliases", {})
        excluded = settings.get("excluded", {})
        nowhere = set(excluded.get("all", ()))
        self._weights = dict.fromkeys(lists.get("rare", ()), 0.25)
        self._weights |= dict.fromkeys(lists.get("frequent", ()), 5.0)
        self._plate = set(lists.get("plate", ()))
        self._foreign_digits = set(lists.get("foreign_digits", ()))
        self._held_out = {c: frozenset(names) for c, names in settings["held_out"].items()}
        self._files: dict[str, dict[str, list[FontFile]]] = {code: {} for code in SCRIPTS}
        for file in font_files:
            family = aliases.get(file.family, file.family)
            # the Latin letters of Indic fonts repeat a few stock designs: use the Indic ones only
            codes = [code for code in file.scripts if code != "Latn"] or file.scripts
            for code in codes:
                if family in nowhere or family in excluded.get(code, ()):
                    continue
                self._files[code].setdefault(family, []).append(file)
        self._open: OrderedDict[FontFile, Face] = OrderedDict()

    @classmethod
    def load(cls, folders: Iterable[Path] | None = None) -> FontLibrary:
        """Find the fonts below `folders`; `fonts.toml` names the held-out families.

        Args:
            folders: None for those of `LIPIYANA_FONTS`, or the system's.

        Raises:
            RuntimeError: HarfBuzz is too old, or does not shape Indic text.
        """
        settings = tomllib.loads((files(__package__) / "fonts.toml").read_text("utf-8"))
        library = cls(scan(font_folders() if folders is None else folders), settings)
        for family in library.families("Deva", "all")[:1]:
            check_shaping(library.open(library.faces("Deva", family)[0]))
        return library

    def __getstate__(self) -> dict[str, Any]:
        """Drop the open faces, which cannot be pickled."""
        return {**self.__dict__, "_open": OrderedDict()}

    def families(self, script: str, split: Split = "train") -> tuple[str, ...]:
        """Return the sorted names of the families that support a script."""
        held_out = self._held_out.get(script, frozenset())
        return tuple(
            sorted(
                family
                for family in self._files[script]
                if split == "all" or (family in held_out) == (split == "held_out")
            )
        )

    def missing(self) -> tuple[str, ...]:
        """Return the sorted names of required families that are not installed.

        Required are the families that `fonts.toml` holds out or prefers for plates;
        `scripts/install_fonts.sh` installs them. Without them pictures have other fonts or are
        not rendered at all.
        """
        wanted = self._plate.union(*self._held_out.values())
        return tuple(sorted(wanted.difference(*self._files.values())))

    def faces(self, script: str, family: str) -> tuple[FontFile, ...]:
        """Return the faces of one family.

        Raises:
            LookupError: the family is not installed.
        """
        if family not in self._files[script]:
            raise LookupError(
                f"the font family {family!r} for {script} is not installed: "
                "run scripts/install_fonts.sh"
            )
        return tuple(self._files[script][family])

    def draws_digits(self, family: str) -> bool:
        """Return whether a family has native digits at the code points of its script's digits."""
        return family not in self._foreign_digits

    def open(self, file: FontFile) -> Face:
        """Open a face, or return it from a cache of the most recently used ones."""
        face = self._open.pop(file, None) or Face(file)
        self._open[file] = face
        if len(self._open) > _OPEN_FACES:
            self._open.popitem(last=False)
        return face

    def pick(
        self,
        rng: np.random.Generator,
        script: str,
        text: str,
        split: Split = "train",
        *,
        plate: bool = False,
        near_weight: float | None = None,
        family: str | None = None,
    ) -> Face | None:
        """Draw a family and one of its faces that has every character of `text`.

        Args:
            rng: random generator.
            script: ISO 15924 code.
            text: the text to set. If it contains letters, the face may lack the other characters
                (digits, punctuation).
            split: which families to draw from.
            plate: prefer families made for plates and road signs.
            near_weight: prefer this weight; None draws bold and black more often than thin.
            family: use this family if it supports the script.

        Returns:
            None if no family of the split has all characters.
        """
        families = self.families(script, split)
        if family in families:
            families = (family,)
        if plate and (chosen := [f for f in families if f in self._plate]) and rng.random() < 0.7:
            families = tuple(chosen)
        if not families:
            return None
        letters = "".join(c for c in text if script_of_char(c) != COMMON) or text
        weights = np.array([self._weights.get(family, 1.0) for family in families])
        order = rng.choice(len(families), len(families), replace=False, p=weights / weights.sum())
        wanted = set(letters) - _NO_INK
        native_digits = not wanted.isdisjoint(SCRIPTS[script].digits)
        for position in order:
            if native_digits and not self.draws_digits(families[position]):
                continue
            file = _draw_file(rng, self._files[script][families[position]], near_weight)
            if not wanted <= set(file.characters):
                continue
            face = self.open(file)
            if face.covers(letters) and _can_shape(face, letters, script):
                return face
        return None


def _draw_file(
    rng: np.random.Generator, faces: list[FontFile], near_weight: float | None
) -> FontFile:
    weights = np.array([f.weight for f in faces])
    if near_weight is not None:
        odds = np.exp(-np.abs(weights - near_weight) / 150)
    else:
        odds = np.interp(weights, [100, 300, 400, 600, 700, 900], [0.1, 0.3, 1, 1, 2, 2.5])
    odds = odds * [0.3 if f.italic else 1.0 for f in faces]
    # a weight that comes in many widths must not be drawn more often than the other weights
    odds = odds / (weights[:, None] == weights[None, :]).sum(axis=1)
    return faces[int(rng.choice(len(faces), p=odds / odds.sum()))]


def _can_shape(face: Face, letters: str, script: str) -> bool:
    """Shape `letters` and return whether all of them have a glyph."""
    if not letters:
        return True
    direction = SCRIPTS[script].direction
    return NO_GLYPH not in face.shape(letters, script, direction).ids
