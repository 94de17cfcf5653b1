from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_server import ModelServer
from models_elsewhere import PICTURES, READER, Connect, plain

from lipiyana.errors import InvalidRequest, ModelUnavailable, Unavailable
from lipiyana.inference.agreement import DIGEST
from lipiyana.inference.options import InferenceOptions, parse_address
from lipiyana.inference.v2 import open_inference_pb2 as pb
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore
from lipiyana.types import Layout, RecognitionConfig

LAYOUTS = {"plates": Layout.PLATE, "lines": Layout.LINE}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_answers_are_equal_on_all_samples(
    picture: Path, recognizer: LocalRecognizer, connect: Connect
) -> None:
    config = RecognitionConfig(layout=LAYOUTS.get(picture.parent.name, Layout.SCENE), words=True)
    found = LocalRecognizer(connect()).recognize(picture, config)
    assert plain(found) == plain(recognizer.recognize(picture, config))


def test_runs_go_to_the_server_alone(elsewhere: ModelServer, connect: Connect) -> None:
    remote = connect(timeout=20.0)
    session = remote.session(READER)
    batch = np.zeros((2, 3, 48, 32), np.float32)
    np.testing.assert_array_equal(
        session.run(batch)[0], elsewhere.store.session(READER).run(batch)[0]
    )
    assert [(name, rows) for name, rows, _ in elsewhere.runs] == [(READER, 2)]
    assert 0 < elsewhere.runs[0][2] < 30
    assert session.charset == elsewhere.store.session(READER).charset


def test_a_batch_is_split_where_the_server_takes_fewer_rows(
    elsewhere: ModelServer, connect: Connect
) -> None:
    elsewhere.max_batch = 2
    batch = np.random.default_rng(0).random((5, 3, 48, 32), np.float32)
    split, _ = connect().session(READER).run(batch)
    assert [rows for _, rows, _ in elsewhere.runs] == [2, 2, 1]
    whole, _ = elsewhere.store.session(READER).run(batch)
    np.testing.assert_allclose(split, whole, rtol=1e-3, atol=1e-5)


def test_the_twin_that_the_server_has_is_used(elsewhere: ModelServer, connect: Connect) -> None:
    elsewhere.names = {e.name for e in elsewhere.store.entries} - {READER, "vehicles-int8"}
    remote = connect()
    assert remote.default_for_task(Task.LINE_READER).name == "reader-float"
    assert remote.default_for_task(Task.VEHICLE_DETECTOR).name == "vehicles-float"


def test_a_model_may_be_kept_here(elsewhere: ModelServer, connect: Connect) -> None:
    elsewhere.names = {e.name for e in elsewhere.store.entries} - {READER, "reader-float"}
    remote = connect(kept=frozenset({READER}))
    batch = np.zeros((1, 3, 48, 32), np.float32)
    kept, _ = remote.session(READER).run(batch)
    np.testing.assert_array_equal(kept, elsewhere.store.session(READER).run(batch)[0])
    assert elsewhere.runs == []
    remote.session("vehicles-int8").run(np.zeros((1, 3, 64, 64), np.float32))
    assert len(elsewhere.runs) == 1
    with pytest.raises(InvalidRequest, match=r"no model 'reader-int9'.*reader-int8"):
        connect(kept=frozenset({"reader-int9"}))


def test_a_missing_model(elsewhere: ModelServer, connect: Connect) -> None:
    elsewhere.names = {"vehicles-int8"}
    with pytest.raises(
        ModelUnavailable, match=f"no model {READER} that is ready.*export-triton"
    ) as caught:
        connect().session(READER)
    assert caught.value.reason == "MODEL_NOT_INSTALLED"


def rename(answer: Any) -> None:
    answer.inputs[0].name = "x"


def lose(answer: Any) -> None:
    del answer.outputs[:]


def retype(answer: Any) -> None:
    answer.inputs[0].datatype = "UINT8"


def widen(answer: Any) -> None:
    answer.outputs[0].shape[2] += 1


def fix(answer: Any) -> None:
    answer.inputs[0].shape[3] = 320


