from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from lipiyana.cli.doctor.engines import devices
from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime import devices as module
from lipiyana.runtime.devices import PROVIDERS, Compute, Device, compute_of, open_on
from lipiyana.runtime.store import ModelStore

READER = "reader-int8"
BUILT = onnxruntime.get_available_providers()
ABSENT = [
    device for device, provider in PROVIDERS.items() if provider.name not in BUILT
]  # without a GPU's build: all but the CPU


@pytest.mark.parametrize("device", ["auto", "cpu", Device.CPU])
def test_the_cpu(device: str, store: ModelStore) -> None:
    chosen = ModelStore(threads=1, device=device)
    assert chosen.compute.on_cpu
    assert chosen.place == ""
    batch = np.zeros((1, 3, 48, 32), np.float32)
    session: Any = chosen.session(READER)
    assert session._session.get_providers() == ["CPUExecutionProvider"]
    np.testing.assert_array_equal(session.run(batch)[0], store.session(READER).run(batch)[0])


@pytest.mark.parametrize("device", ABSENT)
def test_a_device_that_is_not_there(device: Device) -> None:
    with pytest.raises(ModelUnavailable, match=PROVIDERS[device].package) as caught:
        LocalRecognizer(device=device)
    assert caught.value.reason == "DEVICE_UNAVAILABLE"
    assert PROVIDERS[device].name in caught.value.message


@pytest.mark.parametrize(
    ("device", "fp16", "problem"),
    [
        ("gpu", False, "not 'gpu'"),
        ("cudaa", False, "Did you mean 'cuda'"),
        (None, False, "not None"),
        ("cpu", True, "the device cpu has no FP16; these have: tensorrt, openvino"),
        ("cuda", True, "the device cuda has no FP16"),
    ],
)
def test_bad_choices(device: Any, fp16: bool, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        compute_of(device, fp16)


class Fallen:
    """A session of ONNX Runtime that took the CPU instead of what was asked for."""

    def __init__(self, *_: Any, providers: Any) -> None:
        self.asked = providers

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_a_silent_fallback_to_the_cpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Fallen)
    with pytest.raises(ModelUnavailable, match="took the CPU instead") as caught:
        open_on(Compute(Device.CUDA), b"", None)
    assert caught.value.reason == "DEVICE_UNAVAILABLE"


class Taken(Fallen):
    """A session that the asked device computes."""

    def get_providers(self) -> list[str]:
        return [self.asked[0][0], "CPUExecutionProvider"]


@pytest.mark.parametrize("device", [d for d in Device if PROVIDERS[d].fp16])
def test_the_options_of_fp16(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Taken)
    plain: Any = open_on(Compute(device), b"", None)
    halves: Any = open_on(Compute(device, fp16=True), b"", None)
    assert plain.asked == [(PROVIDERS[device].name, dict(PROVIDERS[device].options)),
                           "CPUExecutionProvider"]  # fmt: skip
    assert PROVIDERS[device].fp16.items() <= halves.asked[0][1].items()


def test_answers_of_another_device_have_keys_of_their_own(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_providers", lambda: [p.name for p in PROVIDERS.values()])
    digests = {
        LocalRecognizer(device=device, fp16=fp16).plan_digest()
        for device, fp16 in (("cpu", False), ("openvino", False), ("openvino", True))
    }
    assert len(digests) == 3
    assert LocalRecognizer(store).plan_digest() in digests


def test_a_store_that_is_given_has_its_device(store: ModelStore) -> None:
    with pytest.raises(InvalidRequest, match="device already"):
        LocalRecognizer(store, device="cpu")


def test_the_doctor_tells_devices_and_what_was_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, *_, others = devices()
    assert (cpu.level, cpu.detail[:4]) == ("ok", "cpu:")
    assert "cuda (onnxruntime-gpu, never run by this project)" in others.detail
    monkeypatch.setattr(
        module, "available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    notes = [finding.detail for finding in devices() if finding.level == "note"]
    assert any("cuda: ONNX Runtime has it, but this project has never run it" in n for n in notes)
