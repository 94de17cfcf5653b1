"""`lipiyana read --engine ray`: options, summary and exit code."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lipiyana.cli.console import say_error, say_warning, stderr
from lipiyana.cli.exit_codes import USAGE
from lipiyana.cli.extras import import_with
from lipiyana.cli.models.import_paddle import models_of
from lipiyana.cli.progress import RunProgress
from lipiyana.cli.read.command import (
    ReadRequest,
    config_of_request,
    interrupted,
    sum_up,
)
from lipiyana.cli.read.run import Totals
from lipiyana.cli.signals import terminable
from lipiyana.cli.sources import (
    SUFFIXES,
    Listing,
    list_pictures,
    no_picture_found,
    say_ignored,
)
from lipiyana.cluster.addresses import scheme_of
from lipiyana.cluster.inputs import Picture, is_table, pictures_of_store, pictures_of_table
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound
from lipiyana.rows.output import OutputError
from lipiyana.rows.output_kinds import kind_of
from lipiyana.rows.reader import RowReader

if TYPE_CHECKING:
    from lipiyana.cluster.output import OutputFolder

_PROGRESS_SECONDS = 600.0
"""Rows come by batches, so the speed is that of a longer time than with single pictures."""


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """The options of `lipiyana read --engine ray`; `main.read` describes them.

    Attributes:
        read: those of any run; its `output` is not used.
        output: a folder, or an address in a store.
        address: of the cluster; None for this machine alone.
    """

    read: ReadRequest
    output: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class _Inputs:
    """All INPUTs; iterating over it finds their pictures, each time anew."""

    local: Listing
    tables: tuple[str, ...]
    stores: tuple[str, ...]

    def __iter__(self) -> Iterator[Picture]:
        # its total is shown only: the run itself says what is wrong with an INPUT
        with suppress(LipiyanaError):
            yield from self.walk(Counter())

    def walk(self, ignored: Counter[str]) -> Iterator[Picture]:
        for source in self.local.walk(ignored):
            yield Picture(source.path, source.error)
        for table in self.tables:
            yield from pictures_of_table(table)
        for address in self.stores:
            yield from pictures_of_store(address, SUFFIXES)


def run(request: ClusterRequest) -> int:
    """Read the pictures; return the exit code, as `lipiyana read` does.

    Raises:
        typer.BadParameter: an option is invalid, or conflicts with another one.
        LipiyanaError: an extra is missing.
    """
    output = _check(request)
    inputs = _inputs(request, output)
    for pattern in inputs.local.unmatched:
        say_warning(f"no file matches {shown(pattern)}")
    import_with("ray", "lipiyana.cluster.run", "--engine ray")
    ignored: Counter[str] = Counter()
    began = time.monotonic()
    try:
        totals = _read(request, output, inputs, ignored)
    except (OutputError, InvalidRequest, NotFound) as error:
        say_error(str(error))
        return USAGE
    except KeyboardInterrupt as signalled:
        return interrupted(signalled, output)
    if totals is None:
        say_error(_no_picture_found(request, inputs, ignored))
        return USAGE
    code = sum_up(totals, time.monotonic() - began, output, request.read.allow_failed)
    say_ignored(ignored)
    return code


def _check(request: ClusterRequest) -> str:
    """Check the options; return the output."""
    read, output = request.read, request.output
    if not all(read.inputs):
        raise typer.BadParameter("an empty name.", param_hint="INPUT")
    for option, given in (
        ("--server", read.server is not None),
        ("--keep-unsure", read.keep_unsure is not None),
        ("--no-bom", not read.bom),
        # workers run the models themselves, on the CPU
        *(
            (option, value is not None)
            for option, value in read.engines.local_options.items()
            if option != "--models"
        ),
    ):
        if given:
            raise typer.BadParameter("cannot be used with --engine ray.", param_hint=option)
    if read.reader is not None and read.engines.models is not None:
        raise typer.BadParameter("cannot be used with --models.", param_hint="--reader")
    if not output:
        raise typer.BadParameter(
            "with --engine ray, name a folder for the rows.", param_hint="--output"
        )
    if kind_of(Path(output)) and not Path(output).is_dir():
        raise typer.BadParameter(
            f"{output} is the name of a file; with --engine ray, name a folder.",
            param_hint="--output",
        )
    return output


def _inputs(request: ClusterRequest, output: str) -> _Inputs:
    items = request.read.inputs
    tables = [item for item in items if is_table(item)]
    stores = [item for item in items if scheme_of(item) and not is_table(item)]
    local = [item for item in items if not scheme_of(item) and not is_table(item)]
    excluded = () if scheme_of(output) else (Path(output),)
    return _Inputs(list_pictures(local, excluded), tuple(tables), tuple(stores))


def _read(
    request: ClusterRequest, output: str, inputs: _Inputs, ignored: Counter[str]
) -> Totals | None:
    """Read what has no row; None if the INPUTs have no picture."""
    from lipiyana.cluster.folder import new_name
    from lipiyana.cluster.output import OutputFolder

    pictures = inputs.walk(ignored)
    first = next(pictures, None)
    if first is None:
        return None
    read = request.read
    models = models_of(read.reader) if read.reader else read.engines.models
    reader = RowReader(config_of_request(read), models=models)
    with OutputFolder(output, new_name(), reader.provenance, resume=read.resume) as folder:
        return _read_into(folder, request, reader, inputs, chain([first], pictures))


def _read_into(
    folder: OutputFolder,
    request: ClusterRequest,
    reader: RowReader,
    inputs: _Inputs,
    pictures: Iterator[Picture],
) -> Totals:
    from lipiyana.cluster.engine import connected, little_shared_memory
    from lipiyana.cluster.run import Counts, read_on_ray

    counts, stopped_by = Counts(), None
    earlier = folder.rows, folder.failed
    new = folder.new(pictures)
    first = next(new, None)
    if first is not None:  # else a Ray would start for nothing
        if request.address is None and (advice := little_shared_memory()):
            say_warning(advice)
        try:
            with ExitStack() as stack:
                actors = stack.enter_context(connected(request.address, request.read.workers))
                # after Ray, which would end the process at once
                check = stack.enter_context(terminable())
                progress = stack.enter_context(
                    RunProgress(stderr(), inputs, earlier=earlier, period=_PROGRESS_SECONDS)
                )

                def advance(rows: int, failed: int) -> None:
                    check()
                    progress.advance(rows, failed)

                read_on_ray(chain([first], new), reader, folder, actors, counts, advance)
        except LipiyanaError as error:
            if isinstance(error, InvalidRequest) and not counts.rows:
                raise
            stopped_by = error
    return Totals(
        read=counts.rows - counts.failed + folder.rows - folder.failed,
        failed=counts.failed + folder.failed,
        stopped_by=stopped_by,
        empty=counts.empty,
        shown=counts.rows - counts.failed - counts.empty,
        skipped=folder.rows,
        skipped_failed=folder.failed,
    )


def _no_picture_found(request: ClusterRequest, inputs: _Inputs, ignored: Counter[str]) -> str:
    others = (*inputs.tables, *inputs.stores)
    if not others:
        return no_picture_found(inputs.local, ignored)
    return f"no picture found in {', '.join(map(shown, request.read.inputs[:6]))}"
