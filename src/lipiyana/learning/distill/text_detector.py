"""`lipiyana models distill`: a text detector taught by the installed one, step by step."""

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
from lipiyana.learning.distill.learner import DistillLearner, StudentRecipe
from lipiyana.learning.distill.network import TextStudent
from lipiyana.learning.distill.pool import Pool, fill_pool, photographs
from lipiyana.learning.distill.streets import Streets, Walls
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
    """What is asked for, beside what every `Job` has; the teacher's looking is not in the limits.

    Attributes:
        teacher: a text detector by name; None for the preferred one.
        photos: a folder of pictures to look at beside the rendered ones.
        streets: how many pictures are rendered, streets and walls in turns.
        start: the float file of a student to go on from; None to begin from nothing.
        recipe: how to learn.
        mix_size: side of the crops, in pixels.
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
    """What came of it, with both detectors compared where there are samples."""

    compared: Compared | None = None


def distill_text_detector(
    job: DistillJob, store: ModelStore, listener: Listener | None = None
) -> Distilled:
    """Render streets, let the teacher look, learn, quantize, compare and register.

    Args:
        job: what is asked for.
        store: the models, of which the teacher is one.
        listener: told how far it is.

    Raises:
        InvalidRequest: the teacher is no text detector, `start` no student, there are too few
            pictures, or the folder has an unfinished course (UNFINISHED) or a finished student of
            the name that `start` is not (FINISHED), and `resume` is not set.
        ModelUnavailable: the teacher is not installed, or the student finds next to nothing
            (MODEL_TOO_WEAK): then nothing is registered, and the course stays.
        LookupError: streets are wanted and there are no fonts.
    """
    told = listener or Listener()
    teacher = (
        store.entry(job.teacher) if job.teacher else store.default_for_task(Task.TEXT_DETECTOR)
    )
    if teacher.task is not Task.TEXT_DETECTOR:
        raise InvalidRequest(f"{teacher.name} is no text detector", field="teacher")
    start = read_student(job.start) if job.start else None
    begins_from = sha256(read_file(job.start, MAX_MODEL_BYTES)).hexdigest() if job.start else None
    refuse_finished(job, begins_from, f"--start with the file of {job.name}{FLOAT_SUFFIX}")
    key = key_of([teacher.sha256, job.name, str(job.streets), str(job.photos), str(job.start)])
    with course_of(job, key, told) as course:
        pool = _pool(job, course.work, store, teacher, told)
        mix = CropMix(pool.train, job.mix_size)
        if not course.learn(
            lambda: DistillLearner(course.work, mix, pool.validation, job.recipe, start)
        ):
            return Distilled(course.state)
        return _finish(job, course, store, teacher, pool)


def _pool(
    job: DistillJob, work: Path, store: ModelStore, teacher: ModelEntry, told: Listener
) -> Pool:
    told.on_step("the teacher looks at the pictures")
    pictures = photographs(job.photos)
    if job.streets:
        reader = store.default_for_task(Task.LINE_READER)
        corpus = corpus_like(reader.words, Charset.load())
        fonts = FontLibrary.load()
        drawers = Streets(corpus, fonts), Walls(corpus, fonts, [photo for _, photo in pictures])
        pictures += [
            (f"drawn-{n:06d}", partial(drawers[n % 2].picture, n)) for n in range(job.streets)
        ]
    told.on_labels(len(pictures))
    pool = fill_pool(work / "pool", pictures, open_file(teacher.file, teacher.task), told.on_label)
    if len(pool.train) < _LEAST:
        raise InvalidRequest(
            f"{len(pool.train)} pictures are too few to learn from; at least {_LEAST} are needed, "
            "and a thousand do well",
            field="photos",
            reason="TOO_LITTLE_DATA",
        )
    return pool


def _finish(
    job: DistillJob, course: OpenCourse, store: ModelStore, teacher: ModelEntry, pool: Pool
) -> Distilled:
    work, state, told = course.work, course.state, course.told
    told.on_step("exporting")
    net = TextStudent()
    net.load_state_dict(load_weights(work / BEST))
    twin, small = work / "float.onnx", work / "int8.onnx"
    export_student(net, twin)
    told.on_step("quantizing")
    quantized = quantize_student(twin, small, pool.train)
    overlap = 1 - (state.best.error if state.best else 1.0)
    measure = "pixels of text that the teacher finds, too, in pictures that were held back (Dice)"
    require_useful(job.name, measure, overlap, 1.0)
    models = [
        NewModel(
            name,
            Task.TEXT_DETECTOR,
            file,
            today(),
            teacher.licence,
            f"lines that {teacher.name} finds in {len(pool.train)} pictures",
            _card(job, teacher, state, quantized.agreement),
            scores={"overlap_with_teacher": round(overlap, 4)},
        )
        for name, file in ((job.name + FLOAT_SUFFIX, twin), (job.name, small))
    ]
    # INT8 that answers otherwise than what was learned is no twin of it
    pair = twins(*models, good=quantized.agreement >= LEAST_SHARE, faster=True)
    compared = None
    if job.samples is not None:
        told.on_step("comparing")
        add_models(work / "staged", pair)
        compared = compare(
            TextDetector(store, name=teacher.name),
            TextDetector(ModelStore(work / "staged", store.threads), name=pair[0].name),
            sample_scenes(job.samples),
        )
        measure = "lines of the project's samples that are found"
        require_useful(job.name, measure, compared.recall[1], compared.recall[0])
    told.on_step("registering")
    return Distilled(state, add_models(job.out, pair), compared)


def _card(job: DistillJob, teacher: ModelEntry, state: CourseState, agreement: float) -> str:
    best = state.best.error if state.best else 1.0
    return "\n".join(
        (
            f"# {job.name}",
            "",
            f"Taught by `{teacher.name}` (sha256 {teacher.sha256}) in {state.seconds / 60:.0f} "
            "minutes on streets that this project renders, and on photos where a folder of them "
            "was given. It finds what its teacher finds, and no more.",
            "",
            "Overlap (Dice) of what both find in pictures that were held back: "
            f"{1 - best:.3f}; of INT8 with float: {agreement:.3f}.",
            "",
        )
    )
