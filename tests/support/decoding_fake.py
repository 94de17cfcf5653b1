"""A fake recognizer that decodes pictures but has no models, to test the input path."""

from __future__ import annotations

from served_fake import FakeRecognizer

from lipiyana.images.loading import DEFAULT_LIMITS, ImageLimits, load
from lipiyana.types import ImageInput, Recognition, RecognitionConfig


class Decoder(FakeRecognizer):
    """Returns the size of a picture; `decoded` counts the pictures that were decoded."""

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
