"""What follows the learning: export, INT8, before and after, registration, report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lipiyana.finetuning.base import ChosenBase
from lipiyana.finetuning.checking import CheckedData
from lipiyana.finetuning.course import CourseState
from lipiyana.finetuning.examples import load_example
from lipiyana.finetuning.reader_learner import BEST
from lipiyana.finetuning.report import ReportFacts, render_report
from lipiyana.finetuning.scoring import (
    Comparison,
    LineCase,
    example_lines,
    read_lines,
    sample_lines,
)
from lipiyana.manifest import ModelEntry, Task
from lipiyana.model_folder import NewModel, add_models, write_atomically
from lipiyana.ocr.latin_specialist import installed_reader
from lipiyana.ocr.line_input import line_input
from lipiyana.ocr.one_script import LATIN
from lipiyana.ocr.recognition import LineReader, Reader
from lipiyana.ocr.scripts import COMMON, script_of
from lipiyana.ocr.training.checkpoints import load_weights, shape_of
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.metrics import TextScore, score_texts
from lipiyana.ocr.training.network import LineReaderNet
from lipiyana.quantizing.search import Quantized, open_file, quantize_within
from lipiyana.quantizing.timing import median_milliseconds, typical_input
from lipiyana.runtime import ModelStore
from lipiyana.timings import TWIN

REPORT = "report.html"
FLOAT_SUFFIX = "-float"

_BASE = "base"
_CALIBRATING = 128
_INT8_LOSS = 0.003
"""CER that INT8 may cost, on the validation part and on the samples; where it costs more on either
it is not registered.
"""


@dataclass(frozen=True, slots=True)
class Made:
    """What was learned: the new model's name, where it began, from which data, and how."""

    name: str
    base: ChosenBase
    data: CheckedData
    course: CourseState


@dataclass(frozen=True, slots=True)
class Finetuned:
    """What came of a fine-tuning.

    Attributes:
        course: how it ended; nothing else is there where it was interrupted.
        models: the new entries, the preferred one first.
        validation: the user's validation part, before and after.
        samples: the project's samples, before and after.
        report: the HTML file.
    """

    course: CourseState
    models: tuple[ModelEntry, ...] = ()
    validation: Comparison | None = None
    samples: Comparison | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class _Int8:
    """The INT8 twin beside the float one, each by itself.

    Attributes:
        quantized: how it was made.
        float_score, score: of the float twin and of INT8 on the validation part.
        loss: CER that INT8 costs, the greater of the validation part's and the samples'.
        milliseconds: of one word, in float and in INT8.
    """

    quantized: Quantized
    float_score: TextScore
    score: TextScore
    loss: float
    milliseconds: tuple[float, ...]

    @property
    def good(self) -> bool:
        return self.loss <= _INT8_LOSS

    @property
    def preferred(self) -> bool:
        return self.good and self.milliseconds[1] < self.milliseconds[0]


