"""A recognizer that decodes what it is given, and reads nothing: the way in, without the models."""

from __future__ import annotations

from collections.abc import Sequence

from lipiyana.errors import InvalidRequest, LipiyanaError
from lipiyana.images import DEFAULT_LIMITS, ImageLimits, load
from lipiyana.ocr.scripts import SCRIPTS
from lipiyana.types import ImageInput, Recognition, RecognitionConfig
from served_fake import FakeRecognizer


class Decoder(FakeRecognizer):
    """Tells the size of a picture; `decoded` counts those whose pixels were had."""

    def __init__(self, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        super().__init__()
        self.decoded = 0
        self._limits = limits

    def recognize(
        self,
        image: ImageInput,
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> Recognition:
        height, width = load(image, self._limits).shape[:2]
        self.decoded += 1
        return Recognition(width, height)

    def recognize_batch(
        self,
        images: Sequence[ImageInput],
        config: RecognitionConfig | None = None,
        *,
        timeout: float | None = None,
    ) -> list[Recognition | LipiyanaError]:
        if config is not None:
            if not 0 <= config.least_confidence <= 1:
                raise InvalidRequest("min_confidence", field="min_confidence")
            if set(config.script_hints) - set(SCRIPTS):
                raise InvalidRequest("script_hints", field="script_hints")
        return [self.recognize(image, config) for image in images]
