from __future__ import annotations

import logging

import grpc
import numpy as np
import pytest
from model_server import ModelServer
from models_elsewhere import BATCH, READER, Connect, Noted

from lipiyana.errors import Unavailable
from lipiyana.inference import models as remote_models
from lipiyana.inference.watch import Watch
from lipiyana.runtime.store import ModelStore

CODE = grpc.StatusCode


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that decides when a server is tried again."""
    now = [100.0]
    monkeypatch.setattr(remote_models, "clock", lambda: now[0])
    return now


def test_a_failed_model_runs_here_for_a_while(
    elsewhere: ModelServer,
    connect: Connect,
    clock: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    noted = Noted()
    caplog.set_level(logging.INFO, "lipiyana.inference")
    session = connect(noted, fallback=True, retries=2).session(READER)
    expected, _ = elsewhere.store.session(READER).run(BATCH)
    elsewhere.status = CODE.INTERNAL, "broken"
    for _ in range(3):
        np.testing.assert_array_equal(session.run(BATCH)[0], expected)
    assert (noted.codes, noted.fallbacks) == (["INTERNAL"], [READER] * 3)
    elsewhere.status = CODE.UNAVAILABLE, "down"
    clock[0] += remote_models.TRY_AGAIN
    session.run(BATCH)  # tried once, without retries
    session.run(BATCH)
    assert noted.codes == ["INTERNAL", "UNAVAILABLE"]
    elsewhere.status = None
    clock[0] += remote_models.TRY_AGAIN
    for _ in range(2):
        np.testing.assert_array_equal(session.run(BATCH)[0], expected)
    assert noted.codes == ["INTERNAL", "UNAVAILABLE", "OK", "OK"]
    assert len(noted.fallbacks) == 5
    said = [record.message for record in caplog.records if READER in record.message]
    assert [("in this process" in line, "again" in line) for line in said] == [
        (True, False),
        (False, True),
    ]


def test_a_start_without_the_server(
    store: ModelStore, connect: Connect, clock: list[float]
) -> None:
    noted = Noted()
    server = ModelServer(store)
    with server.serving():
        port = server.port
    remote = connect(noted, address=f"grpc://127.0.0.1:{port}", fallback=True)
    session = remote.session(READER)
    session.run(BATCH)
    assert (noted.codes, noted.fallbacks) == ([], [READER])
    with server.serving(port=port):
        clock[0] += 2 * remote_models.TRY_AGAIN
        while not noted.codes:  # until gRPC connects again, each try is a fallback
            session.run(BATCH)
            clock[0] += 2 * remote_models.TRY_AGAIN
        assert noted.codes == ["OK"]


def test_a_watch_tells_what_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lipiyana.inference")
    found: list[list[str] | Unavailable] = [[], [], [READER], Unavailable("away"), []]
    told: list[bool] = []

    def missing() -> list[str]:
        now = found.pop(0)
        if isinstance(now, Unavailable):
            raise now
        return now

    watch = Watch(missing, told.append, every=3600)
    for _ in range(4):
        watch.look()
    watch.close()
    assert told == [True, True, False, False, True]
    said = [record.message for record in caplog.records]
    assert said == [
        f"the server of models cannot run {READER}",
        "the server of models can run all models again",
    ]
    assert watch.ready


def test_a_store_is_ready_while_the_server_has_the_models(
    elsewhere: ModelServer, connect: Connect
) -> None:
    for fallback in (False, True):
        remote = connect(fallback=fallback)
        source = remote._source
        assert isinstance(source, remote_models.RemoteModels)
        assert remote.ready
        source.watch([READER], every=3600)
        assert remote.ready
        assert source._watch is not None
        elsewhere.names = set()
        source._watch.look()
        assert remote.ready is fallback
        elsewhere.names = None
        source._watch.look()
        assert remote.ready
