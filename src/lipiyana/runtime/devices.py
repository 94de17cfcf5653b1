"""What may run the models: the CPU, or what the installed build of ONNX Runtime brings besides.

`auto` is the CPU. The models were made and measured for it, and no other device was found to be
faster and to give the same answers; so no other one is used unless it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lipiyana.errors import InvalidRequest, ModelUnavailable
from lipiyana.words import did_you_mean, shown


class Device(StrEnum):
    """What runs the models."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"
    COREML = "coreml"
    QNN = "qnn"


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider of ONNX Runtime.

    Attributes:
        name: in ONNX Runtime.
        package: that brings it. It takes the place of the package `onnxruntime`.
        options: with which it is opened.
        fp16: options with which it computes in 16-bit floats; empty: it has none.
        tried: what this project ran on it; empty: nothing.
    """

    name: str
    package: str
    options: Mapping[str, str] = field(default_factory=dict)
    fp16: Mapping[str, str] = field(default_factory=dict)
    tried: str = ""


_CPU = Provider("CPUExecutionProvider", "onnxruntime", tried="all tests and measurements")

PROVIDERS: Mapping[Device, Provider] = {
    Device.AUTO: _CPU,
    Device.CPU: _CPU,
    Device.CUDA: Provider("CUDAExecutionProvider", "onnxruntime-gpu"),
    Device.TENSORRT: Provider(
        "TensorrtExecutionProvider", "onnxruntime-gpu", fp16={"trt_fp16_enable": "1"}
    ),
    Device.OPENVINO: Provider(
        "OpenVINOExecutionProvider",
        "onnxruntime-openvino",
        # else it computes in bfloat16 where the CPU can, and reads other letters
        {
            "device_type": "CPU",
            "load_config": '{"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}',
        },
        fp16={"device_type": "GPU", "precision": "FP16"},
        tried="samples/ once, in 32-bit floats: not faster, and the INT8 models differ",
    ),
    Device.COREML: Provider(
        "CoreMLExecutionProvider",
        "onnxruntime",
        {"ModelFormat": "MLProgram"},
        fp16={"AllowLowPrecisionAccumulationOnGPU": "1"},
    ),
    Device.QNN: Provider(
        "QNNExecutionProvider",
        "onnxruntime-qnn",
        {"backend_type": "htp"},
        fp16={"enable_htp_fp16_precision": "1"},
    ),
}


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how models are computed.

    Attributes:
        device: what runs them.
        fp16: whether it computes in 16-bit floats.
    """

    device: Device = Device.AUTO
    fp16: bool = False

    @property
    def provider(self) -> Provider:
        """The provider of the device."""
        return PROVIDERS[self.device]

    @property
    def on_cpu(self) -> bool:
        """Whether ONNX Runtime's own code for CPUs computes; all answers were measured with it."""
        return self.provider is _CPU

    def __str__(self) -> str:
        """Write it as on a command line."""
        return f"{self.device}, fp16" if self.fp16 else str(self.device)


def compute_of(device: object = Device.AUTO, fp16: object = False) -> Compute:
    """Check a device and whether it is to compute in FP16.

    Raises:
        InvalidRequest: there is no such device, or it has no FP16.
        ModelUnavailable: the installed ONNX Runtime does not have it (DEVICE_UNAVAILABLE).
    """
    try:
        compute = Compute(Device(device), bool(fp16))  # type: ignore[arg-type]
    except ValueError:
        known = [member.value for member in Device]
        near = did_you_mean(str(device), known) or ""
        raise InvalidRequest(
            f"device must be one of {', '.join(known)}, not {shown(device)}{near}",
            field="device",
            reason="INVALID_SETTINGS",
        ) from None
    if compute.fp16 and not compute.provider.fp16:
        able = ", ".join(device for device, provider in PROVIDERS.items() if provider.fp16)
        raise InvalidRequest(
            f"the device {compute.device} has no FP16; these have: {able}",
            field="fp16",
            reason="INVALID_SETTINGS",
        )
    # the CPU is always there; not asking leaves ONNX Runtime unloaded
    if not compute.on_cpu and compute.provider.name not in available_providers():
        raise _absent(compute)
    return compute


def available_providers() -> tuple[str, ...]:
    """Name the providers that the installed ONNX Runtime was built with."""
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())


def devices_here() -> tuple[Device, ...]:
    """List the devices that the installed ONNX Runtime was built for, without `auto`."""
    built = available_providers()
    return tuple(
        device
        for device, provider in PROVIDERS.items()
        if device is not Device.AUTO and provider.name in built
    )


def open_on(compute: Compute, model: bytes, options: Any) -> Any:
    """Open an ONNX Runtime session, and make sure that the device computes it.

    ONNX Runtime opens a session on the CPU where another device cannot be used, with a warning.

    Args:
        compute: where.
        model: the content of an ONNX file.
        options: `onnxruntime.SessionOptions`.

    Raises:
        ModelUnavailable: the device cannot be used (DEVICE_UNAVAILABLE).
    """
    import onnxruntime

    provider = compute.provider
    if compute.on_cpu:
        return onnxruntime.InferenceSession(model, options, providers=[_CPU.name])
    settings = dict(provider.options) | (dict(provider.fp16) if compute.fp16 else {})
    if compute.fp16 and "precision" in settings:
        settings.pop("load_config", None)  # it names a precision, too
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[(provider.name, settings), _CPU.name]
        )
    except Exception as error:
        raise _unusable(compute, f"{type(error).__name__}: {shown(str(error))}") from error
    if session.get_providers()[0] != provider.name:
        raise _unusable(compute, "ONNX Runtime took the CPU instead")
    return session


def _absent(compute: Compute) -> ModelUnavailable:
    provider = compute.provider
    here = ", ".join(devices_here())
    if provider.package == _CPU.package:
        advice = f"the build of {provider.package} for this system has none"
    else:
        advice = (
            f"pip uninstall onnxruntime, then pip install {provider.package}: only one of the two "
            "can be installed"
        )
    return ModelUnavailable(
        f"the installed ONNX Runtime has no {provider.name}, which the device {compute.device} "
        f"needs (it has: {here}); {advice}",
        reason="DEVICE_UNAVAILABLE",
    )


def _unusable(compute: Compute, why: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"the device {compute} cannot be used: {why}. `{compute.provider.package}` also needs the "
        "device's own libraries and drivers; `--device cpu` does without",
        reason="DEVICE_UNAVAILABLE",
    )
