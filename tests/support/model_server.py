"""A server of the Open Inference Protocol that runs ONNX files, and has faults on demand.

As a program it serves the installed models and prints its port; `--die-at N` ends the process at
the N-th run.
"""

from __future__ import annotations

import argparse
import mmap
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from certificates import Certificate

from lipiyana.inference.agreement import DIGEST
from lipiyana.inference.connection import SERVICE
from lipiyana.inference.shared_memory import EXTENSION, FOLDER
from lipiyana.inference.tensors import DATATYPES
from lipiyana.inference.v2 import open_inference_pb2 as pb
from lipiyana.runtime.session import Session, Tensor
from lipiyana.runtime.store import ModelStore

PATIENCE = 30.0

Change = Callable[[Any], None]


def no_change(_: Any) -> None:
    """Leave an answer as it is."""


@dataclass
class ModelServer:
    """Serves the models of a store; tests change its fields while it runs.

    Attributes:
        store: has the models.
        port: once it runs.
        names: of the models that it has; None for all.
        version: of every model.
        max_batch: that `ModelConfig` tells; None: the server has no such method.
        metadata: changes the answers of `ModelMetadata`.
        answers: changes the answers of `ModelInfer`.
        status: ends runs with this status and detail.
        statuses: the same for the next runs, one after the other.
        before: called at the begin of each run.
        runs: the model, the rows and the time left of each run.
        shares_memory: whether it has Triton's extension of shared memory.
        regions: of shared memory, by name.
    """

    store: ModelStore
    port: int = 0
    names: set[str] | None = None
    version: str = "1"
    max_batch: int | None = None
    metadata: Change = no_change
    answers: Change = no_change
    status: tuple[grpc.StatusCode, str] | None = None
    statuses: list[tuple[grpc.StatusCode, str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    runs: list[tuple[str, int, float]] = field(default_factory=list)
    shares_memory: bool = True
    regions: dict[str, mmap.mmap] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    def has(self, name: str) -> bool:
        known = {entry.name for entry in self.store.entries}
        return name in (known if self.names is None else self.names)

    def session(self, name: str, context: grpc.ServicerContext) -> Session:
        if not self.has(name):
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {name}")
        return self.store.session(name)

    def server_live(self, _: Any, context: grpc.ServicerContext) -> Any:
        return pb.ServerLiveResponse(live=True)

    def model_ready(self, request: Any, context: grpc.ServicerContext) -> Any:
        return pb.ModelReadyResponse(ready=self.has(request.name))

    def model_metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        session = self.session(request.name, context)
        answer = pb.ModelMetadataResponse(
            name=request.name,
            versions=[self.version],
            platform="onnxruntime_onnx",
            inputs=map(told, session.header.inputs),
            outputs=map(told, session.header.outputs),
            properties={DIGEST: session.entry.sha256.encode()},
        )
        self.metadata(answer)
        return answer

    def model_config(self, request: Any, context: grpc.ServicerContext) -> Any:
        if self.max_batch is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such method")
        return pb.ModelConfigResponse(config={"max_batch_size": self.max_batch})

    def model_infer(self, request: Any, context: grpc.ServicerContext) -> Any:
        (tensor,) = request.inputs
        with self.lock:
            self.runs.append((request.model_name, tensor.shape[0], context.time_remaining()))
            status = self.statuses.pop(0) if self.statuses else self.status
        self.before()
        if status is not None:
            context.abort(*status)
        session = self.session(request.model_name, context)
        assert (tensor.name, tensor.datatype) == (session.header.inputs[0].name, "FP32")
        values = self.place(tensor.parameters, context) or request.raw_input_contents[0]
        batch = np.frombuffer(values, "<f4").reshape(tensor.shape)
        answer = pb.ModelInferResponse(model_name=request.model_name, model_version=self.version)
        places = {o.name: self.place(o.parameters, context) for o in request.outputs}
        for output, array in zip(session.header.outputs, session.run(batch), strict=True):
            answer.outputs.add(name=output.name, datatype=DATATYPES[output.kind], shape=array.shape)
            place = places.get(output.name)
            # as Triton does: an entry for each output, empty for one in shared memory
            answer.raw_output_contents.append(b"" if place else array.tobytes())
            if place:
                if array.nbytes > len(place):
                    context.abort(grpc.StatusCode.INTERNAL, f"{output.name} is too large")
                np.frombuffer(place, array.dtype, array.size).reshape(array.shape)[...] = array
        self.answers(answer)
        return answer

    def server_metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        extensions = [EXTENSION] if self.shares_memory else []
        return pb.ServerMetadataResponse(name="test", extensions=extensions)

    def register(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with (FOLDER / request.key.removeprefix("/")).open("r+b") as file:
                self.regions[request.name] = mmap.mmap(file.fileno(), request.byte_size)
        except OSError as error:
            context.abort(grpc.StatusCode.INTERNAL, f"Unable to open the region: {error}")
        return pb.SystemSharedMemoryRegisterResponse()

    def unregister(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.regions.pop(request.name, None)
        return pb.SystemSharedMemoryUnregisterResponse()

    def place(self, parameters: Any, context: grpc.ServicerContext) -> memoryview | None:
        """The part of a region that a tensor is in."""
        if "shared_memory_region" not in parameters:
            return None
        name = parameters["shared_memory_region"].string_param
        if name not in self.regions:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Unable to find the region {name}")
        start = parameters["shared_memory_offset"].int64_param
        size = parameters["shared_memory_byte_size"].int64_param
        return memoryview(self.regions[name])[start : start + size]

    @contextmanager
    def serving(
        self, files: Certificate | None = None, port: int = 0, max_message: int = -1
    ) -> Iterator[ModelServer]:
        """Serve until the body ends."""
        methods = {
            "ServerLive": (self.server_live, pb.ServerLiveRequest),
            "ServerMetadata": (self.server_metadata, pb.ServerMetadataRequest),
            "SystemSharedMemoryRegister": (self.register, pb.SystemSharedMemoryRegisterRequest),
            "SystemSharedMemoryUnregister": (
                self.unregister,
                pb.SystemSharedMemoryUnregisterRequest,
            ),
            "ModelReady": (self.model_ready, pb.ModelReadyRequest),
            "ModelMetadata": (self.model_metadata, pb.ModelMetadataRequest),
            "ModelConfig": (self.model_config, pb.ModelConfigRequest),
            "ModelInfer": (self.model_infer, pb.ModelInferRequest),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                call, kind.FromString, lambda message: message.SerializeToString()
            )
            for name, (call, kind) in methods.items()
        }
        with ThreadPoolExecutor(8) as threads:
            server = grpc.server(
                threads,
                options=[
                    ("grpc.max_receive_message_length", max_message),
                    ("grpc.max_send_message_length", -1),
                    ("grpc.so_reuseport", 0),
                ],
            )
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(SERVICE.strip("/"), handlers),)
            )
            at = f"127.0.0.1:{port}"
            if files is None:
                self.port = server.add_insecure_port(at)
            else:
                pair = (files.key.read_bytes(), files.certificate.read_bytes())
                self.port = server.add_secure_port(at, grpc.ssl_server_credentials([pair]))
            server.start()
            try:
                yield self
            finally:
                server.stop(0).wait(PATIENCE)


def told(tensor: Tensor) -> Any:
    shape = [-1 if size is None else size for size in tensor.shape]
    return pb.ModelMetadataResponse.TensorMetadata(
        name=tensor.name, datatype=DATATYPES[tensor.kind], shape=shape
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--die-at", type=int, default=0)
    die_at = parser.parse_args().die_at
    server = ModelServer(ModelStore(threads=1))

    def die() -> None:
        if len(server.runs) == die_at:
            os._exit(9)

    server.before = die
    with server.serving():
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
