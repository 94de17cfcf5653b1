from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cli_fake import FakeRecognizer

from lipiyana.cli.read.run import Totals, read_pictures
from lipiyana.cli.sources import list_pictures
from lipiyana.errors import Overloaded
from lipiyana.rows import RowReader
from lipiyana.rows.output import Output
from lipiyana.rows.output_kinds import OutputRequest, kind_of
from lipiyana.rows.provenance import Provenance
from lipiyana.rows.retry import RetryPolicy
from lipiyana.rows.text_forms import Csv, JsonLines, RowForm
from lipiyana.rows.text_output import TextFile

FORMS: dict[str, Callable[[], RowForm]] = {".jsonl": JsonLines, ".csv": Csv}
TEXTS = [*FORMS]
SUFFIXES = [*TEXTS, ".parquet"]
NAMES = ['"quoted, name".jpg', "a.jpg", "b\nc.jpg", "bad.jpg", "é.jpg"]


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "in"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text("bad" if name == "bad.jpg" else f"text of {name}")
    return folder


AT_ONCE = RetryPolicy(sleep=lambda _: None)


def read(
    output: Path,
    recognizer: FakeRecognizer | None = None,
    *,
    resume: bool = False,
    workers: int = 2,
    retry: RetryPolicy = AT_ONCE,
) -> Totals:
    with opened(output, resume=resume) as file:
        return read_pictures(
            list_pictures(["in"]),
            RowReader(recognizer=recognizer or FakeRecognizer(), retry=retry),
            file,
            workers=workers,
            on_row=lambda failed: None,
        )


def opened(output: Path, *, resume: bool) -> Output:
    if output.suffix in TEXTS:  # without the file of options, which takes most of the time
        return TextFile(output, FORMS[output.suffix](), resume=resume)
    kind = kind_of(output)
    assert kind is not None
    return kind.open(OutputRequest(output, resume, {}, Provenance))


def rows(output: Path) -> list[tuple[str, str]]:
    """The rows of a finished file, as other programs see them."""
    if output.suffix == ".parquet":
        columns = pq.read_table(output).to_pydict()
        return list(zip(columns["path"], [c or "" for c in columns["error_code"]], strict=True))
    with output.open("rb") as file:
        return [(row.path, row.error_code) for row in FORMS[output.suffix]().records(file)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_for_each_picture_in_order(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    assert read(output) == Totals(read=4, failed=1)
    assert rows(output) == [
        (f"in/{name}", "INVALID_ARGUMENT" if name == "bad.jpg" else "") for name in NAMES
    ]


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_run_killed_at_any_byte_resumes_to_the_same_file(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    recognizer = FakeRecognizer()
    recognizer.finds_nothing = True  # short rows
    totals = read(output, recognizer)
    whole = output.read_bytes()
    for size in range(len(whole) + 1):
        output.write_bytes(whole[:size])
        assert read(output, recognizer, resume=True, workers=1) == totals
        assert output.read_bytes() == whole


def test_resuming_reads_only_the_missing_pictures(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    read(output)
    lines = output.read_bytes().splitlines(keepends=True)
    output.write_bytes(b"".join(lines[:3]) + lines[3][:10])
    recognizer = FakeRecognizer()
    read(output, recognizer, resume=True, workers=1)
    assert recognizer.seen == ["bad", "text of é.jpg"]


def test_resuming_after_pictures_were_added_and_removed(tmp_path: Path, pictures: Path) -> None:
    output = tmp_path / "out.jsonl"
    read(output)
    (pictures / "a.jpg").unlink()
    (pictures / "aa.jpg").write_text("new")
    (pictures / "z.jpg").write_text("new")
    recognizer = FakeRecognizer()
    assert read(output, recognizer, resume=True) == Totals(read=6, failed=1)
    assert recognizer.seen == ["new", "new"]
    assert [path for path, _ in rows(output)] == [
        *(f"in/{name}" for name in NAMES),
        "in/aa.jpg",
        "in/z.jpg",
    ]
    before = output.read_bytes()
    read(output, resume=True)
    assert output.read_bytes() == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_run_stopped_by_an_unavailable_server_can_be_resumed(
    tmp_path: Path, pictures: Path, suffix: str
) -> None:
    output = tmp_path / f"out{suffix}"
    (pictures / "b.jpg").write_text("down")
    read(output)
    whole = output.read_bytes()
    output.unlink()
    recognizer = FakeRecognizer()
    recognizer.server_is_up = False
    totals = read(output, recognizer)
    assert totals.stopped_by is not None
    assert totals.failed == 1
    assert rows(output)[-1] == ("in/b.jpg", "UNAVAILABLE")
    assert read(output, resume=True) == Totals(read=5, failed=1)
    assert output.read_bytes() == whole


def test_a_full_queue_is_waited_for(tmp_path: Path, pictures: Path) -> None:
    (pictures / "a.jpg").write_text("busy")
    recognizer = FakeRecognizer()
    assert read(tmp_path / "out.jsonl", recognizer) == Totals(read=4, failed=1)
    assert recognizer.seen.count("busy") == 4


def test_a_queue_that_stays_full_stops_the_run(tmp_path: Path, pictures: Path) -> None:
    (pictures / "a.jpg").write_text("busy")
    recognizer = FakeRecognizer()
    recognizer.busy_answers = 1000
    times = iter(range(10_000))
    retry = RetryPolicy(seconds=20, sleep=lambda _: None, now=lambda: float(next(times)))
    totals = read(tmp_path / "out.jsonl", recognizer, retry=retry)
    assert 10 < recognizer.seen.count("busy") < 30
    assert totals.stopped_by is not None
    assert totals.stopped_by.code == "RESOURCE_EXHAUSTED"


def test_no_wait_exceeds_the_retry_limit() -> None:
    clock, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    def ask() -> None:
        raise Overloaded("full", retry_after=100_000.0)

    with pytest.raises(Overloaded):
        RetryPolicy(seconds=20, sleep=sleep, now=lambda: clock[0]).call(ask)
    assert waits == [20.0]


def test_a_rate_limited_key_is_retried_without_limit(tmp_path: Path, pictures: Path) -> None:
    (pictures / "a.jpg").write_text("busy")
    recognizer = FakeRecognizer()
    recognizer.busy_answers, recognizer.busy_reason = 500, "RATE_LIMITED"
    waits: list[float] = []
    retry = RetryPolicy(seconds=0, sleep=waits.append)
    assert read(tmp_path / "out.jsonl", recognizer, retry=retry) == Totals(read=4, failed=1)
    # clients that got the same time to wait come back at different times, and less often later
    assert len(set(waits)) > 490
    assert 1 < max(waits) <= 5


def test_existing_rows_of_removed_pictures_count(tmp_path: Path, pictures: Path) -> None:
    output = tmp_path / "out.jsonl"
    read(output)
    (pictures / "é.jpg").unlink()
    (pictures / "bad.jpg").unlink()
    assert read(output, resume=True) == Totals(read=4, failed=1)


def test_an_unexpected_error_fails_only_one_picture(tmp_path: Path, pictures: Path) -> None:
    (pictures / "a.jpg").write_text("bug")
    output = tmp_path / "out.jsonl"
    assert read(output) == Totals(read=3, failed=2)
    row = json.loads(output.read_text().splitlines()[1])
    assert row["error"] == {"code": "INTERNAL", "message": "ZeroDivisionError: division by zero"}
