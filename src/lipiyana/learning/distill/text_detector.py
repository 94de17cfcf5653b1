"""`lipiyana models distill`: trains a small text detector with the installed one as teacher."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from lipiyana.errors import InvalidRequest
from lipiyana.files import MAX_MODEL_BYTES, read_file
from lipiyana.learning.distill.crops import CropMix
from lipiyana.learning.distill.finishing import (
    Compared,
    compare,
    export_student,
    quantize_student,
    read_student,
    sample_scenes,
)
from lipiyana.learning.distill.network import TextStudent
from lipiyana.learning.distill.pictures.pool import Pool, fill_pool, photographs
from lipiyana.learning.distill.pictures.streets import Streets
from lipiyana.learning.distill.pictures.walls import Walls
from lipiyana.learning.distill.pretrained import NAME as PRETRAINED
from lipiyana.learning.distill.student import DistillLearner, StudentRecipe
from lipiyana.learning.finetune.common.course import CourseState, Limits
from lipiyana.learning.finetune.common.earlier import refuse_finished
from lipiyana.learning.finetune.common.job import (
    Job,
    Listener,
    OpenCourse,
    Outcome,
    course_of,
    key_of,
)
from lipiyana.learning.finetune.common.saving import BEST
from lipiyana.learning.finetune.common.twins import FLOAT_SUFFIX, today, twins
from lipiyana.learning.finetune.reader.rendered_lines import corpus_like
from lipiyana.learning.quantize.floor import LEAST_SHARE, require_useful
from lipiyana.learning.quantize.search import open_file
from lipiyana.learning.trainer.stored_weights import load_weights
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.recognition.charset import Charset
from lipiyana.rendering.fonts.families import FontLibrary
from lipiyana.runtime.manifest import ModelEntry, Task
from lipiyana.runtime.model_folder import NewModel, add_models
from lipiyana.runtime.store import ModelStore

_LEAST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillJob(Job):
    """Settings of distillation, in addition to those of every `Job`.

    The limits do not include the time in which the teacher processes the pictures.

    Attributes:
        teacher: name of a text detector; None for the preferred one.
        photos: folder of pictures to use in addition to rendered ones.
        streets: number of pictures to render, streets and walls in turns.
        start: float file of a student to continue from; None for PP-OCRv6's weights, where that is
            installed.
        recipe: training settings.
        mix_size: side of the training crops in pixels.
    """

    teacher: str | None = None
    photos: Path | None = None
    streets: int = 2000
    start: Path | None = None
    recipe: StudentRecipe = field(default_factory=StudentRecipe)
    mix_size: int = 384
    name: str = "text-detector-student"
    limits: Limits = field(
        default_factory=lambda: Limits(minutes=60.0, measure_every_s=120.0, patience=12)
    )


@dataclass(frozen=True, slots=True)
class Distilled(Outcome):
    """Outcome of distillation; with samples, both detectors are compared."""

    compared: Compared | None = None


def distill_text_detector(
    job: DistillJob, store: ModelStore, listener: Listener | None = None
) -> Distilled:
    """Render pictures, run the teacher on them, train, quantize, compare and register.

    Args:
        job: the job.
        store: the installed models, including the teacher.
        listener: receives the progress.

    Raises:
        InvalidRequest: the teacher is not a text detector, `start` is not a student, there are
            too few pictures, or the folder has an unfinished course (UNFINISHED) or a finished
            student of this name other than `start` (FINISHED), and `resume` is not set.
        ModelUnavailable: the teacher is not installed, or the student finds next to nothing
            (MODEL_TOO_WEAK): then nothing is registered, and the course stays.
        LookupError: streets are wanted, and there are no fonts.
    """
    listener = listener or Listener()
    teacher = _teacher(job, store)
    if teacher.task is not Task.TEXT_DETECTOR:
        raise InvalidRequest(f"{teacher.name} is not a text detector", field="teacher")
    start = read_student(job.start) if job.start else None
    begins_from = sha256(read_file(job.start, MAX_MODEL_BYTES)).hexdigest() if job.start else None
    refuse_finished(job, begins_from, f"--start with the file of {job.name}{FLOAT_SUFFIX}")
    key = key_of([teacher.sha256, job.name, str(job.streets), str(job.photos), str(job.start)])
    with course_of(job, key, listener) as course:
        pool = _pool(job, course.work, store, teacher, listener)
        mix = CropMix(pool.train, size=job.mix_size)
        if not course.learn(
            lambda: DistillLearner(
                course.work, mix, pool.validation, job.recipe, start, _pretrained(store)
            )
        ):
            return Distilled(course.state)
        return _finish(job, course, store, teacher, pool)


def _teacher(job: DistillJob, store: ModelStore) -> ModelEntry:
    """The wanted teacher, or else the detector that the built-in one learned from."""
    if job.teacher:
        return store.entry(job.teacher)
    if _pretrained(store) is not None:
        return store.entry(PRETRAINED)
    return store.default_for_task(Task.TEXT_DETECTOR)


def _pretrained(store: ModelStore) -> Path | None:
    installed = (one for one in store.entries if one.name == PRETRAINED and one.installed)
    return next((one.file for one in installed), None)


def _pool(
    job: DistillJob, work: Path, store: ModelStore, teacher: ModelEntry, listener: Listener
) -> Pool:
    listener.on_step("running the teacher on the pictures")
    pictures = photographs(job.photos)
    if job.streets:
        reader = store.default_for_task(Task.LINE_READER)
        corpus = corpus_like(reader.words, Charset.load())
        fonts = FontLibrary.load()
        drawers = Streets(corpus, fonts), Walls(corpus, fonts, [photo for _, photo in pictures])
        pictures += [
            (f"drawn-{n:06d}", partial(drawers[n % 2].picture, n)) for n in range(job.streets)
        ]
    listener.on_labels(len(pictures))
    session = open_file(teacher.file, teacher.task)
    pool = fill_pool(work / "pool", pictures, session, listener.on_label)
    if len(pool.train) < _LEAST:
        raise InvalidRequest(
            f"{len(pool.train)} pictures are too few for training; at least {_LEAST} are needed, "
            "and a thousand work well",
            field="photos",
            reason="TOO_LITTLE_DATA",
        )
    return pool


def _finish(
    job: DistillJob, course: OpenCourse, store: ModelStore, teacher: ModelEntry, pool: Pool
) -> Distilled:
    work, state, listener = course.work, course.state, course.listener
    listener.on_step("exporting")
    net = TextStudent()
    net.load_state_dict(load_weights(work / BEST))
    twin, small = work / "float.onnx", work / "int8.onnx"
    export_student(net, twin)
    listener.on_step("quantizing")
    agreement = quantize_student(twin, small, pool.train)
    overlap = 1 - (state.best.error if state.best else 1.0)
    measure = "the overlap with the teacher's text pixels in held-out pictures (Dice)"
    require_useful(job.name, measure, overlap, 1.0)
    models = [
        NewModel(
            name,
            Task.TEXT_DETECTOR,
            file,
            today(),
            teacher.licence,
            f"lines that {teacher.name} finds in {len(pool.train)} pictures",
            _card(job, teacher, state, agreement),
            scores={"overlap_with_teacher": round(overlap, 4)},
        )
        for name, file in ((job.name + FLOAT_SUFFIX, twin), (job.name, small))
    ]
    # INT8 with other answers than the float student is not its twin
    pair = twins(*models, good=agreement >= LEAST_SHARE, faster=True)
    compared = None
    if job.samples is not None:
        listener.on_step("comparing")
        add_models(work / "staged", pair)
        compared = compare(
            TextDetector(store, name=teacher.name),
            TextDetector(ModelStore(work / "staged", store.threads), name=pair[0].name),
            sample_scenes(job.samples),
        )
        measure = "the share of lines of the project's samples that are found"
        require_useful(job.name, measure, compared.recall[1], compared.recall[0])
    listener.on_step("registering")
    return Distilled(state, add_models(job.out, pair), compared)


def _card(job: DistillJob, teacher: ModelEntry, state: CourseState, agreement: float) -> str:
    best = state.best.error if state.best else 1.0
    return "\n".join(
        (
            f"# {job.name}",
            "",
            f"Distilled from `{teacher.name}` (sha256 {teacher.sha256}) in "
            f"{state.seconds / 60:.0f} minutes on pictures that this project renders with known "
            "lines, and on the photos of a folder if one was given. In photos it finds only what "
            "its teacher finds.",
            "",
            "Overlap (Dice) with the lines of held-out pictures: "
            f"{1 - best:.3f}; of INT8 with float: {agreement:.3f}.",
            "",
        )
    )
