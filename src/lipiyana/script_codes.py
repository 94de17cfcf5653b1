"""The ISO 15924 codes of the scripts that are read; `lipiyana.ocr.scripts` has more on each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SCRIPT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "Deva": "Devanagari",
        "Beng": "Bengali-Assamese",
        "Guru": "Gurmukhi",
        "Gujr": "Gujarati",
        "Orya": "Odia",
        "Taml": "Tamil",
        "Telu": "Telugu",
        "Knda": "Kannada",
        "Mlym": "Malayalam",
        "Arab": "Perso-Arabic",
        "Olck": "Ol Chiki",
        "Mtei": "Meetei Mayek",
        "Latn": "Latin",
    }
)
"""Code -> name in English."""
