"""Registrations of India, Nepal and Bangladesh: grammar, repair, names of states, categories.

`parse` reads the rows of a plate; `find` says whether a line of scene text is a registration;
`GRAMMAR` and its `automaton` score hypotheses while they are read; `categorize` and `conflicts`
say whom a registration belongs to.
"""

from lipiyana.ocr.registrations.automaton import Automaton
from lipiyana.ocr.registrations.categories import Categorized, categorize, conflicts
from lipiyana.ocr.registrations.finder import find
from lipiyana.ocr.registrations.formats import PATTERNS
from lipiyana.ocr.registrations.grammar import GRAMMAR, Grammar, Reading
from lipiyana.ocr.registrations.normalization import normalize_row
from lipiyana.ocr.registrations.parser import parse
from lipiyana.ocr.registrations.regions import REGION_NAMES, SUCCESSORS, successor
from lipiyana.ocr.registrations.repair import CONFUSIONS, repairs
from lipiyana.ocr.registrations.slots import Pattern, Slot

__all__ = [
    "CONFUSIONS",
    "GRAMMAR",
    "PATTERNS",
    "REGION_NAMES",
    "SUCCESSORS",
    "Automaton",
    "Categorized",
    "Grammar",
    "Pattern",
    "Reading",
    "Slot",
    "categorize",
    "conflicts",
    "find",
    "normalize_row",
    "parse",
    "repairs",
    "successor",
]