def finish_reader(
    made: Made,
    out: Path,
    work: Path,
    store: ModelStore,
    samples: Path | None,
    on_step: Callable[[str], None],
) -> Finetuned:
    """Make models of the best weights of a course and register them.

    Args:
        made: what was learned.
        out: the folder of models.
        work: the folder of the course, which has the best weights.
        store: the models that serve so far.
        samples: the project's samples, if they are at hand.
        on_step: told what is done next.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
        LipiyanaError: a model cannot be loaded.
    """
    on_step("exporting")
    twin, small = work / "float.onnx", work / "int8.onnx"
    weights = load_weights(work / BEST)
    net = LineReaderNet(shape_of(weights))
    net.load_state_dict(weights)
    export_float(net, made.data.charset, twin)
    step = max(1, len(made.data.train) // _CALIBRATING)
    inputs = [line_input(load_example(e))[None] for e in made.data.train[::step]]
    quantized = quantize_within(twin, small, Task.LINE_READER, inputs, on_step=on_step)
    on_step("measuring")
    staged = _stage(work / "staged", made, twin, small, store)
    cases = example_lines(made.data.validation)
    shown = sample_lines(samples) if samples is not None else ()
    int8 = _compare(made, staged, quantized, (twin, small), cases, shown)
    preferred = made.name if int8.preferred else made.name + FLOAT_SUFFIX
    specialist = _wants_specialist(staged, preferred, cases, made.base.entry)
    before = installed_reader(staged, _BASE)
    after = _reader(staged, preferred, specialist)
    validation = Comparison(cases, read_lines(before, cases), read_lines(after, cases))
    compared = None
    if shown:
        compared = Comparison(shown, read_lines(before, shown), read_lines(after, shown))
    notes = tuple(_notes(int8, specialist, validation))
    facts = ReportFacts(
        name=made.name,
        base=made.base.entry.name,
        data=made.data,
        course=made.course,
        validation=validation,
        samples=compared,
        quantized=quantized,
        int8=int8.score,
        milliseconds=int8.milliseconds,
        notes=notes,
    )
    on_step("registering")
    models = _models(made, twin, small, facts, int8, specialist)
    entries = add_models(out, models)
    write_atomically(out / REPORT, render_report(facts).encode())
    return Finetuned(made.course, entries, validation, compared, out / REPORT)


def _stage(folder: Path, made: Made, twin: Path, small: Path, store: ModelStore) -> ModelStore:
    """Make a store of the base and both new models, beside those that serve so far."""
    shutil.rmtree(folder, ignore_errors=True)
    old, new = made.base.reader.charset.sha256, made.data.charset.sha256
    files = ((_BASE, made.base.entry.file, old), (made.name, small, new),
             (made.name + FLOAT_SUFFIX, twin, new))  # fmt: skip
    words = {"words": made.base.words} if made.base.words else {}
    base_parameters = {
        key: made.base.entry.parameters[key]
        for key in ("latin_specialist",)
        if key in made.base.entry.parameters
    }
    add_models(
        folder,
        [
            NewModel(
                name, Task.LINE_READER, file, "", "", "", "", charset,
                parameters=base_parameters if name == _BASE else {}, companions=words,
            )
            for name, file, charset in files
        ],
    )  # fmt: skip
    return ModelStore(folder, store.threads)


def _compare(
    made: Made,
    staged: ModelStore,
    quantized: Quantized,
    files: tuple[Path, Path],
    cases: tuple[LineCase, ...],
    shown: tuple[LineCase, ...],
) -> _Int8:
    whole, small = LineReader(staged, made.name + FLOAT_SUFFIX), LineReader(staged, made.name)
    float_score, score = _score(whole, cases), _score(small, cases)
    loss = score.cer - float_score.cer
    if shown:
        loss = max(loss, _score(small, shown).cer - _score(whole, shown).cer)
    sessions = [open_file(path, Task.LINE_READER) for path in files]
    milliseconds = median_milliseconds(sessions, typical_input(sessions[0]))
    return _Int8(quantized, float_score, score, loss, milliseconds)


def _wants_specialist(
    staged: ModelStore, name: str, cases: tuple[LineCase, ...], base: ModelEntry
) -> bool:
    """Say whether lines in Latin are still better read by the reader for Latin alone.

    Without such lines nothing was learned about them, and serving stays as it was.
    """
    latin = tuple(case for case in cases if script_of(case.text) in {LATIN, COMMON})
    if not latin or not base.parameters.get("latin_specialist", True):
        return bool(base.parameters.get("latin_specialist", True))
    alone = _score(LineReader(staged, name), latin)
    joined = _score(installed_reader(staged, name), latin)
    return joined.cer < alone.cer


def _reader(staged: ModelStore, name: str, specialist: bool) -> Reader:
    return installed_reader(staged, name) if specialist else LineReader(staged, name)


def _score(reader: Reader, cases: tuple[LineCase, ...]) -> TextScore:
    return score_texts(zip((c.text for c in cases), read_lines(reader, cases), strict=True))


def _notes(int8: _Int8, specialist: bool, validation: Comparison) -> Iterator[str]:
    before, after = validation.score_before, validation.score_after
    if after.cer >= before.cer:
        yield (
            f"the new model is no better on your validation part (CER {after.cer:.3f}, "
            f"{before.cer:.3f} before): more pictures are needed, or more minutes"
        )
    if not int8.good:
        yield f"INT8 is not registered: it loses {int8.loss:.3f} of CER"
    elif not int8.preferred:
        yield "INT8 is slower than its float twin on this machine, which is preferred therefore"
    if not specialist:
        yield "lines in Latin are no longer read by the reader for Latin alone: this one is better"
    if (lines := before.lines) < 20:
        yield f"{lines} validation lines are few: each is {1 / lines:.0%} of the exact share"


def _models(
    made: Made, twin: Path, small: Path, facts: ReportFacts, int8: _Int8, specialist: bool
) -> list[NewModel]:
    version = datetime.now(UTC).strftime("%Y.%m.%d")
    base = made.base.entry
    data = f"{base.data or base.name}; {len(made.data.train)} lines of the user's"
    parameters: dict[str, object] = {"base_sha256": base.sha256}
    if not specialist:
        parameters["latin_specialist"] = False
    licence = base.licence or "as the data's"
    small_name, twin_name = made.name, made.name + FLOAT_SUFFIX

    def model(name: str, file: Path, score: TextScore, other: str) -> NewModel:
        return NewModel(
            name=name,
            task=Task.LINE_READER,
            file=file,
            version=version,
            licence=licence,
            data=data,
            card=_card(made, facts),
            charset_sha256=made.data.charset.sha256,
            scores={
                "validation_cer": round(score.cer, 4),
                "validation_exact": round(score.exact, 4),
            },
            parameters=parameters | ({TWIN: other} if int8.good else {}),
            companions={"words": made.base.words} if made.base.words else {},
        )

    models = [model(twin_name, twin, int8.float_score, small_name)]
    if int8.good:
        models.insert(0 if int8.preferred else 1, model(small_name, small, int8.score, twin_name))
    return models


def _card(made: Made, facts: ReportFacts) -> str:
    before, after = facts.validation.score_before, facts.validation.score_after
    rows = [f"| the user's validation part | {before.lines} | {before.cer:.4f} | {after.cer:.4f} |"]
    if facts.samples is not None:
        old, new = facts.samples.score_before, facts.samples.score_after
        rows.append(f"| the project's samples | {old.lines} | {old.cer:.4f} | {new.cer:.4f} |")
    return "\n".join(
        (
            f"# {made.name}",
            "",
            f"Fine-tuned from `{made.base.entry.name}` (sha256 {made.base.entry.sha256}) on "
            f"{len(made.data.train)} lines in {made.course.seconds / 60:.1f} minutes; rendered "
            "lines were mixed in.",
            "",
            "| lines | how many | CER before | CER after |",
            "|---|---|---|---|",
            *rows,
            "",
            "The pictures are the user's: whoever passes this model on has to know what their "
            "licence allows.",
            "",
        )
    )
