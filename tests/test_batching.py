from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from lipiyana.batching import BatchedModels, Batcher, Work, current_work, working
from lipiyana.errors import Cancelled, DeadlineExceeded
from lipiyana.ocr.recognition.reader import LineReader
from lipiyana.runtime.manifest import Task
from lipiyana.runtime.store import ModelStore

PATIENCE = 30

Array = npt.NDArray[np.float32]


def rows(*values: float, width: int = 3) -> Array:
    return np.repeat(np.array([values], np.float32).T, width, axis=1)


@dataclass
class Model:
    """Adds 1. The first run waits until `go`; each is noted by its rows."""

    runs: list[list[float]] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None

    def __call__(self, batch: Array) -> list[Array]:
        self.runs.append(batch[:, 0].tolist())
        self.began.set()
        assert self.go.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        return [batch + 1, batch.sum(axis=1, keepdims=True)]


@dataclass
class Bench:
    """Callers of one batcher, whose queue can be watched."""

    batcher: Batcher
    model: Model
    threads: ThreadPoolExecutor

    def ask(
        self, batch: Array, work: Work | None = None, name: str = "m", joins: bool = True
    ) -> Future[list[Array]]:
        """Call on a thread, and wait until it is in the queue or runs."""
        before = self.seen()

        def call() -> list[Array]:
            with working(work or Work()):
                return self.batcher.run(name, self.model, batch, joins=joins)

        future = self.threads.submit(call)
        with self.batcher._changed:
            assert self.batcher._changed.wait_for(lambda: self.seen() > before, PATIENCE)
        return future

    def seen(self) -> int:
        return len(self.batcher._waiting) + len(self.model.runs)

    def occupy(self) -> Future[list[Array]]:
        first = self.ask(rows(-1))
        assert self.model.began.wait(PATIENCE)
        return first


@pytest.fixture
def bench() -> Iterator[Bench]:
    model = Model()
    with ThreadPoolExecutor(8) as threads:
        yield Bench(Batcher(slots=1, max_rows=4), model, threads)
        model.go.set()


def test_inputs_that_wait_at_the_same_time_run_together(bench: Bench) -> None:
    sizes: list[tuple[str, int]] = []
    bench.batcher.observe = lambda name, count: sizes.append((name, count))
    first = bench.occupy()
    others = [bench.ask(rows(value)) for value in (1, 2)] + [bench.ask(rows(3, 4))]
    bench.model.go.set()
    assert first.result(PATIENCE)[0].tolist() == [[0, 0, 0]]
    results = [future.result(PATIENCE) for future in others]
    assert [result[0][:, 0].tolist() for result in results] == [[2], [3], [4, 5]]
    assert [result[1].tolist() for result in results] == [[[3]], [[6]], [[9], [12]]]
    assert bench.model.runs == [[-1], [1, 2, 3, 4]]
    assert sizes == [("m", 1), ("m", 4)]


def test_rows_are_counted_not_requests(bench: Bench) -> None:
    first = bench.occupy()
    others = [bench.ask(rows(1, 2)), bench.ask(rows(3, 4, 5)), bench.ask(rows(6, 7))]
    bench.model.go.set()
    for future in (first, *others):
        future.result(PATIENCE)
    assert bench.model.runs == [[-1], [1, 2, 6, 7], [3, 4, 5]]


def test_other_models_and_shapes_run_apart(bench: Bench) -> None:
    first = bench.occupy()
    others = [
        bench.ask(rows(1)),
        bench.ask(rows(2, width=5)),
        bench.ask(rows(3), name="other"),
        bench.ask(rows(4), joins=False),
        bench.ask(rows(5)),
    ]
    bench.model.go.set()
    for future in (first, *others):
        future.result(PATIENCE)
    assert bench.model.runs == [[-1], [1, 5], [2], [3], [4]]


def test_late_and_abandoned_inputs_are_not_run(bench: Bench) -> None:
    first = bench.occupy()
    remaining, gone = [100.0], [False]
    late = bench.ask(rows(1), Work(remaining=lambda: remaining[0]))
    left = bench.ask(rows(2), Work(abandoned=lambda: gone[0]))
    wanted = bench.ask(rows(3))
    remaining[0], gone[0] = 0.0, True
    bench.model.go.set()
    first.result(PATIENCE)
    assert wanted.result(PATIENCE)[0].tolist() == [[4, 4, 4]]
    with pytest.raises(DeadlineExceeded):
        late.result(PATIENCE)
    with pytest.raises(Cancelled):
        left.result(PATIENCE)
    assert bench.model.runs == [[-1], [3]]


