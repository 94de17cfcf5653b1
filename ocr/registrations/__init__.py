"""Registrations: formats, grammar, repair, names of regions, categories.

`parse` parses the rows of a plate; `find` says whether a line of scene text is a registration;
`GRAMMAR` and its `automaton` tell a beam search which characters may follow; `categorize` gives
the category (private, transport, diplomatic, ...). `FORMATS` has one record for each format.
"""

from lipiyana.ocr.registrations.automaton import Automaton
from lipiyana.ocr.registrations.categories import Categorized, categorize
from lipiyana.ocr.registrations.formats import FORMATS, PATTERNS, Format, Pattern, Variant
from lipiyana.ocr.registrations.grammar import GRAMMAR, Grammar, Reading
from lipiyana.ocr.registrations.normalization import normalize_row
from lipiyana.ocr.registrations.parser import find, parse
from lipiyana.ocr.registrations.regions import REGION_NAMES, SUCCESSORS, successor
from lipiyana.ocr.registrations.repair import CONFUSIONS, repairs
from lipiyana.ocr.registrations.slots import Slot

__all__ = [
    "CONFUSIONS",
    "FORMATS",
    "GRAMMAR",
    "PATTERNS",
    "REGION_NAMES",
    "SUCCESSORS",
    "Automaton",
    "Categorized",
    "Format",
    "Grammar",
    "Pattern",
    "Reading",
    "Slot",
    "Variant",
    "categorize",
    "find",
    "normalize_row",
    "parse",
    "repairs",
    "successor",
]
