"""How a box moves: a Kalman filter of constant velocity for each of its coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipiyana.types import Box
from lipiyana.vehicles.tracking.settings import TRACKING, TrackingSettings


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Centre, width and height of a box, and how each changes.

    The four are filtered independently, so that the covariance is one of 2x2 for each.

    Attributes:
        state: (4, 2): x, y, width, height in pixels, and their change a frame.
        covariance: (4, 2, 2).
        seen: (4,) as last seen.
        settings: tuned constants.
    """

    state: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    seen: npt.NDArray[np.float64]
    settings: TrackingSettings = TRACKING

    @classmethod
    def of(cls, box: Box, settings: TrackingSettings = TRACKING) -> Motion:
        """Begin with a box that is seen for the first time and may move anywhere."""
        measured = _measured(box)
        scale = _scale(measured)
        covariance = np.zeros((4, 2, 2))
        covariance[:, 0, 0] = (np.array(settings.measured) * scale) ** 2
        covariance[:, 1, 1] = (np.array(settings.first_speed) * scale) ** 2
        return cls(np.stack([measured, np.zeros(4)], axis=1), covariance, measured, settings)

    def later(self, frames: float) -> Motion:
        """Predict; the acceleration is white noise (Bar-Shalom et al. 2001, section 6.2.2)."""
        step = np.array([[1.0, frames], [0.0, 1.0]])
        noise = np.array([[frames**3 / 3, frames**2 / 2], [frames**2 / 2, frames]])
        state = self.state @ step.T
        most = self.settings.most_growth
        state[2:, 0] = np.clip(state[2:, 0], self.seen[2:] / most, self.seen[2:] * most)
        spread = (np.array(self.settings.speeding) * _scale(self.seen)) ** 2
        covariance = step @ self.covariance @ step.T + spread[:, None, None] * noise
        return Motion(state, covariance, self.seen, self.settings)

    def corrected(self, box: Box) -> Motion:
        """Update by a box that was seen."""
        measured = _measured(box)
        surprise = measured - self.state[:, 0]
        gain = self.covariance[:, :, 0] / self._innovation(measured)[:, None]
        state = self.state + gain * surprise[:, None]
        covariance = self.covariance - gain[:, :, None] * self.covariance[:, :1, :]
        return Motion(state, covariance, measured, self.settings)

    def distance(self, box: Box) -> float:
        """Squared Mahalanobis distance of a box's centre: chi-squared, two degrees of freedom."""
        measured = _measured(box)
        surprise = measured - self.state[:, 0]
        return float((surprise**2 / self._innovation(measured))[:2].sum())

    @property
    def box(self) -> Box:
        """Where the box should be."""
        x, y, width, height = self.state[:, 0].tolist()
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def _innovation(self, measured: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        deviations = np.array(self.settings.measured) * _scale(measured)
        return np.asarray(self.covariance[:, 0, 0] + deviations**2)


def _measured(box: Box) -> npt.NDArray[np.float64]:
    width, height = max(1.0, box.x_max - box.x_min), max(1.0, box.y_max - box.y_min)
    return np.array([(box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2, width, height])


def _scale(coordinates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.tile(coordinates[2:], 2)