def test_a_late_caller_does_not_wait_for_the_running_input(bench: Bench) -> None:
    bench.occupy()
    with pytest.raises(DeadlineExceeded), working(Work(remaining=lambda: 0.0)):
        bench.batcher.run("m", bench.model, rows(1), joins=True)
    assert not bench.model.go.is_set()


def test_a_failure_is_that_of_all_it_was_joined_with(bench: Bench) -> None:
    first = bench.occupy()
    others = [bench.ask(rows(value)) for value in (1, 2)]
    bench.model.failure = ValueError("broken")
    bench.model.go.set()
    for future in (first, *others):
        with pytest.raises(ValueError, match="broken"):
            future.result(PATIENCE)
    bench.model.failure = None
    assert bench.batcher.run("m", bench.model, rows(7), joins=True)[0].tolist() == [[8, 8, 8]]


def test_one_row_at_a_time_joins_nothing(bench: Bench) -> None:
    bench.batcher.max_rows = 1
    first = bench.occupy()
    others = [bench.ask(rows(value)) for value in (1, 2)]
    bench.model.go.set()
    for future in (first, *others):
        future.result(PATIENCE)
    assert bench.model.runs == [[-1], [1], [2]]


def test_a_free_slot_is_taken_at_once(bench: Bench) -> None:
    bench.batcher.slots = 2
    bench.occupy()
    second = bench.ask(rows(1))
    with bench.batcher._changed:
        assert bench.batcher._changed.wait_for(lambda: len(bench.model.runs) == 2, PATIENCE)
    assert not second.done()
    assert bench.model.runs == [[-1], [1]]


def test_a_wait_ends_when_the_run_is_full(bench: Bench) -> None:
    bench.batcher.wait = 1000.0
    bench.model.go.set()
    futures = [bench.ask(rows(value)) for value in (1, 2, 3)]
    last = bench.batcher.run("m", bench.model, rows(4), joins=True)
    assert last[0].tolist() == [[5, 5, 5]]
    for future in futures:
        future.result(PATIENCE)
    assert bench.model.runs == [[1, 2, 3, 4]]


def test_work_is_wanted_until_its_time_is_over() -> None:
    Work().require_wanted()
    Work(remaining=lambda: 0.5).require_wanted()
    with pytest.raises(DeadlineExceeded):
        Work(remaining=lambda: 0.0).require_wanted()
    with pytest.raises(Cancelled):
        Work(abandoned=lambda: True).require_wanted()


def test_each_thread_has_its_own() -> None:
    work, seen = Work(), []
    with working(work):
        assert current_work() is work
        thread = threading.Thread(target=lambda: seen.append(current_work()))
        thread.start()
        thread.join()
    assert current_work() is not work
    assert seen[0] is not work


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
    joined = ModelStore(threads=1, source=BatchedModels(batcher))
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


def test_a_reader_on_batched_models_reads_the_same(store: ModelStore, draw_text: object) -> None:
    draw = draw_text
    assert callable(draw)
    crops = [draw(text) for text in ("KA01AB1234", "BAKERY", "TN 9")]
    batched = ModelStore(threads=1, source=BatchedModels(Batcher(slots=2, max_rows=16)))
    with ThreadPoolExecutor(4) as threads:
        readings = list(threads.map(LineReader(batched).read, [crops] * 4))
    expected = [reading.text for reading in LineReader(store).read(crops)]
    assert [[line.text for line in reading] for reading in readings] == [expected] * 4


def test_a_server_keeps_no_memory_of_large_runs(store: ModelStore) -> None:
    name = store.default_for_task(Task.LINE_READER).name
    batched = ModelStore(threads=1, source=BatchedModels(Batcher(slots=1)))
    kept = [
        session._session.get_session_options().enable_cpu_mem_arena
        for session in (store.session(name), batched.session(name)._inner)
    ]
    assert kept == [True, False]
