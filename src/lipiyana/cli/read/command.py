"""`lipiyana read`: options, summary and exit code."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import typer

from lipiyana.cli import recognizers
from lipiyana.cli.console import say_error, say_warning, stderr
from lipiyana.cli.exit_codes import DONE, FAILED, INTERRUPTED, TERMINATED, USAGE
from lipiyana.cli.models.import_paddle import models_of
from lipiyana.cli.progress import RunProgress
from lipiyana.cli.read.run import Totals, read_pictures
from lipiyana.cli.recognizers import Engines
from lipiyana.cli.signals import Terminated, terminable
from lipiyana.cli.sources import (
    PEEK,
    Listing,
    list_pictures,
    no_picture_found,
    refuse_inputs_in,
    say_ignored,
)
from lipiyana.cluster.addresses import scheme_of
from lipiyana.cluster.inputs import is_table
from lipiyana.conversions.visible_text import shown
from lipiyana.errors import MissingExtra, ModelUnavailable
from lipiyana.rows.output import Output, OutputError
from lipiyana.rows.output_kinds import OutputRequest, kind_of, suffixes
from lipiyana.rows.provenance import Provenance, option_name, options_of
from lipiyana.rows.reader import RowReader
from lipiyana.rows.text_output import StandardOutput
from lipiyana.types import Feature, Layout, RecognitionConfig


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The options of `lipiyana read`; `main.read` describes them."""

    inputs: tuple[str, ...]
    layout: Layout
    features: frozenset[Feature]
    min_confidence: float | None
    output: Path | None
    resume: bool
    workers: int | None
    engines: Engines
    server: str | None
    reader: str | None = None
    keep_unsure: Path | None = None
    script_hints: tuple[str, ...] = ()
    romanize: bool = False
    words: bool = False
    bom: bool = True
    allow_failed: bool = False


def run(request: ReadRequest) -> int:
    """Read the pictures; return the exit code: 0 all read, 1 some failed, 2 none found.

    Raises:
        typer.BadParameter: an option is invalid, or conflicts with another one.
    """
    _check(request)
    _warn_of_options_without_column(request)
    written = [path for path in (request.output, request.keep_unsure) if path is not None]
    listing = list_pictures(request.inputs, excluded=written)
    for pattern in listing.unmatched:
        say_warning(f"no file matches {shown(pattern)}")
    ignored: Counter[str] = Counter()
    pictures = sum(1 for _ in islice(listing.walk(ignored), PEEK))
    if pictures == 0:
        say_error(no_picture_found(listing, ignored))
        return USAGE
    ignored.clear()
    began = time.monotonic()
    try:
        totals = _read(request, listing, pictures, ignored)
    except OutputError as error:
        say_error(str(error))
        return USAGE
    except OSError as error:
        return _cannot_write(error, request.output)
    except KeyboardInterrupt as signalled:
        return interrupted(signalled, request.output)
    if request.engines.models is not None and totals.empty and not totals.shown:
        say_warning(
            f"nothing was found in {_any_of(totals.empty)}; `lipiyana models list --models "
            f"{request.engines.models}` shows which models were used"
        )
    code = sum_up(totals, time.monotonic() - began, request.output, request.allow_failed)
    say_ignored(ignored)
    return code


def _check(request: ReadRequest) -> None:
    if not all(request.inputs):
        raise typer.BadParameter("an empty name.", param_hint="INPUT")
    _refuse_inputs_of_engines(request.inputs)
    kind = None if request.output is None else kind_of(request.output)
    if request.output is not None and kind is None:
        *others, last = suffixes()
        raise typer.BadParameter(
            f"the name must end in {', '.join(others)} or {last}.", param_hint="--output"
        )
    if request.resume and request.output is None:
        raise typer.BadParameter("needs --output.", param_hint="--resume")
    if not request.bom and (kind is None or not kind.takes_bom):
        raise typer.BadParameter("is for a .csv file as --output.", param_hint="--no-bom")
    recognizers.check_server(
        request.server,
        {
            **request.engines.local_options,
            "--reader": request.reader,
            "--keep-unsure": request.keep_unsure,
        },
    )
    request.engines.check()
    if request.keep_unsure is not None:
        refuse_inputs_in(request.keep_unsure, request.inputs, "--keep-unsure")
    if request.reader is not None:
        for option in ("--models", "--inference"):
            if request.engines.local_options[option] is not None:
                raise typer.BadParameter(f"cannot be used with {option}.", param_hint="--reader")


def _refuse_inputs_of_engines(inputs: Sequence[str]) -> None:
    stores = [one for one in inputs if scheme_of(one) not in {"", "file", "http", "https"}]
    # among pictures, a pattern of the shell may have found a table of something else
    tables = all(is_table(one) and os.path.isfile(one) for one in inputs)  # noqa: PTH113
    for one in stores or (inputs if tables else ()):
        kind = "an address in a store" if stores else "a table, not a picture"
        raise typer.BadParameter(
            f"{shown(one)} is {kind}; --engine ray --output DIR reads the pictures that it names. "
            "Needs the extra `ray`.",
            param_hint="INPUT",
        )


