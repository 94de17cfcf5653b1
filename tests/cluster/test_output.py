"""Rows of earlier runs in the folder of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cluster_fakes import FaultyRecognizer
from s3_store import Store

from lipiyana.cluster.inputs import Picture
from lipiyana.cluster.output import OutputFolder
from lipiyana.cluster.worker import Job, stage
from lipiyana.errors import InternalError, InvalidImage
from lipiyana.rows.output import OutputError
from lipiyana.rows.provenance import Provenance
from lipiyana.rows.reader import RowReader
from lipiyana.types import RecognitionConfig

READER = RowReader(recognizer=FaultyRecognizer())


@pytest.fixture(params=["disk", "store"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path / "rows")
    request.getfixturevalue("store")
    return "s3://pictures/rows"


def entered(
    address: str, *, resume: bool = False, provenance: Provenance = READER.provenance
) -> OutputFolder:
    return OutputFolder(address, "run", provenance, resume=resume)


def write(output: OutputFolder, *paths: str) -> None:
    job = Job(READER, output.folder, output.run)
    pictures = [(path, InvalidImage("bad") if path == "bad" else b"x") for path in paths]
    output.publish(stage(job, 0, list(READER.read(pictures))))


def new(output: OutputFolder, *paths: str) -> list[str]:
    return [picture.path for picture in output.new(map(Picture, paths))]


def test_a_run_goes_on_with_what_has_no_row(address: str) -> None:
    with entered(address) as output:
        assert new(output, "a", "b", "a") == ["a", "b"]
        write(output, "a", "caf\udce9", "bad")
    with entered(address, resume=True) as output:
        assert (output.rows, output.failed) == (3, 1)
        assert new(output, "a", "b", "caf\udce9", "caf%E9", "b", "bad") == ["b", "caf%E9"]


def test_a_folder_with_rows_is_refused_without_resume(address: str) -> None:
    with entered(address) as output:
        write(output, "a")
    with pytest.raises(OutputError, match="has rows already: continue it with --resume"):
        entered(address).__enter__()


OTHERS: dict[str, Provenance] = {
    "by lipiyana .*, not 9": Provenance(version="9", options=READER.provenance.options),
    "by other models": Provenance(models={"reader": "0" * 64}, options=READER.provenance.options),
    "with --layout scene, not with --layout line": RowReader(
        RecognitionConfig(layout="line"), recognizer=FaultyRecognizer()
    ).provenance,
}


@pytest.mark.parametrize("why", OTHERS)
def test_rows_that_mean_something_else_are_refused(tmp_path: Path, why: str) -> None:
    address = str(tmp_path)
    with entered(address) as output:
        write(output, "a")
    with pytest.raises(OutputError, match=why):
        entered(address, resume=True, provenance=OTHERS[why]).__enter__()


def of_another_program(file: Path) -> None:
    pq.write_table(pa.table({"path": ["a"]}), file)


def cut_off(file: Path) -> None:
    file.write_bytes(b"PAR1 and then nothing")


@pytest.mark.parametrize("spoil", [of_another_program, cut_off])
def test_files_that_are_no_rows_are_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / "x.parquet")
    with pytest.raises(OutputError, match=r"cannot continue .*: x\.parquet is no file of rows"):
        entered(str(tmp_path), resume=True).__enter__()
    assert not list((tmp_path / "_lipiyana").glob("staged"))


def test_a_second_run_is_refused_while_the_first_writes(tmp_path: Path) -> None:
    with (
        entered(str(tmp_path)),
        pytest.raises(OutputError, match="another run is writing to"),
    ):
        entered(str(tmp_path), resume=True).__enter__()


def test_a_run_that_was_taken_over_stops(store: Store) -> None:
    address = "s3://pictures/rows"
    job = Job(READER, entered(address).folder, "run")
    with entered(address) as output:
        staged = stage(job, 0, list(READER.read([("a", b"x")])))
        with (
            OutputFolder(address, "later", READER.provenance, resume=True),
            pytest.raises(OutputError, match="another run has taken over"),
        ):
            output.publish(staged)


def test_a_file_that_this_machine_does_not_see(tmp_path: Path) -> None:
    with entered(str(tmp_path / "a")) as output, entered(str(tmp_path / "b")) as elsewhere:
        staged = stage(Job(READER, elsewhere.folder, "run"), 0, list(READER.read([("a", b"x")])))
        with pytest.raises(InternalError, match="storage that all machines of the cluster share"):
            output.publish(staged)


def test_a_place_that_cannot_be_written_to(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot use .*: Not a directory"):
        entered(str(tmp_path / "file" / "rows")).__enter__()
    with pytest.raises(OutputError, match="cannot use s3://absent/rows: there is nothing at"):
        entered("s3://absent/rows").__enter__()
