from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from lipiyana.batching import Batcher, batched_sessions
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

WIDTH = 64


def lines(count: int, seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, 48, WIDTH)).astype(np.float32)


def test_joined_runs_give_what_runs_alone_give(store: ModelStore) -> None:
    name = store.default_for_task(Task.LINE_READER).name
    sizes: list[int] = []
    gate = threading.Event()

    def observe(_: str, rows: int) -> None:
        sizes.append(rows)
        if len(sizes) == 1:  # the first run keeps its slot until the others are in the queue
            assert gate.wait(30)

    batcher = Batcher(slots=1, max_rows=8, observe=observe)
    joined = ModelStore(threads=1, open_session=batched_sessions(batcher))
    session, alone = joined.session(name), store.session(name)
    inputs = [lines(1, 0), lines(2, 1), lines(1, 2), lines(3, 3)]
    with ThreadPoolExecutor(len(inputs)) as threads:
        first = threads.submit(session.run, inputs[0])
        with batcher._changed:
            assert batcher._changed.wait_for(lambda: batcher._running == 1, 30)
        others = [threads.submit(session.run, batch) for batch in inputs[1:]]
        with batcher._changed:
            assert batcher._changed.wait_for(lambda: len(batcher._waiting) == len(others), 30)
        gate.set()
        outputs = [future.result(60)[0] for future in (first, *others)]
    assert sizes == [1, 6]
    for batch, output in zip(inputs, outputs, strict=True):
        np.testing.assert_allclose(output, alone.run(batch)[0], rtol=1e-3, atol=1e-5)


def test_a_reader_on_batched_sessions_reads_the_same(store: ModelStore, draw_text: object) -> None:
    draw = draw_text
    assert callable(draw)
    crops = [draw(text) for text in ("KA01AB1234", "BAKERY", "TN 9")]
    batched = ModelStore(threads=1, open_session=batched_sessions(Batcher(slots=2, max_rows=16)))
    with ThreadPoolExecutor(4) as threads:
        readings = list(threads.map(LineReader(batched).read, [crops] * 4))
    expected = [reading.text for reading in LineReader(store).read(crops)]
    assert [[line.text for line in reading] for reading in readings] == [expected] * 4


def test_a_server_keeps_no_memory_of_large_runs(store: ModelStore) -> None:
    name = store.default_for_task(Task.LINE_READER).name
    batched = ModelStore(threads=1, open_session=batched_sessions(Batcher(slots=1)))
    kept = [
        one.session(name)._session.get_session_options().enable_cpu_mem_arena
        for one in (store, batched)
    ]
    assert kept == [True, False]
