"""One picture in, everything that was read out: the stages in their order, in this process."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipiyana.clock import Clock
from lipiyana.errors import InternalError, InvalidRequest, LipiyanaError, ModelUnavailable
from lipiyana.images import DEFAULT_LIMITS, ImageLimits, load
from lipiyana.ocr.crops import crop_quad
from lipiyana.ocr.detection import TextDetector
from lipiyana.ocr.geometry import rectangle
from lipiyana.ocr.grammar_search import letters_and_digits
from lipiyana.ocr.latin_specialist import installed_reader
from lipiyana.ocr.long_lines import LongLineReader
from lipiyana.ocr.plate_crops import PlateCropReader
from lipiyana.ocr.plates import PlateRow, find_plates
from lipiyana.ocr.scripts import SCRIPTS
from lipiyana.recognizer import FrameResult
from lipiyana.results import in_reading_order, plate, text_line
from lipiyana.runtime import ModelStore, model_info
from lipiyana.stream import newest_frames
from lipiyana.types import (
    Feature,
    Frame,
    ImageInput,
    Layout,
    ModelInfo,
    Recognition,
    RecognitionConfig,
)

PIPELINE_VERSION = "3"
"""Changes whenever the same models would give another answer for the same picture."""

_log = logging.getLogger(__name__)
_Image = npt.NDArray[np.uint8]


class LocalRecognizer:
    """Reads pictures in this process. Safe to share between threads.

    It implements `lipiyana.recognizer.Recognizer`.
    """

    def __init__(
        self,
        store: ModelStore | None = None,
        *,
        models_dir: Path | None = None,
        limits: ImageLimits = DEFAULT_LIMITS,
        threads: int | None = None,
    ) -> None:
        """Choose the models; they are loaded when they are first needed.

        Args:
            store: the models; without it, one is made of the next argument and `threads`.
            models_dir: a folder of models that come before the built-in ones.
            limits: what pictures may be.
            threads: that one model uses at once; by default all that the process may use.

        Raises:
            ModelUnavailable: `models_dir` has no manifest, or no model that reads is installed.
        """
        self.store = store or ModelStore(models_dir, threads)
        self.limits = limits
        self._detector = TextDetector(self.store)
        reader = installed_reader(self.store)
        self._reader = LongLineReader(reader)
        # a plate is one registration however long it is
        self._plate_reader = PlateCropReader(self.store, reader)

    @property
    def features(self) -> frozenset[Feature]:
        """What can be asked for with the models that are installed."""
        return self.store.installed_features()

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """Every model that may take part, known without loading any."""
        return tuple(map(model_info, (self._detector.entry, *self._reader.entries)))

    def plan_digest(self) -> str:
        """Hash everything but picture and config that an answer depends on, for cache keys."""
        parts = [PIPELINE_VERSION, repr(self.limits)]
        parts += [f"{info.name} {info.version} {info.sha256}" for info in self.models]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        """Read one picture; see `Recognizer.recognize`.

        The timeout is looked at between stages: a stage that has begun is finished.
        """
        clock = Clock(timeout)
        config = config or RecognitionConfig()
        features = self._check(config)
        with clock.stage("decode"):
            pixels = load(image, self.limits)
        if config.layout is Layout.LINE:
            return self._line(pixels, config, clock)
        if config.layout is Layout.PLATE:
            return self._plate(pixels, config, clock)
        return self._scene(pixels, config, features, clock)

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures within one timeout; see `Recognizer.recognize_batch`."""
        self._check(config or RecognitionConfig())
        clock = Clock(timeout)
        return [self._outcome(image, config, clock.left()) for image in images]

    def recognize_stream(
        self, frames: Iterable[Frame], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Read frames as they come; see `Recognizer.recognize_stream`.

        What `frames` itself raises is raised here too.
        """
        self._check(config or RecognitionConfig())
        return self._stream(frames, config)

    def close(self) -> None:
        """Do nothing: nothing is held but memory."""

    def _stream(
        self, frames: Iterable[Frame], config: RecognitionConfig | None
    ) -> Iterator[FrameResult]:
        with contextlib.closing(newest_frames(frames)) as newest:
            for frame, dropped in newest:
                outcome = self._outcome(frame.image, config, None)
                yield FrameResult(frame.frame_id, outcome, dropped)

    def _outcome(
        self, image: ImageInput, config: RecognitionConfig | None, timeout: float | None
    ) -> Recognition | LipiyanaError:
        try:
            return self.recognize(image, config, timeout=timeout)
        except LipiyanaError as error:
            return error
        except Exception as error:
            # the message of an error may quote a plate, so where it came from is all that is logged
            frames = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s while reading a picture, at\n%s", type(error).__name__, frames)
            return InternalError(f"{type(error).__name__} while reading the picture")

    def _check(self, config: RecognitionConfig) -> frozenset[Feature]:
        """Refuse what cannot be served; return the features that are wanted."""
        if not (math.isfinite(config.min_confidence) and 0 <= config.min_confidence <= 1):
            raise InvalidRequest(
                f"min_confidence is {config.min_confidence}; it must be from 0 to 1",
                field="min_confidence",
            )
        for hint in config.script_hints:
            if hint not in SCRIPTS:
                raise InvalidRequest(
                    f"unknown script {hint!r}; known are {', '.join(sorted(SCRIPTS))}",
                    field="script_hints",
                )
        installed = self.features
        for feature in sorted(config.features - installed):
            raise ModelUnavailable(
                f"no model for the feature {feature.value} is installed; `lipiyana models list` "
                "shows what is"
            )
        return config.features or installed

    def _line(self, pixels: _Image, config: RecognitionConfig, clock: Clock) -> Recognition:
        height, width = pixels.shape[:2]
        quad = rectangle(0, 0, width, height)
        with clock.stage("read_lines"):
            (reading,) = self._reader.read([crop_quad(pixels, quad)])
        line = text_line(PlateRow(quad, reading), config.romanize)
        return Recognition(
            width,
            height,
            text_lines=(line,),
            models=tuple(map(model_info, self._reader.entries)),
            timings=clock.timings,
        )

    def _plate(self, pixels: _Image, config: RecognitionConfig, clock: Clock) -> Recognition:
        height, width = pixels.shape[:2]
        with clock.stage("read_plates"):
            reading = self._plate_reader.read(pixels)
        return Recognition(
            width,
            height,
            plates=(plate(reading, config.romanize),),
            models=self.models,
            timings=clock.timings,
        )

    def _scene(
        self,
        pixels: _Image,
        config: RecognitionConfig,
        features: frozenset[Feature],
        clock: Clock,
    ) -> Recognition:
        height, width = pixels.shape[:2]
        rows = self._read_rows(pixels, clock)
        lines, plates = [], []
        if Feature.PLATES in features:
            with clock.stage("parse_registrations"):
                plates = [plate(reading, config.romanize) for reading in find_plates(rows)]
        if Feature.TEXT in features:
            with clock.stage("order_lines"):
                lines = [text_line(row, config.romanize) for row in in_reading_order(rows)]
        return Recognition(
            width,
            height,
            plates=tuple(p for p in plates if p.confidence >= config.min_confidence),
            text_lines=tuple(n for n in lines if n.confidence >= config.min_confidence),
            models=self.models,
            timings=clock.timings,
        )

    def _read_rows(self, pixels: _Image, clock: Clock) -> list[PlateRow]:
        with clock.stage("detect_text"):
            regions = self._detector.detect(pixels)
        with clock.stage("crop_lines"):
            crops = [crop_quad(pixels, region.polygon) for region in regions]
        with clock.stage("read_lines"):
            readings = self._reader.read(crops, keep=letters_and_digits)
        found = zip(regions, readings, strict=True)
        return [PlateRow(region.polygon, reading) for region, reading in found if reading.text]
