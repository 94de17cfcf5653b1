"""What the attempts to read one plate say together, as more are made."""

from __future__ import annotations

from collections.abc import Sequence

from lipiyana.ocr.plates.choice import choose_plate
from lipiyana.ocr.plates.remembered_searches import RememberedSearches
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.ocr.recognition.reader import ReadLine


class Attempts:
    """Attempts to read one plate, and what they say together.

    Not to be shared between threads.

    Attributes:
        first: the rows of the first one.
        plate: what all of them say.
    """

    def __init__(self, first: Sequence[ReadLine], settings: PlateSettings = PLATES) -> None:
        """Choose what the first attempt says.

        Args:
            first: its rows, from the top.
            settings: tuned constants.
        """
        self.first = first
        self._settings = settings
        self._attempts: list[Sequence[ReadLine]] = [first]
        self._second_look: int | None = None
        # an attempt is searched for registrations once, however often the choice is made anew
        self._searches = RememberedSearches()
        self.plate = choose_plate([first], searches=self._searches, settings=settings)

    def add(self, attempts: Sequence[Sequence[ReadLine]], second_look: int | None = None) -> None:
        """Add more, and choose anew over all.

        Args:
            attempts: the rows of each, from the top.
            second_look: index of the one among them that reads the rows of the first one again.
        """
        if second_look is not None:
            self._second_look = len(self._attempts) + second_look
        self._attempts = [*self._attempts, *attempts]
        self.plate = choose_plate(
            self._attempts, self._second_look, searches=self._searches, settings=self._settings
        )