def flatten(answer: Any) -> None:
    del answer.outputs[0].shape[0]


def retrain(answer: Any) -> None:
    answer.properties[DIGEST] = b"0" * 64


def retrain_typed(answer: Any) -> None:
    answer.properties[DIGEST] = pb.InferParameter(string_param="1" * 64).SerializeToString()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (rename, "no input pixels, but 'x'"),
        (lose, "no output probabilities, but none"),
        (retype, "input pixels is 'UINT8', not FP32"),
        (widen, r"output probabilities has the shape .*, not \(-1, -1, \d+\)"),
        (flatten, "output probabilities has the shape"),
        (retrain, r"its sha256 is '000000000000'\.\.\., not [0-9a-f]{12}\.\.\."),
        (retrain_typed, r"its sha256 is '111111111111'"),
    ],
)
def test_another_model_is_refused_at_the_start(
    elsewhere: ModelServer, connect: Connect, change: Any, problem: str
) -> None:
    elsewhere.metadata = change
    for fallback in (False, True):  # a mistake is not hidden by the fallback
        with pytest.raises(ModelUnavailable, match=problem) as caught:
            connect(fallback=fallback).session(READER)
        assert caught.value.reason == "MODEL_CORRUPT"


def test_a_narrower_model_is_refused(elsewhere: ModelServer, connect: Connect) -> None:
    """Where any size fits here, one size there is another model."""
    elsewhere.metadata = fix
    with pytest.raises(ModelUnavailable, match="input pixels has the shape"):
        connect().session(READER)


def test_a_model_that_is_replaced_meanwhile(elsewhere: ModelServer, connect: Connect) -> None:
    session = connect().session(READER)
    batch = np.zeros((1, 3, 48, 32), np.float32)
    session.run(batch)
    elsewhere.version = "2"
    session.run(batch)  # a new version of the same file
    elsewhere.version, elsewhere.metadata = "3", retrain
    with pytest.raises(ModelUnavailable, match="another model"):
        session.run(batch)
    with pytest.raises(ModelUnavailable, match="another model"):
        session.run(batch)
    elsewhere.metadata = lambda _: None
    session.run(batch)


def test_answers_of_models_elsewhere_have_keys_of_their_own(
    store: ModelStore, connect: Connect
) -> None:
    assert LocalRecognizer(connect()).plan_digest() != LocalRecognizer(store).plan_digest()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("grpc://localhost:8001", (False, "localhost:8001")),
        ("GRPCS://[::1]:8001/", (True, "[::1]:8001")),
    ],
)
def test_addresses(address: str, expected: tuple[bool, str]) -> None:
    assert parse_address(address) == expected


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("localhost:8001", "grpc://HOST:PORT"),
        ("http://localhost:8000", "grpc://HOST:PORT"),
        ("grpc://localhost", "localhost:50051"),
        ("grpc://localhost:70000", "host and port"),
        ("grpc://", "grpc://HOST:PORT"),
        (8001, "grpc://HOST:PORT"),
        ("", "grpc://HOST:PORT"),
    ],
)
def test_bad_addresses(address: Any, advice: str) -> None:
    with pytest.raises(InvalidRequest, match=advice) as caught:
        InferenceOptions(address)
    assert caught.value.reason == "INVALID_SETTINGS"


def test_a_ca_needs_tls() -> None:
    with pytest.raises(InvalidRequest, match="grpcs://"):
        InferenceOptions("grpc://localhost:1", ca=b"-")


def test_nobody_listens(connect: Connect) -> None:
    with pytest.raises(Unavailable, match=r"grpc://127\.0\.0\.1:1 cannot be reached") as caught:
        connect(address="grpc://127.0.0.1:1")
    assert caught.value.reason == "INFERENCE_UNAVAILABLE"


def test_another_server_answers(connect: Connect) -> None:
    from served_fake import FakeRecognizer

    from lipiyana.server import running_server

    with (
        running_server(FakeRecognizer()) as server,
        pytest.raises(Unavailable, match="does not speak the Open Inference Protocol"),
    ):
        connect(address=f"grpc://{server.target}")
