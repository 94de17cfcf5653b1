"""`LocalRecognizer`: runs all stages on a picture, in this process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import traceback
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from lipiyana.arguments import config_of, numbered, pictures_of, require_frames
from lipiyana.arrays import RgbArray
from lipiyana.clock import Clock
from lipiyana.errors import (
    InternalError,
    InvalidImage,
    InvalidRequest,
    LipiyanaError,
    ModelUnavailable,
)
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.headers import SHRUNK_FROM
from lipiyana.images.loading import DEFAULT_LIMITS, ImageLimits, opened
from lipiyana.ocr.detection.detector import TextDetector
from lipiyana.ocr.plates.crop_reader import PlateCropReader
from lipiyana.ocr.recognition.line_feature import collected_features
from lipiyana.ocr.recognition.single_line import read_single_line
from lipiyana.ocr.recognition.text_reader import installed_reader
from lipiyana.recognizer import FrameResult, PictureObserver
from lipiyana.runtime.devices import Device
from lipiyana.runtime.store import ModelStore, model_info
from lipiyana.scene.direction import turned
from lipiyana.scene.original_size import in_original_pixels, turned_back
from lipiyana.scene.reader import SceneReader
from lipiyana.scene.results import plate_from_reading, text_line, with_colours
from lipiyana.stream.newest_frame import newest_frames
from lipiyana.stream.tracks import StreamTracks
from lipiyana.types import (
    Feature,
    Frame,
    FrameInput,
    ImageInput,
    Layout,
    ModelInfo,
    Recognition,
    RecognitionConfig,
)
from lipiyana.words import shown

PIPELINE_VERSION = "13"
"""Changes whenever the same models give another answer for the same picture."""

MAX_ASPECTS = {Layout.LINE: 200, Layout.PLATE: 50}
"""Largest ratio of the sides of a crop. A longer one is neither a line of text nor a plate, and
would be enlarged to the height of the reader's input.
"""

_log = logging.getLogger(__name__)
_RGB = 3


class LocalRecognizer:
    """Reads pictures in this process; a `Recognizer`. May be shared between threads.

    Examples:
        >>> from lipiyana import LocalRecognizer, RecognitionConfig
        >>> recognizer = LocalRecognizer()
        >>> found = recognizer.recognize(
        ...     "samples/plates/04_delhi_1row.jpg", RecognitionConfig(layout="plate")
        ... )
        >>> found.plates[0].registration.region_name
        'Delhi'

    Create one recognizer and keep it: models are loaded on first use.
    """

    def __init__(
        self,
        store: ModelStore | None = None,
        *,
        models_dir: str | os.PathLike[str] | None = None,
        limits: ImageLimits = DEFAULT_LIMITS,
        threads: int | None = None,
        device: Device | str = Device.AUTO,
        fp16: bool = False,
        decoding_memory: DecodingMemory | None = None,
        observer: PictureObserver | None = None,
    ) -> None:
        """Choose the models; they are loaded on first use.

        Args:
            store: the models; by default a store of `models_dir`, `threads`, `device` and `fp16`.
            models_dir: folder of models that take precedence over the built-in ones.
            limits: largest picture to accept.
            threads: number of threads of one model; by default all CPUs of the process.
            device: what runs the models: `cpu`, `cuda`, ...; by default the CPU.
            fp16: whether the device computes in 16-bit floats.
            decoding_memory: memory bound that pictures read at the same time share; by default
                only each picture has a bound.
            observer: sees each picture that was read; closed with this.

        Raises:
            ModelUnavailable: `models_dir` has no manifest, no line reader is installed, or the
                installed ONNX Runtime does not have the device.
            InvalidRequest: an argument has the wrong type, or `threads` is below 1.
        """
        self.store = _store(store, models_dir, threads, device, fp16)
        self.limits = limits
        self.decoding_memory = decoding_memory
        self.observer = observer
        detector = TextDetector(self.store)
        self._text_detector = detector.entry
        reader = installed_reader(self.store)
        self._reader = reader.splitting_long_lines()
        # a plate is one registration however long it is, so it is never split
        self._plate_reader = PlateCropReader(self.store, reader)
        self._scenes = SceneReader(self.store, detector, self._reader, self._plate_reader)

    @property
    def features(self) -> frozenset[Feature]:
        """The features whose models are installed."""
        return self.store.installed_features()

    @property
    def ready(self) -> bool:
        """Whether pictures can be read now; False where a server of models is away."""
        return self.store.ready

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """All models that may be used. None is loaded by this."""
        return tuple(map(model_info, self._scenes.entries))

    def plan_digest(self) -> str:
        """Hash everything that an answer depends on, except picture and config, for cache keys."""
        parts = [PIPELINE_VERSION, repr(self.limits)]
        for entry in self._scenes.entries:
            parameters = json.dumps(entry.parameters, sort_keys=True, default=str)
            parts.append(f"{entry.name} {entry.version} {entry.sha256} {parameters}")
        if self.store.place:
            parts.append(self.store.place)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        """Read one picture; see `Recognizer.recognize`.

        The timeout is checked between stages; a stage that has started is finished.
        """
        clock = Clock(timeout)
        config = config_of(config)
        features = self._check(config)
        with contextlib.ExitStack() as held:
            with clock.stage("decode"):
                picture = held.enter_context(
                    opened(image, self.limits, self.decoding_memory, clock.left())
                )
            with collected_features() as of_lines:
                read = self._read(picture.pixels, config, features, clock)
            found = in_original_pixels(read, picture.width, picture.height)
            if self.observer is not None:
                self.observer.observe(picture.pixels, config, found, of_lines)
            return found

    def recognize_pixels(
        self, pixels: RgbArray, config: RecognitionConfig, *, timeout: float | None = None
    ) -> Recognition:
        """Read a picture that is decoded already, (height, width, 3) RGB; see `recognize`."""
        clock = Clock(timeout)
        with collected_features() as of_lines:
            found = self._read(pixels, config, self._check(config), clock)
        if self.observer is not None:
            self.observer.observe(pixels, config, found, of_lines)
        return found

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        """Read several pictures within one timeout; see `Recognizer.recognize_batch`."""
        config = config_of(config)
        self._check(config)
        clock = Clock(timeout)
        return [self._outcome(image, config, clock.left()) for image in pictures_of(images)]

    def recognize_stream(
        self, frames: Iterable[FrameInput], config: RecognitionConfig | None = None
    ) -> Iterator[FrameResult]:
        """Read frames as they arrive; see `Recognizer.recognize_stream`.

        Vehicles keep their `track_id` from frame to frame, and registrations are voted on over
        frames (`StreamTracks`). An exception of `frames` is raised here.
        """
        config = config_of(config)
        self._check(config)
        require_frames(frames)
        return self._stream(numbered(frames), config)

    def check_config(self, config: RecognitionConfig) -> None:
        """Refuse a config before any picture is read with it.

        Raises:
            ModelUnavailable: it asks for a feature whose model is not installed.
        """
        self._check(config)

    def close(self) -> None:
        """Close the observer, and the connection to a server of models, where there is one."""
        if self.observer is not None:
            self.observer.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _stream(self, frames: Iterable[Frame], config: RecognitionConfig) -> Iterator[FrameResult]:
        tracks = StreamTracks(config.layout)
        with contextlib.closing(newest_frames(frames)) as newest:
            for frame, dropped in newest:
                outcome = self._outcome(frame.image, config, None)
                followed = tracks.update(outcome, len(dropped))
                yield FrameResult(frame.frame_id, followed, dropped)

    def _read(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,
        features: frozenset[Feature],
        clock: Clock,
    ) -> Recognition:
        if config.layout is Layout.SCENE:
            return self._scenes.read(pixels, config, features, clock)
        _check_shape(pixels, config.layout)
        if pixels.size > _RGB * SHRUNK_FROM:  # to warp and pad it would take several times as much
            pixels = np.asarray(
                cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            )
        read = self._line if config.layout is Layout.LINE else self._plate
        return read(pixels, config, clock)

    def _outcome(
        self, image: ImageInput, config: RecognitionConfig, timeout: float | None
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
        """Return the features to look for; raise an error for one without a model."""
        installed = self.features
        for feature in sorted(config.features - installed):
            raise ModelUnavailable(
                f"no model for the feature {feature.value} is installed; `lipiyana models list` "
                "shows what is"
            )
        return config.features or installed

    def _line(self, pixels: RgbArray, config: RecognitionConfig, clock: Clock) -> Recognition:
        height, width = pixels.shape[:2]
        with clock.stage("read_lines"):
            read = read_single_line(pixels, self._reader, config.script_hints, words=config.words)
        line = text_line(read.line, config.romanize, pixels.shape)
        lines = (line,) if line.confidence >= config.least_confidence else ()
        return Recognition(
            width,
            height,
            text_lines=lines,
            models=tuple(map(model_info, self._reader.entries)),
            timings=clock.timings,
            rotation_degrees=180 if read.upside_down else 0,
        )

    def _plate(self, pixels: RgbArray, config: RecognitionConfig, clock: Clock) -> Recognition:
        height, width = pixels.shape[:2]
        with clock.stage("read_plates"):
            reading = self._plate_reader.read(pixels, known=True, words=config.words)
            over = None if reading.registration.valid else turned(pixels, 180)
            if over is not None:
                other = self._plate_reader.read(over, known=True, words=config.words)
                reading, over = (other, over) if other.registration.valid else (reading, None)
        seen = pixels if over is None else over
        found = plate_from_reading(reading, config.romanize, pixels.shape)
        plates = (with_colours(found, seen),) if found.confidence >= config.least_confidence else ()
        result = Recognition(
            width,
            height,
            plates=plates,
            models=tuple(map(model_info, (self._text_detector, *self._reader.entries))),
            timings=clock.timings,
        )
        return result if over is None else turned_back(result, 180)


def _store(
    store: object, models_dir: object, threads: int | None, device: Device | str, fp16: bool
) -> ModelStore:
    if store is None:
        return ModelStore(models_dir, threads, device=device, fp16=fp16)  # type: ignore[arg-type]
    if not isinstance(store, ModelStore):
        raise InvalidRequest(
            f"store must be a ModelStore, not {shown(store)}; a folder of models is named by "
            "LocalRecognizer(models_dir=...)",
            field="store",
        )
    if models_dir is not None or threads is not None or device != Device.AUTO or fp16:
        raise InvalidRequest(
            "store has its models, threads and device already: give it alone, or models_dir, "
            "threads and device",
            field="store",
        )
    return store


def _check_shape(pixels: RgbArray, layout: Layout) -> None:
    height, width = map(int, pixels.shape[:2])
    most = MAX_ASPECTS[layout]
    if max(height, width) > most * min(height, width):
        raise InvalidImage(
            f"the picture is {width}x{height}; as a {layout.value} it may be at most {most} times "
            f"as long as high: cut out the {layout.value} alone",
            reason="BAD_SHAPE",
        )
