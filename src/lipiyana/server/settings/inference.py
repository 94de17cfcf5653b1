"""Settings of what runs the models: a device of this machine, or another server."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from lipiyana.errors import InvalidRequest
from lipiyana.inference.options import InferenceOptions, is_local, parse_address, read_ca
from lipiyana.runtime.devices import Device
from lipiyana.server.settings.values import Names, Size
from lipiyana.server.tuning import MEBIBYTE

MOST_SECONDS = 14 * 24 * 3600
"""Maximum of settings in seconds: gRPC counts milliseconds in 32 bits."""


class InferenceSettings(BaseSettings):
    """The part of `ServerSettings` that says what runs the models.

    Attributes:
        device: what runs the models: `auto` (the CPU), `cpu`, `cuda`, `tensorrt`, `openvino`,
            `coreml` or `qnn`; another one than the CPU needs its own build of ONNX Runtime.
        fp16: whether the device computes in 16-bit floats.
        inference: `grpc://HOST:PORT` or `grpcs://HOST:PORT` (TLS) of a server of the Open Inference
            Protocol that runs the models; absent: this server does.
        inference_ca: PEM file of the issuer of that server's certificate; absent: those that gRPC
            knows.
        inference_timeout: seconds of one run of a model there, with its retries.
        inference_retries: how often a run is tried again while that server cannot be reached.
        inference_fallback: whether this server runs a model where that one does not.
        inference_kept: names of models that this server runs all the same.
        inference_message_bytes: size of a tensor sent or received.
        inference_shared_memory: bytes of this machine's memory through which tensors go to that
            server and back instead of over the network; 0 for none. It must be on this machine and
            have Triton's extension `system_shared_memory`.
    """

    device: Device = Device.AUTO
    fp16: bool = False
    inference: str | None = None
    inference_ca: Path | None = None
    inference_timeout: float = Field(default=5.0, gt=0, le=MOST_SECONDS)
    inference_retries: int = Field(default=3, ge=0, le=100)
    inference_fallback: bool = False
    inference_kept: Names = ()
    inference_message_bytes: Size = Field(default=256 * MEBIBYTE, ge=1024, lt=2**31)
    inference_shared_memory: Size = Field(default=0, ge=0, lt=2**40)

    @model_validator(mode="after")
    def _inference_is_whole(self) -> Self:
        if self.inference is None:
            for name in (
                "inference_ca",
                "inference_fallback",
                "inference_kept",
                "inference_shared_memory",
            ):
                if getattr(self, name):
                    raise ValueError(f"{name} needs inference: the address of a server of models")
            return self
        try:
            tls, _ = parse_address(self.inference)
        except InvalidRequest as error:
            raise ValueError(error.message) from None
        if self.inference_ca is not None and not tls:
            raise ValueError("inference_ca needs TLS: write grpcs:// in inference")
        if self.inference_shared_memory and not is_local(self.inference):
            raise ValueError(
                "inference_shared_memory needs a server on this machine: write grpc://localhost:PORT"
                " in inference"
            )
        return self

    @property
    def inference_options(self) -> InferenceOptions | None:
        """Where the models run; None if in this process.

        Raises:
            NotFound: the file of the CA cannot be read.
        """
        if self.inference is None:
            return None
        return InferenceOptions(
            self.inference,
            None if self.inference_ca is None else read_ca(self.inference_ca),
            self.inference_timeout,
            self.inference_retries,
            self.inference_fallback,
            self.inference_message_bytes,
            frozenset(self.inference_kept),
            self.inference_shared_memory,
        )
