"""How well lines were read, to tell whether they are the right way up.

Letters upside down are read with less confidence. Latin capitals among them are read with much of
it all the same (HOTEL, for instance), but with more when they are turned over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lipiyana.ocr.language.script_choice import LATIN
from lipiyana.ocr.recognition.reader import LineReading
from lipiyana.ocr.recognition.settings import RECOGNITION, RecognitionSettings
from lipiyana.ocr.scripts.table import COMMON, script_of


@dataclass(frozen=True, slots=True)
class Legibility:
    """How well a few lines were read.

    Attributes:
        characters: without spaces.
        confidence: mean over the characters, 0 where there are none.
        is_latin: whether most letters are Latin, or there are none.
    """

    characters: int = 0
    confidence: float = 0.0
    is_latin: bool = False

    @classmethod
    def of(cls, readings: Sequence[LineReading]) -> Legibility:
        """Weigh each line by its characters."""
        texts = ["".join(reading.text.split()) for reading in readings]
        total = sum(map(len, texts))
        if not total:
            return cls()
        weighed = sum(len(text) * one.confidence for text, one in zip(texts, readings, strict=True))
        return cls(total, weighed / total, script_of("".join(texts)) in {LATIN, COMMON})

    def is_sure(self, *, settings: RecognitionSettings = RECOGNITION) -> bool:
        """Whether the lines need not be read the other way up."""
        least = settings.upright_latin if self.is_latin else settings.upright
        return self.characters > 0 and self.confidence >= least

    def is_better_than(
        self, other: Legibility, *, settings: RecognitionSettings = RECOGNITION
    ) -> bool:
        """Whether the lines are the right way up, and not as in `other`."""
        doubt = 1 - other.confidence
        margin = min(settings.turned_margin, settings.turned_doubt * doubt)
        return (
            self.characters >= settings.turned_min_characters
            and self.confidence >= settings.turned_min_confidence
            and self.confidence >= other.confidence + margin
        )
