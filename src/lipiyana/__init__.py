"""Reads pictures of Indian roads: vehicles, registrations, and signs in the scripts of India.

All public names are importable from this package. Each is loaded on first use, so a program that
only uses `Client` does not load ONNX Runtime.

    >>> from lipiyana import LocalRecognizer
    >>> found = LocalRecognizer().recognize("samples/scenes/02_highway_bengaluru.jpg")
    >>> for plate in found.plates:
    ...     print(plate.registration.canonical, plate.registration.format)
    AR686878 standard
    22BH0091H bharat

The examples in docstrings read `samples/` and run in a clone of the project.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# ONNX Runtime, from 1.29 on, writes down what it runs and on which machine, and sends it to its
# makers. It looks for this variable when it is imported, which is after this package is.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from lipiyana.client import AsyncClient, Client
    from lipiyana.errors import (
        Cancelled,
        DeadlineExceeded,
        InternalError,
        InvalidImage,
        InvalidRequest,
        LipiyanaError,
        MessageTooLarge,
        MissingExtra,
        ModelUnavailable,
        NotFound,
        Overloaded,
        PermissionDenied,
        Unauthenticated,
        Unavailable,
    )
    from lipiyana.images.loading import ImageLimits
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.recognizer import FrameResult, Recognizer
    from lipiyana.types import (
        Box,
        CacheOutcome,
        CachePolicy,
        Category,
        Feature,
        Frame,
        FrameInput,
        ImageInput,
        Layout,
        ModelInfo,
        PixelFormat,
        Plate,
        PlateColour,
        RawImage,
        Recognition,
        RecognitionConfig,
        Registration,
        RegistrationFormat,
        TextLine,
        Vehicle,
        Word,
    )

__all__ = [
    "AsyncClient",
    "Box",
    "CacheOutcome",
    "CachePolicy",
    "Cancelled",
    "Category",
    "Client",
    "DeadlineExceeded",
    "Feature",
    "Frame",
    "FrameInput",
    "FrameResult",
    "ImageInput",
    "ImageLimits",
    "InternalError",
    "InvalidImage",
    "InvalidRequest",
    "Layout",
    "LipiyanaError",
    "LocalRecognizer",
    "MessageTooLarge",
    "MissingExtra",
    "ModelInfo",
    "ModelUnavailable",
    "NotFound",
    "Overloaded",
    "PermissionDenied",
    "PixelFormat",
    "Plate",
    "PlateColour",
    "RawImage",
    "Recognition",
    "RecognitionConfig",
    "Recognizer",
    "Registration",
    "RegistrationFormat",
    "TextLine",
    "Unauthenticated",
    "Unavailable",
    "Vehicle",
    "Word",
]

# where git or an unpacking tool makes no symbolic links, it writes where they lead into a file
if os.path.isfile(os.path.join(__path__[0], "ocr")):  # noqa: PTH113, PTH118
    raise ImportError(
        f"{__path__[0]}/ocr is a file: this checkout lacks its symbolic links. Clone the "
        "repository with `git clone -c core.symlinks=true`, on Windows in developer mode"
    )

if not TYPE_CHECKING:  # a type checker takes any name where there is a __getattr__
    _MODULES = {
        "AsyncClient": "client",
        "Client": "client",
        "FrameResult": "recognizer",
        "ImageLimits": "images.loading",
        "LocalRecognizer": "pipeline",
        "Recognizer": "recognizer",
    } | dict.fromkeys(
        (
            "Cancelled",
            "DeadlineExceeded",
            "InternalError",
            "InvalidImage",
            "InvalidRequest",
            "LipiyanaError",
            "MessageTooLarge",
            "MissingExtra",
            "ModelUnavailable",
            "NotFound",
            "Overloaded",
            "PermissionDenied",
            "Unauthenticated",
            "Unavailable",
        ),
        "errors",
    )

    def __getattr__(name: str) -> object:
        """Load what stands in `__all__`, by PEP 562."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            module = import_module(f"{__name__}.{_MODULES.get(name, 'types')}")
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] == __name__:
                raise
            raise ModuleNotFoundError(
                f"{name} needs {error.name}, which is not installed: `pip install .` in a clone "
                "of the project installs what it needs",
                name=error.name,
            ) from error
        value = getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
