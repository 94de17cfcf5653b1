"""What follows the learning: export, INT8, before and after, registration, report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipiyana.files import write_atomically
from lipiyana.learning.finetune.common.job import FinetunedModel, report_of
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, int8_notes, no_better
from lipiyana.learning.finetune.reader.int8_twin import Int8, compare_twins, quantize_reader
from lipiyana.learning.finetune.reader.models import Made, new_models
from lipiyana.learning.finetune.reader.report import ReportFacts, render_report
from lipiyana.learning.finetune.reader.scoring import (
    Comparison,
    LineCase,
    ReadCases,
    example_lines,
    example_plates,
    plates_with,
    read_lines,
    sample_lines,
    score_cases,
)
from lipiyana.learning.quantize.floor import require_useful
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.language.script_choice import LATIN
from lipiyana.ocr.recognition.reader import LineReader, Reader
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.ocr.scripts.table import COMMON, script_of_char
from lipiyana.ocr.training.export_reader import export_float
from lipiyana.ocr.training.network import LineReaderNet, ReaderShape
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore

_BASE = "base"
_TELLING = 5
"""Lines in Latin, at least, before they choose who reads Latin."""


@dataclass(frozen=True, slots=True)
class Finetuned(FinetunedModel):
    """What came of the fine-tuning of a reader.

    Attributes:
        validation: the user's validation part, before and after.
        samples: the project's samples, before and after.
    """

    validation: Comparison | None = None
    samples: Comparison | None = None


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
        ModelUnavailable: the new reader reads next to nothing (MODEL_TOO_WEAK).
        LipiyanaError: a model cannot be loaded.
    """
    on_step("exporting")
    twin, small = work / "float.onnx", work / "int8.onnx"
    weights = load_weights(work / BEST)
    net = LineReaderNet(ReaderShape.of_weights(weights))
    net.load_state_dict(weights)
    export_float(net, made.data.charset, twin)
    on_step("quantizing")
    quantize_reader(twin, small, made.mix)
    on_step("measuring")
    staged = _stage(work / "staged", made, twin, small, store)
    lines = example_lines(made.data.validation)
    shown = sample_lines(samples) if samples is not None else ()
    int8 = compare_twins(staged, (made.name + FLOAT_SUFFIX, made.name), lines, shown)
    preferred = made.name if int8.preferred else made.name + FLOAT_SUFFIX
    cases, read = _cases(made, staged, lines)
    specialist = wants_specialist(staged, preferred, cases, read, made.base.entry)
    before = installed_reader(staged, _BASE)
    after = _reader(staged, preferred, specialist)
    validation = Comparison(cases, read(before, cases), read(after, cases))
    measure = "characters of your validation part that are read right (1 - CER)"
    now, earlier = (max(0.0, 1 - s.cer) for s in (validation.score_after, validation.score_before))
    require_useful(made.name, measure, now, earlier)
    compared = None
    if shown:
        compared = Comparison(shown, read_lines(before, shown), read_lines(after, shown))
    better = validation.score_after.cer < validation.score_before.cer
    facts = ReportFacts(
        name=made.name,
        base=made.base.entry.name,
        of_what="plates" if made.plates else "lines",
        data=made.data,
        course=made.course,
        validation=validation,
        samples=compared,
        int8=int8,
        notes=tuple(_notes(int8, specialist, validation, better)),
    )
    on_step("registering")
    models = new_models(made, twin, small, facts, specialist)
    entries = add_models(out, models)
    report = report_of(out, made.name)
    write_atomically(report, render_report(facts).encode())
    return Finetuned(
        made.course, entries, report, better, facts.notes, validation=validation, samples=compared
    )


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


def _cases(
    made: Made, staged: ModelStore, lines: tuple[LineCase, ...]
) -> tuple[tuple[LineCase, ...], ReadCases]:
    """Give what is measured on, and how it is read: lines, or plates with all their rows."""
    if made.plates:
        return example_plates(made.data.validation), plates_with(staged)
    return lines, read_lines


def wants_specialist(
    staged: ModelStore,
    name: str,
    cases: Sequence[LineCase],
    read: ReadCases,
    base: ModelEntry,
) -> bool:
    """Say whether lines in Latin are still read by the reader for Latin alone.

    They are until enough of them show that the new reader does it better: without such lines
    nothing was learned about them. A letter of another script in a line is often a wrong label.
    """
    latin = tuple(case for case in cases if {*map(script_of_char, case.text)} <= {LATIN, COMMON})
    if len(latin) < _TELLING or not base.parameters.get("latin_specialist", True):
        return bool(base.parameters.get("latin_specialist", True))
    alone = score_cases(LineReader(staged, name), latin, read)
    joined = score_cases(installed_reader(staged, name), latin, read)
    return joined.cer <= alone.cer


def _reader(staged: ModelStore, name: str, specialist: bool) -> Reader:
    return installed_reader(staged, name) if specialist else LineReader(staged, name)


def _notes(int8: Int8, specialist: bool, validation: Comparison, better: bool) -> Iterator[str]:
    before, after = validation.score_before, validation.score_after
    if not better:
        yield no_better("CER", before.cer, after.cer, perfect=0)
    yield from int8_notes(f"{int8.loss:.3f} of CER", good=int8.good, faster=int8.preferred)
    if not specialist:
        yield "lines in Latin are no longer read by the reader for Latin alone: this one is better"
    if (count := before.lines) < 20:
        yield f"{count} to measure on are few: each is {1 / count:.0%} of the exact share"
