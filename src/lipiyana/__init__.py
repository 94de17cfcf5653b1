"""Reads Indian roads: vehicles, registrations and signs in the scripts of India.

What most programs need is here by its short name, and is loaded when it is first asked for: a
program that only uses `Client` loads no model runtime.

    from pathlib import Path

    from lipiyana import LocalRecognizer

    for plate in LocalRecognizer().recognize(Path("street.jpg")).plates:
        print(plate.registration.canonical or plate.text)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lipiyana.client import AsyncClient, Client
    from lipiyana.errors import LipiyanaError
    from lipiyana.pipeline import LocalRecognizer
    from lipiyana.recognizer import FrameResult, Recognizer
    from lipiyana.types import (
        Box,
        CachePolicy,
        Feature,
        Frame,
        Layout,
        PixelFormat,
        Plate,
        RawImage,
        Recognition,
        RecognitionConfig,
        Registration,
        TextLine,
        Vehicle,
    )

__all__ = [
    "AsyncClient",
    "Box",
    "CachePolicy",
    "Client",
    "Feature",
    "Frame",
    "FrameResult",
    "Layout",
    "LipiyanaError",
    "LocalRecognizer",
    "PixelFormat",
    "Plate",
    "RawImage",
    "Recognition",
    "RecognitionConfig",
    "Recognizer",
    "Registration",
    "TextLine",
    "Vehicle",
]

if not TYPE_CHECKING:  # a type checker takes any name where there is a __getattr__
    _MODULES = {
        "AsyncClient": "client",
        "Client": "client",
        "FrameResult": "recognizer",
        "LipiyanaError": "errors",
        "LocalRecognizer": "pipeline",
        "Recognizer": "recognizer",
    }

    def __getattr__(name: str) -> object:
        """Load what stands in `__all__`, by PEP 562."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'types')}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