def _warn_of_options_without_column(request: ReadRequest) -> None:
    """Say which options change nothing in the file."""
    kind = None if request.output is None else kind_of(request.output)
    given = {"--romanize": request.romanize, "--words": request.words}
    for option in sorted(kind.without if kind else ()):
        if given[option]:
            suffix = request.output.suffix.lower() if request.output else ""
            say_warning(f"{option} has no column in a {suffix} file; name a .jsonl file to see it")


def config_of_request(request: ReadRequest) -> RecognitionConfig:
    """What to look for in the pictures."""
    return RecognitionConfig(
        features=request.features,
        layout=request.layout,
        script_hints=request.script_hints,
        min_confidence=request.min_confidence,
        romanize=request.romanize,
        words=request.words,
    )


def _read(request: ReadRequest, listing: Listing, pictures: int, ignored: Counter[str]) -> Totals:
    config = config_of_request(request)
    with ExitStack() as stack:
        if request.server is not None:
            chosen = recognizers.connect(request.server, request.workers)
        else:
            engines = request.engines
            if request.reader:
                engines = replace(engines, models=models_of(request.reader))
            chosen = recognizers.in_process(
                engines, request.workers, pictures, keep_unsure=request.keep_unsure
            )
        stack.callback(chosen.recognizer.close)
        reader = RowReader(config, recognizer=chosen.recognizer)
        check = stack.enter_context(terminable())
        output = stack.enter_context(_open_output(request, reader))
        on_terminal = request.output is None and sys.stdout.isatty()
        progress = stack.enter_context(
            RunProgress(stderr(), listing, results_on_terminal=on_terminal)
        )
        return read_pictures(
            listing.walk(ignored),
            reader,
            output,
            workers=chosen.workers,
            on_row=progress.step,
            check=check,
        )


def _open_output(request: ReadRequest, reader: RowReader) -> Output:
    kind = None if request.output is None else kind_of(request.output)
    if request.output is None or kind is None:
        return StandardOutput()
    server = {"server": "unset" if request.server is None else "set"}
    reads = options_of(reader.config) | server

    def provenance() -> Provenance:
        return replace(reader.provenance, options=reads)

    options = {option_name(name): value for name, value in reads.items()} | _models_named(request)
    return kind.open(
        OutputRequest(request.output, request.resume, options, provenance, request.bom)
    )


def _models_named(request: ReadRequest) -> dict[str, str]:
    """The options that name models; a file that has the digests of the models needs them not."""
    from lipiyana.runtime.store import MODELS_VARIABLE

    models = request.engines.models or os.environ.get(MODELS_VARIABLE)
    return {
        "--models": os.path.realpath(models) if models else "unset",
        "--reader": request.reader or "unset",
        "--device": "unset" if request.engines.device is None else str(request.engines.device),
        "--fp16": "set" if request.engines.fp16 else "unset",
        "--inference": "unset" if request.engines.inference is None else "set",
    }


def interrupted(signalled: KeyboardInterrupt, output: Path | str | None) -> int:
    """Say which signal ended the run; return the exit code."""
    terminated = isinstance(signalled, Terminated)
    say_error(f"{'terminated' if terminated else 'interrupted'}{_how_to_continue(output)}")
    return TERMINATED if terminated else INTERRUPTED


def sum_up(
    totals: Totals,
    seconds: float,
    output: Path | str | None,
    allow_failed: bool,
) -> int:
    """Print what was read and why it ended; return the exit code."""
    if totals.stopped_by is not None:
        on_screen = output is None and sys.stdout.isatty()
        why = "the last row says why" if on_screen else totals.stopped_by.message
        mended = isinstance(totals.stopped_by, ModelUnavailable | MissingExtra)
        say_error(f"stopped: {why}{_how_to_continue(output, once_mended=mended)}")
    skipped = ""
    if totals.skipped:
        skipped = f", {totals.skipped} skipped, already in {output}"
        if totals.skipped_failed:
            skipped += f" ({totals.skipped_failed} of them failed)"
    read = totals.read - totals.skipped + totals.skipped_failed
    failed = totals.failed - totals.skipped_failed
    stderr().print(f"{read} read, {failed} failed{skipped}, {seconds:.1f} s", markup=False)
    if totals.stopped_by is not None:
        return FAILED
    return FAILED if totals.failed and not allow_failed else DONE


def _any_of(pictures: int) -> str:
    return "the picture" if pictures == 1 else f"any of {pictures} pictures"


def _cannot_write(error: OSError, output: Path | None) -> int:
    if output is None:
        # flushing the rest of the buffer must not fail again when the interpreter exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        where = output or "standard output"
        say_error(f"cannot write to {where}: {error.strerror or error}{_how_to_continue(output)}")
    return FAILED


def _how_to_continue(output: Path | str | None, *, once_mended: bool = False) -> str:
    if output is None:
        return ""
    when = "; once that is mended, run" if once_mended else "; run"
    return f"{when} the same command with --resume to continue"
