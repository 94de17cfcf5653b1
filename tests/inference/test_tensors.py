from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipiyana.inference.tensors import BadTensor, decode, encode
from lipiyana.inference.v2 import open_inference_pb2 as pb
from lipiyana.runtime.session import Tensor

MAP = Tensor("map", "tensor(float)", (None, 1, None))
WORDS = np.arange(6, dtype=np.float32).reshape(2, 1, 3)


def answer(*, raw: bytes | None = WORDS.tobytes(), **changes: Any) -> Any:
    fields = {"name": "map", "datatype": "FP32", "shape": WORDS.shape} | changes
    made = pb.ModelInferResponse(model_version="7", outputs=[fields])
    if raw is not None:
        made.raw_output_contents.append(raw)
    return made


@pytest.mark.parametrize("sides", [(1, 3), (2, 100, 7)])
def test_an_input_is_the_message_of_the_protocol(sides: tuple[int, ...]) -> None:
    batch = np.random.default_rng(0).random(sides, np.float32)[..., ::-1]
    sent = pb.ModelInferRequest.FromString(
        encode("reader", Tensor("pixels", "tensor(float)", (None,) * len(sides)), batch)
    )
    (tensor,), (raw,) = sent.inputs, sent.raw_input_contents
    assert (sent.model_name, tensor.name, tensor.datatype) == ("reader", "pixels", "FP32")
    assert tuple(tensor.shape) == sides
    np.testing.assert_array_equal(np.frombuffer(raw, "<f4").reshape(sides), batch)


def test_outputs_are_read_from_raw_and_from_typed_contents() -> None:
    typed = answer(raw=None, contents={"fp32_contents": WORDS.ravel()})
    for given_answer in (answer(), typed):
        (array,), version = decode(given_answer.SerializeToString(), [MAP], 2)
        np.testing.assert_array_equal(array, WORDS)
        assert version == "7"


NAN, INFINITE = WORDS.copy(), WORDS.copy()
NAN[1, 0, 2], INFINITE[0, 0, 0] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (answer(name="other"), r"lacks the output map \(it has 'other'\)"),
        (pb.ModelInferResponse(), r"lacks the output map \(it has none\)"),
        (answer(datatype="FP64"), "map is 'FP64', not FP32"),
        (answer(shape=(2, 3)), r"has the shape .*, not \(2, 1, \?\)"),
        (answer(shape=(2, 2, 3)), r"has the shape"),
        (answer(shape=(3, 1, 2)), r"has the shape"),
        (answer(shape=(2, 1, -3)), r"has the shape"),
        (answer(shape=(2, 1, 2**62)), rf"has 24 bytes, not {2**65}"),
        (answer(raw=b"abc"), "has 3 bytes, not 24"),
        (answer(raw=None), "has 0 values, not 6"),
        (answer(raw=NAN.tobytes()), "not finite"),
        (answer(raw=INFINITE.tobytes()), "not finite"),
    ],
)
def test_an_answer_that_is_not_the_model_s(bad: Any, problem: str) -> None:
    with pytest.raises(BadTensor, match=problem):
        decode(bad.SerializeToString(), [MAP], 2)


def test_values_without_an_output() -> None:
    bad = answer()
    bad.raw_output_contents.append(b"")
    with pytest.raises(BadTensor, match="1 outputs and the values of 2"):
        decode(bad.SerializeToString(), [MAP], 2)


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 200))
def test_damaged_answers_are_refused_or_read(noise: bytes, at: int, cut: int) -> None:
    whole = answer().SerializeToString()
    damaged = (whole[:at] + noise + whole[at + len(noise) // 2 :])[:cut]
    try:
        (array,), _ = decode(damaged, [MAP], 2)
    except BadTensor:
        return
    assert array.shape[:2] == (2, 1)
    assert np.isfinite(array).all()
