"""What a client can ask of a server: its models, features, layouts and limits."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from lipiyana.runtime.manifest import Task
from lipiyana.server.settings.model import ServerSettings
from lipiyana.types import Feature, Layout

_PLATE = "plate"
"""The class of detectors that is not a vehicle."""


def models_of(recognizer: Any, settings: ServerSettings) -> dict[str, Any]:
    """The answer of `/v1/models`; a recognizer without a store of models has none to list."""
    store = getattr(recognizer, "store", None)
    models, labels = [], []
    if store is not None:
        for model in recognizer.models:
            entry = store.entry(model.name)
            models.append(
                {
                    "name": model.name,
                    "version": model.version,
                    "sha256": model.sha256,
                    "task": entry.task.value,
                }
            )
        detector = store.installed(Task.VEHICLE_DETECTOR)
        if detector is not None:
            classes = store.session(detector.name).metadata.get("classes", "").split("\n")
            labels = [label for label in classes if label and label != _PLATE]
    features = getattr(recognizer, "features", None)
    return {
        "models": models,
        "features": sorted(f.value for f in (Feature if features is None else features)),
        "layouts": [layout.value for layout in Layout],
        "labels": labels,
        "max_batch": settings.max_batch,
        "max_message_bytes": settings.max_message_bytes,
        "version": version("lipiyana"),
    }
