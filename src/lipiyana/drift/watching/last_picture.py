"""Notes what is counted of the picture that each thread read last, for runs over files."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from lipiyana.arrays import Features, RgbArray
from lipiyana.drift.counting.answers import observe_answer
from lipiyana.drift.counting.picture import observe_pixels
from lipiyana.drift.counting.signals import Observation
from lipiyana.types import Recognition, RecognitionConfig


class LastPicture(threading.local):
    """An observer of a `LocalRecognizer`.

    Attributes:
        observation: of the picture that this thread read last.
    """

    observation: Observation

    def observe(
        self,
        pixels: RgbArray,
        config: RecognitionConfig,  # noqa: ARG002
        found: Recognition,
        features: Sequence[Features] = (),
    ) -> None:
        """Take a picture; see `PictureObserver`."""
        self.observation = observe_pixels(pixels) | observe_answer(found, features)

    def close(self) -> None:
        """Do nothing."""
