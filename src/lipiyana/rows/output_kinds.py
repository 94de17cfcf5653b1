"""The kinds of output files, by the suffix of their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lipiyana.rows.output import Output
from lipiyana.rows.provenance import Provenance
from lipiyana.rows.text_forms import Csv, JsonLines, RowForm
from lipiyana.rows.text_output import TextFile, refuse_other_options, write_options


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """An output to open.

    Attributes:
        path: of the file.
        resume: whether rows that it has are continued.
        options: by name, the options that the contents of the rows depend on.
        provenance: gives what the rows depend on.
        bom: whether a text file for spreadsheets begins with a byte order mark.
    """

    path: Path
    resume: bool
    options: Mapping[str, str]
    provenance: Callable[[], Provenance]
    bom: bool = True


@dataclass(frozen=True, slots=True)
class OutputKind:
    """A kind of output.

    Attributes:
        open: opens it. It raises OutputError if the file cannot be used, and MissingExtra if a
            package is not installed.
        without: the options that have no column in it.
        takes_bom: whether it can begin with a byte order mark.
    """

    open: Callable[[OutputRequest], Output]
    without: frozenset[str] = frozenset()
    takes_bom: bool = False


def _open_text(request: OutputRequest, form: RowForm) -> Output:
    if request.resume:
        refuse_other_options(request.path, request.options)
    file = TextFile(request.path, form, resume=request.resume)
    try:
        write_options(request.path, request.options)
    except BaseException:
        file.close()
        raise
    return file


def _open_parquet(request: OutputRequest) -> Output:
    from lipiyana.rows.parquet_output import ParquetOutput

    return ParquetOutput(request.path, request.provenance(), resume=request.resume)


KINDS: Mapping[str, OutputKind] = {
    ".jsonl": OutputKind(lambda request: _open_text(request, JsonLines())),
    ".csv": OutputKind(
        lambda request: _open_text(request, Csv(bom=request.bom)),
        without=frozenset({"--romanize", "--words"}),
        takes_bom=True,
    ),
    ".parquet": OutputKind(_open_parquet),
}
"""By the suffix, in lower case, of the file's name."""


def kind_of(path: Path) -> OutputKind | None:
    """Look the kind of a file up; None if its name has another suffix."""
    return KINDS.get(path.suffix.lower())


def suffixes() -> list[str]:
    """The suffixes of all kinds."""
    return list(KINDS)
