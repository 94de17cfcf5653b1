"""Names of the arrays that most modules pass around."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RgbArray = npt.NDArray[np.uint8]
"""A picture or a part of one: (height, width, 3), RGB."""

Features = npt.NDArray[np.float32]
"""What a reader makes of lines: (lines, 32), see `ocr.recognition.line_feature`."""
