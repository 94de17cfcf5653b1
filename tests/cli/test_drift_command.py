"""`lipiyana drift`: rows, pictures and states in; a table, a page and an exit code out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drift_pictures import MODELS, Street
from typer.testing import CliRunner, Result

from lipiyana.cli.main import app
from lipiyana.drift.profile import digests, read_profile, shipped_profile
from lipiyana.drift.watching.watch import DriftWatch
from lipiyana.errors import InvalidRequest
from lipiyana.rows.text_forms import JsonLines
from lipiyana.types import ModelInfo, RecognitionConfig

SCENES = Path(__file__).parents[2] / "samples" / "scenes"


def _rows(path: Path, count: int, seed: int, street: Street | None = None) -> Path:
    rng = np.random.default_rng(seed)
    form = JsonLines()
    answers = [(street or Street()).answer(rng) for _ in range(count)]
    path.write_bytes(b"".join(form.encode(f"{i}.jpg", one) for i, one in enumerate(answers)))
    return path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["drift", *map(str, arguments)])


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "reference.json"
    done = _run("profile", _rows(tmp_path / "before.jsonl", 300, 1), "-o", path)
    assert done.exit_code == 0, done.output
    assert "300 pictures counted" in done.output
    return path


def test_rows_of_the_same_street_do_not_drift(reference: Path, tmp_path: Path) -> None:
    done = _run("compare", reference, _rows(tmp_path / "now.jsonl", 60, 2))
    assert done.exit_code == 0, done.output
    assert "no drift: 60 pictures against 300" in done.output
    assert "plate_region" in done.output


def test_rows_of_another_city_drift(reference: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    now = _rows(tmp_path / "now.jsonl", 60, 2, Street(region="Kerala <b>"))
    done = _run("compare", reference, now, "--report", page)
    assert done.exit_code == 1, done.output
    assert "drift of plate_region" in done.output
    text = page.read_text("utf-8")
    assert "<svg" in text
    assert "Kerala &lt;b&gt;" in text
    assert "KA01AB" not in text + done.output


def test_fewer_than_thirty_pictures_say_nothing(reference: Path, tmp_path: Path) -> None:
    now = _rows(tmp_path / "now.jsonl", 29, 2, Street(region="Kerala"))
    page = tmp_path / "report.html"
    done = _run("compare", reference, now, "--report", page)
    assert done.exit_code == 2
    assert "too little to say" in done.output
    assert "Too little to say: 29 pictures against 300" in page.read_text("utf-8")


def test_a_profile_of_too_few_pictures_says_so(tmp_path: Path) -> None:
    rows = _rows(tmp_path / "few.jsonl", 29, 2)
    done = _run("profile", rows, "-o", tmp_path / "few.json")
    assert done.exit_code == 0
    assert "too few" in done.output
    rows = _rows(tmp_path / "enough.jsonl", 30, 2)
    done = _run("profile", rows, "-o", tmp_path / "enough.json")
    assert "too few" not in done.output


def test_a_picture_that_comes_again_soon_is_not_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = [JsonLines().encode(f"{n}.jpg", Street().answer(rng)) for n in range(70)]
    for order, counted in (
        ([0, 1, 0, 1, 2], 3),  # not only the one before
        ([*range(64), 0], 64),
        ([*range(65), 0], 66),  # it was long ago
    ):
        (tmp_path / "rows.jsonl").write_bytes(b"".join(lines[n] for n in order))
        _run("profile", tmp_path / "rows.jsonl", "-o", tmp_path / "rows.json")
        assert read_profile(tmp_path / "rows.json").total.pictures == counted


def test_one_picture_again_and_again_says_nothing(reference: Path, tmp_path: Path) -> None:
    line = JsonLines().encode("a.jpg", Street("Kerala").answer(np.random.default_rng(1)))
    (tmp_path / "still.jsonl").write_bytes(line * 200)
    assert _run("compare", reference, tmp_path / "still.jsonl").exit_code == 2
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert _run("compare", reference, tmp_path / "empty.jsonl").exit_code == 2


def test_an_error_is_not_drift(reference: Path, tmp_path: Path) -> None:
    now = _rows(tmp_path / "now.jsonl", 60, 2)
    old = json.loads(reference.read_text("utf-8")) | {"version": 0}
    (tmp_path / "old.json").write_text(json.dumps(old), "utf-8")
    (tmp_path / "text.jsonl").write_text("no rows\n", "utf-8")
    (tmp_path / "other.jsonl").write_text('{"plates": 3}\n', "utf-8")
    for before, after, said in (
        (tmp_path / "old.json", now, "is of version 0"),
        (tmp_path / "missing.json", now, "No such file"),
        (reference, tmp_path / "text.jsonl", "line 1 of"),
        (reference, tmp_path / "other.jsonl", "line 1 of"),
        (reference, tmp_path / "missing", "missing"),
    ):
        done = _run("compare", before, after)
        assert done.exit_code == 2, done.output
        assert said in done.output


def test_a_torn_last_row_is_not_counted(reference: Path, tmp_path: Path) -> None:
    now = _rows(tmp_path / "now.jsonl", 60, 2)
    whole = now.read_bytes()
    for cut, counted, torn in ((1, 60, False), (40, 59, True), (0, 60, False)):
        now.write_bytes(whole[: len(whole) - cut])
        done = _run("compare", reference, now)
        assert done.exit_code == 0, done.output
        assert f"{counted} pictures against 300" in done.output
        assert ("is torn, and is not counted" in done.output) == torn
    first, rest = whole.split(b"\n", 1)
    now.write_bytes(first[:-40] + b"\n" + rest)  # a torn line that is not the last is no crash's
    done = _run("compare", reference, now)
    assert done.exit_code == 2
    assert "line 1 of" in done.output


def test_a_byte_order_mark_and_empty_lines_are_passed_over(reference: Path, tmp_path: Path) -> None:
    now = _rows(tmp_path / "now.jsonl", 60, 2)
    now.write_bytes(b"\xef\xbb\xbf\n" + now.read_bytes().replace(b"\n", b"\r\n\r\n"))
    done = _run("compare", reference, now)
    assert done.exit_code == 0, done.output
    assert "60 pictures against 300" in done.output


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"unknown": 1}', "it has neither a `recognition` nor an `error`"),
        ('{"path": "a.jpg", "recognition": {"unknown": 1}}', "is no row"),
        ('{"path": "a.jpg", "recognition": {"lines": 5}}', "is no row"),
        ('{"path": "a.jpg", "recognition": {"plates": 5}}', "is no row"),
        ('{"path": "a.jpg", "recognition": 5}', "is no row"),
        ('{"recognition": {"image_width": 5, "image_height": 5}}', "it has no `path`"),
        ('{"path": "a.jpg", "recognition": {"image_width": 5, "image_height": 5}}',
         "does not say which models read it"),
        ("\0", "it is not JSON"),
    ],
    ids=["no result", "other names", "a number", "plates", "no table", "no path", "no models",
         "zero"],
)  # fmt: skip
def test_what_is_no_row_is_refused_with_its_line(row: str, said: str, tmp_path: Path) -> None:
    rows, path = _rows(tmp_path / "rows.jsonl", 2, 1), tmp_path / "rows.json"
    with rows.open("a", encoding="utf-8") as file:
        file.write(row + "\n")
    done = _run("profile", rows, "-o", path)
    assert done.exit_code != 0
    assert f"line 3 of {rows}" in str(done.exception)
    assert said in str(done.exception)
    assert not path.exists()


def test_pictures_that_fail_show_in_the_exit_code(reference: Path, tmp_path: Path) -> None:
    folder, path = tmp_path / "pictures", tmp_path / "scenes.json"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no picture")
    done = _run("profile", folder, "-o", path)
    assert done.exit_code != 0
    assert not path.exists()
    done = _run("profile", folder, sorted(SCENES.glob("*.jpg"))[0], "-o", path)
    assert done.exit_code == 1
    assert "1 pictures could not be read" in done.output
    assert read_profile(path).total.pictures == 1
    # the other models of the rows are not what is compared: pretend that they are the same
    value = json.loads(reference.read_text("utf-8"))
    value["models"] = json.loads(path.read_text("utf-8"))["models"]
    reference.write_text(json.dumps(value), "utf-8")
    done = _run("compare", reference, reference, folder)
    assert done.exit_code == 2, done.output
    assert "no drift" in done.output
    rows = tmp_path / "rows.jsonl"
    with _rows(rows, 60, 2).open("ab") as file:
        file.write(JsonLines().encode("b.jpg", InvalidRequest("no picture")))
    done = _run("profile", rows, "-o", path)
    assert done.exit_code == 0  # `read` has told it
    assert "has 1 pictures that could not be read" in done.output


def test_the_shipped_profile_can_be_added_and_compared(tmp_path: Path) -> None:
    both = tmp_path / "both.json"
    done = _run("profile", "shipped", "shipped", "-o", both)
    assert done.exit_code == 0, done.output
    pictures = read_profile(shipped_profile()).total.pictures
    assert read_profile(both).total.pictures == 2 * pictures
    done = _run("compare", "shipped", "shipped")
    assert done.exit_code == 0, done.output
    assert "no drift" in done.output


def test_rows_of_other_models_are_refused(reference: Path, tmp_path: Path) -> None:
    value = json.loads(reference.read_text("utf-8"))
    assert value["models"] == digests(MODELS)
    value["models"]["reader-int8"] = digests((ModelInfo("x", "2", "c" * 64),))["x"]
    reference.write_text(json.dumps(value), "utf-8")
    done = _run("compare", reference, _rows(tmp_path / "now.jsonl", 60, 2))
    assert done.exit_code == 2
    assert "other models gave these answers" in done.output


def test_states_of_servers_and_profiles_are_added(reference: Path, tmp_path: Path) -> None:
    watch = DriftWatch(digests(MODELS), None, tmp_path / "state", clock=lambda: 7200.0)
    rng = np.random.default_rng(3)
    for _ in range(40):
        picture = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
        watch.observe(picture, RecognitionConfig(), Street().answer(rng))
    watch.close()
    both = tmp_path / "both.json"
    assert _run("profile", reference, tmp_path / "state", "-o", both).exit_code == 0
    profile = read_profile(both)
    assert profile.total.pictures == 340
    assert profile.hours[2].pictures == 40


def test_parquet_rows_are_counted_as_lines_are(reference: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from lipiyana.rows.row import Row
    from lipiyana.rows.schema import rows_table

    rng = np.random.default_rng(1)
    rows = [Row(f"{i}.jpg", None, Street().answer(rng)) for i in range(300)]
    pq.write_table(rows_table(rows), tmp_path / "rows.parquet")
    path = tmp_path / "parquet.json"
    assert _run("profile", tmp_path / "rows.parquet", "-o", path).exit_code == 0
    found, expected = read_profile(path).total, read_profile(reference).total
    assert found.pictures == expected.pictures
    assert found.counts("plate_region") == pytest.approx(expected.counts("plate_region"))


def test_pictures_are_read_and_measured(tmp_path: Path) -> None:
    path = tmp_path / "scenes.json"
    pictures = sorted(SCENES.glob("*.jpg"))[:2]
    done = _run("profile", *pictures, "-o", path)
    assert done.exit_code == 0, done.output
    total = read_profile(path).total
    assert total.pictures == 2
    assert total.weight("brightness") == 2
    assert total.weight("lines") == 2
    assert _run("profile", tmp_path / "nothing", "-o", path).exit_code == 1


def test_what_is_read_is_not_written(reference: Path, tmp_path: Path) -> None:
    rows = tmp_path / "before.jsonl"
    before = rows.read_bytes(), reference.read_bytes()
    for arguments in (
        ("profile", rows, "-o", rows),
        ("compare", reference, rows, "--report", rows),
        ("compare", reference, rows, "--report", reference),
    ):
        done = _run(*arguments)
        assert done.exit_code != 0
        assert "it is read" in f"{done.output}{done.exception}"
    assert (rows.read_bytes(), reference.read_bytes()) == before
