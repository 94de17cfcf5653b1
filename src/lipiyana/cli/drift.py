"""`lipiyana drift`: what pictures are like, and whether others differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipiyana.cli.exit_codes import DONE, FAILED, USAGE
from lipiyana.cli.options import App, Models
from lipiyana.cli.sources import refuse_inputs
from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound, PermissionDenied

if TYPE_CHECKING:
    from lipiyana.drift.comparison import Difference
    from lipiyana.drift.counting.signals import Observation
    from lipiyana.drift.profile import Profile

_ROWS = {".jsonl", ".parquet"}
_SHIPPED = "shipped"


def make_profile(inputs: Sequence[str], output: Path, models: Path | None) -> int:
    """Write the profile of the inputs; return 1 if some pictures failed, as `read` does.

    Raises:
        InvalidRequest: an input is none of the known kinds, or no picture was read.
        PermissionDenied: `output` cannot be written.
    """
    from lipiyana.cli.console import say_warning, stderr
    from lipiyana.drift.settings import DRIFT

    refuse_inputs(output, map(Path, inputs))
    profile, failed = profile_of(inputs, models)
    if not profile.total.pictures:
        raise InvalidRequest("no picture was read, so there is nothing to compare with later")
    with _writing(output):
        profile.write(output)
    stderr().print(f"{profile.total.pictures} pictures counted in {output}", markup=False)
    if profile.total.pictures < DRIFT.least_pictures:
        say_warning(f"these are too few: `drift compare` needs {DRIFT.least_pictures} on each side")
    return FAILED if failed else DONE


def run_compare(
    reference: str, inputs: Sequence[str], report: Path | None, models: Path | None
) -> int:
    """Print how inputs differ from a profile; return 0 if they do not, 1 if so, 2 for too few.

    An error also gives 2, so that no script takes it for drift, and so do pictures that failed if
    the others have not drifted: nobody knows what they show.
    """
    from lipiyana.cli.console import say_error

    try:
        return _compare(reference, inputs, report, models)
    except LipiyanaError as error:
        say_error(error.message)
        return USAGE


def _compare(
    reference: str, inputs: Sequence[str], report: Path | None, models: Path | None
) -> int:
    from lipiyana.cli.console import stderr
    from lipiyana.drift.comparison import compare, not_compared
    from lipiyana.drift.profile import read_profile, require_same_models
    from lipiyana.drift.report import html_report
    from lipiyana.drift.settings import DRIFT
    from lipiyana.files import write_atomically

    if report is not None:
        refuse_inputs(report, map(Path, [reference, *inputs]))
    before = read_profile(_profile_path(reference, models))
    now, failed = profile_of(inputs, models)
    require_same_models(before.models, now.models)
    differences = compare(before.total, now.total, usual=before.usual)
    counted = f"{now.total.pictures} pictures against {before.total.pictures}"
    if report is not None:
        with _writing(report):
            write_atomically(
                report, html_report(differences, before.total.pictures, now.total.pictures)
            )
    if not differences:
        stderr().print(
            f"too little to say: {counted}, and both need {DRIFT.least_pictures}", markup=False
        )
        return USAGE
    _show(differences)
    if left := not_compared(before.total, now.total):
        stderr().print(
            f"not compared, because too few pictures of one side have them: {', '.join(left)}",
            markup=False,
        )
    drifted = [one.signal for one in differences if one.drifted]
    said = f"drift of {', '.join(drifted)}" if drifted else "no drift"
    stderr().print(f"{said}: {counted}", markup=False)
    return FAILED if drifted else USAGE if failed else DONE


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PermissionDenied(f"cannot write {path}: {error.strerror}") from None


def _profile_path(given: str, models: Path | None) -> Path:
    from lipiyana.drift.profile import shipped_profile

    is_file = given != _SHIPPED or Path(given).exists()
    return Path(given) if is_file else shipped_profile(models)


def profile_of(inputs: Sequence[str], models: Path | None = None) -> tuple[Profile, int]:
    """Count rows, pictures, or what servers and earlier runs counted.

    Returns:
        The counts, and the number of pictures that could not be read.

    Raises:
        LipiyanaError: an input is of no known kind, or cannot be read.
    """
    from lipiyana.cli.console import say_warning
    from lipiyana.drift.profile import Profile, read_profile
    from lipiyana.drift.watching.state import is_state, read_state

    profile, pictures, failed = Profile(), [], 0
    for name in inputs:
        path = _profile_path(name, models)
        if path.suffix in _ROWS and path.is_file():
            profile.merge(_of_rows(path))
        elif path.suffix == ".json" and path.is_file():
            profile.merge(read_profile(path))
        elif path.is_dir() and is_state(path):
            profile.merge(read_state(path, say_warning))
        else:
            pictures.append(name)
    if pictures:
        read, failed = _of_pictures(pictures, models)
        profile.merge(read)
    if failed:
        say_warning(f"{failed} pictures could not be read, and are not counted")
    return profile, failed


def _of_rows(path: Path) -> Profile:
    from lipiyana.cli.console import say_warning
    from lipiyana.drift.counting.answers import observe_answer
    from lipiyana.drift.profile import Profile, digests, require_same_models
    from lipiyana.drift.watching.camera import Repeats
    from lipiyana.rows.results import results_in

    profile, repeats = Profile(), Repeats()
    for found in results_in(path, say_warning):
        models = digests(found.models)
        require_same_models(profile.models, models)
        profile.models = models
        observation = observe_answer(found)
        if not repeats.is_repeat(observation):
            profile.total.add(observation)
    return profile


def _of_pictures(inputs: Sequence[str], models: Path | None) -> tuple[Profile, int]:
    from itertools import islice

    from lipiyana.cli.console import say_error, say_warning, stderr
    from lipiyana.cli.progress import RunProgress
    from lipiyana.cli.read.run import map_in_order
    from lipiyana.cli.recognizers import Engines, in_process
    from lipiyana.cli.sources import (
        PEEK,
        Source,
        list_pictures,
        no_picture_found,
        say_ignored,
    )
    from lipiyana.conversions.visible_text import shown
    from lipiyana.drift.profile import Profile, digests
    from lipiyana.drift.watching.camera import Repeats
    from lipiyana.drift.watching.last_picture import LastPicture
    from lipiyana.files import read_picture_file
    from lipiyana.pipeline import LocalRecognizer

    listing = list_pictures(inputs, excluded=[])
    for pattern in listing.unmatched:
        say_warning(f"no file matches {shown(pattern)}")
    ignored: Counter[str] = Counter()
    count = sum(1 for _ in islice(listing.walk(ignored), PEEK))
    if not count:
        raise NotFound(no_picture_found(listing, ignored))
    ignored.clear()
    chosen = in_process(Engines(models), None, count)
    recognizer = chosen.recognizer
    assert isinstance(recognizer, LocalRecognizer)  # noqa: S101 - without a keeper it is one
    profile, repeats = Profile(models=digests(recognizer.models)), Repeats()

    noted = recognizer.observer = LastPicture()

    def measure(source: Source) -> Observation | LipiyanaError:
        if source.error is not None:
            return source.error
        try:
            recognizer.recognize(read_picture_file(source.path))
        except LipiyanaError as error:
            return error
        return noted.observation

    failed = 0
    with recognizer, RunProgress(stderr(), listing) as progress:
        for outcome in map_in_order(measure, listing.walk(ignored), chosen.workers):
            if isinstance(outcome, LipiyanaError):
                failed += 1
                say_error(outcome.message)
            elif not repeats.is_repeat(outcome):
                profile.total.add(outcome)
            progress.step(isinstance(outcome, LipiyanaError))
    say_ignored(ignored)
    return profile, failed


def _show(differences: Sequence[Difference]) -> None:
    from rich.table import Table

    from lipiyana.cli.console import WIDE, stdout

    console = stdout()
    if not console.is_terminal:
        console = stdout(width=WIDE)
    table = Table(box=None)
    table.add_column("signal", no_wrap=True)
    for heading in ("before", "now", "PSI", "distance", "p", "drift"):
        table.add_column(heading, justify="right")
    for one in differences:
        table.add_row(
            one.signal, f"{one.before:.0f}", f"{one.now:.0f}", f"{one.psi:.2f}",
            f"{one.distance:.2f}", f"{one.p:.2g}", "yes" if one.drifted else "",
        )  # fmt: skip
    console.print(table)


drift_app = App(help="Notice when pictures, or what is read in them, differ from earlier ones.")

_Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Rows of `read` (.jsonl, .parquet), pictures and their folders, the folder of a "
        "server's `drift`, profiles (.json), or the word `shipped`, as for `compare`.",
    ),
]


@drift_app.command("profile")
def profile_command(
    inputs: _Inputs,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The profile, such as reference.json."),
    ],
    models: Models = None,
) -> None:
    """Count what pictures are like, to compare later ones with.

    The file has counts alone: no picture, and no text of a plate. Exit 1: some pictures failed.
    """
    raise typer.Exit(make_profile(inputs, output, models))


@drift_app.command("compare")
def compare_command(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="A profile, or the word `shipped` for that of the models' own report part.",
        ),
    ],
    inputs: _Inputs,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Also write a page with plots (.html)."),
    ] = None,
    models: Models = None,
) -> None:
    """Compare pictures, or rows of them, with a profile.

    Exit 0: no drift; 1: drift; 2: too little to say (fewer than 30 pictures, or no drift but
    pictures that failed), or an error.
    """
    raise typer.Exit(run_compare(reference, inputs, report, models))
