"""Checks what runs the models: devices of this machine, and a server of models."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from lipiyana.cli.doctor.findings import Finding
from lipiyana.errors import LipiyanaError
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.devices import PROVIDERS, Device, compute_of, devices_here
from lipiyana.runtime.store import ModelStore


def devices() -> Iterator[Finding]:
    """List the devices that ONNX Runtime was built for, and what the others need."""
    here = devices_here()
    for device in here:
        tried = PROVIDERS[device].tried
        detail = f"{device}: this project ran {tried}" if tried else (
            f"{device}: ONNX Runtime has it, but this project has never run it; compare its answers"
        )  # fmt: skip
        yield Finding("ok" if tried else "note", "device", detail)
    others = [
        f"{device} ({provider.package}{'' if provider.tried else ', never run by this project'})"
        for device, provider in PROVIDERS.items()
        if device not in (*here, Device.AUTO)
    ]
    if others:
        yield Finding(
            "ok", "other devices", f"need another build of ONNX Runtime: {', '.join(others)}"
        )


def inference(settings: Any) -> Iterator[Finding]:
    """Check the device, and the server of models that the settings name."""
    compute = compute_of(settings.device, settings.fp16)
    if not compute.on_cpu:
        yield Finding("ok", "inference", f"models run on {compute}")
    options = settings.inference_options
    if options is None:
        return
    from lipiyana.inference.models import RemoteModels

    models = RemoteModels(options)
    try:
        began = time.perf_counter()
        models.connection.live(options.timeout)
        seconds = time.perf_counter() - began
        store = ModelStore(settings.models, threads=1, source=models)
        for model in LocalRecognizer(store).models:
            store.session(model.name)  # compares it
    except LipiyanaError as error:
        yield Finding("wrong", "inference", error.message)
        return
    finally:
        models.close()
    yield Finding(
        "ok",
        "inference",
        f"{options.address} has all models; it answers in {seconds * 1000:.1f} ms",
    )
