"""Stops the libraries that decode pictures from writing to standard error.

libtiff and OpenCV write a line about every defect of a picture, which breaks the progress bar of a
command and the log of a server. The decoding error reports the defect anyway.
"""

from __future__ import annotations

import contextlib
import ctypes
from importlib.util import find_spec

import cv2


def quiet_decoders() -> None:
    """Turn these lines off for the whole process. A program may do this; a library should not."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # the symbols of libtiff are found through the Pillow module that is linked with it
    with contextlib.suppress(OSError, AttributeError):
        libtiff = ctypes.CDLL(find_spec("PIL._imaging").origin)  # type: ignore[union-attr]
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(libtiff, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)
