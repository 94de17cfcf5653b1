from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from lipiyana.ocr.recognition.reader import LineReader, LineReading, Reduce
from lipiyana.ocr.recognition.text_reader import TextReader, installed_reader
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

CROP = np.zeros((48, 96, 3), np.uint8)


class Says(LineReader):
    """Reads the next of some texts from each crop, surely or not."""

    def __init__(self, *texts: str, sure: float = 0.5) -> None:
        self.texts, self.sure = list(texts), sure

    def read(
        self,
        crops: Sequence[npt.NDArray[np.uint8]],
        *,
        reduce: Reduce | None = None,
        hints: Collection[str] = (),
        words: bool = False,
    ) -> list[LineReading]:
        return [LineReading(self.texts.pop(0), self.sure, ()) for _ in crops]


def test_latin_readings_are_read_again() -> None:
    latin = Says("KA 01", "", "SALE", sure=0.6)
    reader = TextReader(Says("KA01", "बाज़ार", "12", ""), latin)
    readings = reader.read([CROP] * 4)
    assert [reading.text for reading in readings] == ["KA 01", "बाज़ार", "12", "SALE"]
    others = [[other.text for other in reading.others] for reading in readings]
    assert others == [["KA01"], [], [], [""]]


def test_the_surer_reading_stands() -> None:
    reader = TextReader(Says("TIMBER", sure=0.9), Says("TIMBERI", sure=0.8))
    (reading,) = reader.read([CROP])
    assert reading.text == "TIMBER"
    assert [other.text for other in reading.others] == ["TIMBERI"]


def test_the_installed_readers(store: ModelStore) -> None:
    reader = installed_reader(store)
    assert reader.entries[0] == store.default_for_task(Task.LINE_READER)
    assert [e.parameters.get("scripts") for e in reader.entries[1:]] == [["Latn"]]


def test_the_reader_of_all_scripts_comes_first(store: ModelStore) -> None:
    entry = store.default_for_task(Task.LINE_READER)
    assert (entry.file.parent / entry.parameters["words"]).exists()
