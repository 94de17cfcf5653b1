"""A runtime of MLServer for ONNX files. It runs in MLServer's environment, without this project."""

from __future__ import annotations

import asyncio
from typing import Any

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):  # type: ignore[misc]
    """Runs the file that the settings name."""

    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feed = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        arrays: list[Any] = await asyncio.to_thread(self._session.run, None, feed)
        named = zip(self._session.get_outputs(), arrays, strict=True)
        outputs = [NumpyCodec.encode_output(output.name, array) for output, array in named]
        return InferenceResponse(model_name=self.name, outputs=outputs)
