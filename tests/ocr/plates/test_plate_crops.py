from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from lipiyana.ocr.plates import remembered_searches
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.plates.grammar_search import CHARACTERS, OTHER, Candidate
from lipiyana.ocr.plates.settings import PLATES, PlateSettings
from lipiyana.ocr.recognition.reader import LineReading, Reduce
from lipiyana.runtime.manifest import ModelEntry
from lipiyana.runtime.store import ModelStore

WIDE = np.full((40, 200, 3), 230, np.uint8)
SQUARE = np.full((80, 120, 3), 230, np.uint8)


class Reads:
    """Reads the next of `texts` from each crop, then ""; every character is as sure as `sure`."""

    def __init__(self, *texts: str, sure: float) -> None:
        self.texts, self.sure = list(texts), sure
        self.batches: list[list[tuple[int, ...]]] = []

    @property
    def entries(self) -> tuple[ModelEntry, ...]:
        return ()

    def read(
        self,
        crops: Sequence[npt.NDArray[np.uint8]],
        *,
        reduce: Reduce | None = None,
        hints: Collection[str] = (),
        words: bool = False,
    ) -> list[LineReading]:
        assert reduce is not None
        self.batches.append([crop.shape for crop in crops])
        return [self._reading(self.texts.pop(0) if self.texts else "") for _ in crops]

    def _reading(self, text: str) -> LineReading:
        probabilities = np.zeros((2 * len(text) + 1, 1 + OTHER), np.float32)
        probabilities[::2, 0] = 1
        probabilities[1::2, OTHER] = 1 - self.sure
        for place, character in enumerate(text):
            probabilities[2 * place + 1, 1 + CHARACTERS.index(character)] = self.sure
        return LineReading(text, self.sure, (self.sure,) * len(text), probabilities)


def test_no_rows_are_searched_twice(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: dict[tuple[int, ...], float] = {}  # below which registrations may be left out
    found: set[tuple[int, ...]] = set()
    seen: list[object] = []  # so that no id is used again
    whole = remembered_searches.search

    def counted(
        rows: Sequence[npt.NDArray[np.float32]], *, least: float, settings: PlateSettings = PLATES
    ) -> list[Candidate]:
        seen.extend(rows)
        key = tuple(map(id, rows))
        assert key not in found
        assert least < searched.get(key, np.inf), "only for what the search before left out"
        searched[key] = least
        candidates = whole(rows, least=least, settings=settings)
        if candidates:
            found.add(key)
        return candidates

    monkeypatch.setattr(remembered_searches, "search", counted)
    reader = Reads("KA01", "AB1234", "KA01AB1284", "KA", "01AB", "1234", sure=0.6)
    PlateCropReader(store, reader).read(SQUARE, known=True)
    assert len(reader.batches) > 1, "the crop was read in several ways"
    assert found


def test_a_sure_row_is_read_once(store: ModelStore) -> None:
    reader = Reads("KA01AB1234", sure=0.999)
    plate = PlateCropReader(store, reader).read(WIDE)
    assert plate.registration.canonical == "KA01AB1234"
    assert reader.batches == [[WIDE.shape]]


def test_a_crop_that_is_not_wide_is_read_as_two_rows_first(store: ModelStore) -> None:
    reader = Reads("KA01", "AB1234", sure=0.999)
    plate = PlateCropReader(store, reader).read(SQUARE)
    assert plate.registration.canonical == "KA01AB1234"
    assert len(plate.rows) == 2
    assert [len(batch) for batch in reader.batches] == [2]


def test_a_doubtful_one_is_tried_in_other_ways(store: ModelStore) -> None:
    reader = Reads("KA01", "1234", "KA01AB1234", "", "", "", sure=0.95)
    plate = PlateCropReader(store, reader).read(SQUARE)
    _, (whole, *three), (upper, lower, _) = reader.batches
    # as one row and as three, then the likely rows a little smaller and the lower one widened
    assert whole == SQUARE.shape
    assert len(three) == 3
    assert upper[1] == lower[1] < SQUARE.shape[1]
    assert plate.registration.canonical == "KA01AB1234"


def test_the_beginning_of_a_doubtful_lower_row_is_widened(store: ModelStore) -> None:
    reader = Reads("KA01", "1234", "", "", "", "", "", "", "AB1234", sure=0.95)
    plate = PlateCropReader(store, reader).read(SQUARE)
    first, _, second = reader.batches
    lower_height, lower_width = first[1][:2]
    assert second[-1] == (lower_height, round(1.2 * lower_width), 3)
    assert plate.registration.canonical == "KA01AB1234"


def test_a_crop_without_digits_is_read_once(store: ModelStore) -> None:
    reader = Reads("GATE", "NO", sure=0.95)
    plate = PlateCropReader(store, reader).read(SQUARE)
    assert not plate.registration.valid
    assert len(reader.batches) == 1


@pytest.mark.parametrize(("sure", "batches"), [(0.3, [2]), (0.4, [2, 4])])
def test_a_crop_that_is_hardly_legible_is_read_once(
    store: ModelStore, sure: float, batches: list[int]
) -> None:
    reader = Reads("12", "34", sure=sure)
    PlateCropReader(store, reader).read(SQUARE)
    assert [len(batch) for batch in reader.batches] == batches


def test_a_known_plate_is_read_in_all_ways(store: ModelStore) -> None:
    reader = Reads("GATE", "NO", sure=0.95)
    PlateCropReader(store, reader).read(SQUARE, known=True)
    assert [len(batch) for batch in reader.batches] == [2, 4, 3]


def test_a_doubtful_plate_is_read_in_few_strips(store: ModelStore) -> None:
    """No text is looked for in what is no registration, and the number of strips has a bound."""
    reader = Reads("12", "34", sure=0.6)
    PlateCropReader(store, reader).read(SQUARE)
    assert [len(batch) for batch in reader.batches] == [2, 4]
    for text in ("12345", "9752338380", "17 15 28"):
        wide = Reads(text.replace(" ", ""), sure=0.99)
        PlateCropReader(store, wide).read(WIDE)
        assert [len(batch) for batch in wide.batches] == [1]


def test_a_small_crop_that_may_show_a_plate_is_read_once(store: ModelStore) -> None:
    small = np.full((30, PLATES.read_once_width - 1, 3), 230, np.uint8)
    reader = Reads("KA01", "1234", sure=0.95)
    plate = PlateCropReader(store, reader).read(small)
    assert [len(batch) for batch in reader.batches] == [2]
    assert plate.registration.canonical == "KA011234"


def test_a_low_crop_is_not_cut_into_three_rows(store: ModelStore) -> None:
    low = np.full((PLATES.cut_otherwise_height - 1, 80, 3), 230, np.uint8)
    reader = Reads("KA01", "1234", sure=0.95)
    PlateCropReader(store, reader).read(low)
    # the likely rows, then a second look at them; a grey crop shows no text
    assert [len(batch) for batch in reader.batches] == [2, 3]


def test_text_is_looked_for_before_other_cuts(store: ModelStore) -> None:
    plate = SQUARE.copy()
    for y, text in ((34, "KA01"), (70, "1234")):
        cv2.putText(plate, text, (14, y), cv2.FONT_HERSHEY_SIMPLEX, 1, (20, 20, 20), 3)
    reader = Reads("KA07", "1234", "KA01", "AB1234", sure=0.95)
    PlateCropReader(store, reader).read(plate)
    likely, found, *_ = reader.batches
    assert len(likely) == len(found) == 2
    assert all(one[1] < plate.shape[1] for one in found), "cut at the text that was found"
