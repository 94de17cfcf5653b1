"""A head for more characters: those that it knew keep their weights and their places."""

from __future__ import annotations

import unicodedata

import torch
from torch import Tensor

from lipiyana.ocr.recognition.charset import Charset
from lipiyana.ocr.scripts.table import script_of_char

HEAD = ("head.weight", "head.bias")


def grow_head(weights: dict[str, Tensor], old: Charset, new: Charset) -> dict[str, Tensor]:
    """Give a reader's weights rows for the characters that `new` has beyond `old`.

    A new row begins as the mean of those of its kin: of its script and kind (letter, mark,
    digit), else of its kind, else of all. The mean scores below each of them on their own
    pictures, so that nothing is taken from them before the new character is learned.

    Raises:
        ValueError: `new` does not begin with the characters of `old`.
    """
    if new.characters[: len(old)] != old.characters:
        raise ValueError("the old characters must keep their places")
    added = new.characters[len(old) :]
    grown = dict(weights)
    for name in HEAD:
        rows = weights[name]
        fresh = [rows[_kin(character, old)].mean(0) for character in added]
        grown[name] = torch.cat([rows, torch.stack(fresh)]) if fresh else rows
    return grown


def _kin(character: str, charset: Charset) -> list[int]:
    """Classes of the characters that are most like this one."""
    script, kind = script_of_char(character), unicodedata.category(character)[0]
    of_kind = [c for c in charset.characters if unicodedata.category(c)[0] == kind]
    of_script = [c for c in of_kind if script_of_char(c) == script]
    return charset.encode("".join(of_script or of_kind or charset.characters))
