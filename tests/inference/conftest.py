from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from model_server import ModelServer
from models_elsewhere import Connect

from lipiyana.inference.models import RemoteModels
from lipiyana.inference.options import InferenceObserver, InferenceOptions
from lipiyana.runtime.store import ModelStore


@pytest.fixture
def elsewhere(store: ModelStore) -> Iterator[ModelServer]:
    """A server of the built-in models."""
    with ModelServer(store).serving() as server:
        yield server


@pytest.fixture
def connect(elsewhere: ModelServer) -> Iterator[Connect]:
    """Make a store whose models that server runs, with options for `InferenceOptions`."""
    with ExitStack() as stack:

        def connect(observer: InferenceObserver | None = None, **options: object) -> ModelStore:
            address = options.pop("address", elsewhere.address)
            chosen = InferenceOptions(address, **({"retries": 0} | options))  # type: ignore[arg-type]
            store = ModelStore(threads=1, source=RemoteModels(chosen, observer))
            stack.callback(store.close)
            return store

        yield connect
