from __future__ import annotations

import threading
from contextlib import ExitStack

import hostile_png
import pytest
from hostile_pictures import encoded, noise

from lipiyana.errors import DeadlineExceeded, InvalidImage
from lipiyana.images.decoding_memory import DecodingMemory
from lipiyana.images.headers import read_header
from lipiyana.images.loading import DEFAULT_LIMITS, opened
from lipiyana.types import PixelFormat, RawImage


def in_thread(memory: DecodingMemory, size: int, order: list[int]) -> threading.Thread:
    def take() -> None:
        with memory.reserve(size):
            order.append(size)

    before = memory.waiting
    thread = threading.Thread(target=take)
    thread.start()
    with memory._changed:
        assert memory._changed.wait_for(lambda: memory.waiting > before or size in order, 60)
    return thread


def test_memory_is_released() -> None:
    memory = DecodingMemory(100)
    with memory.reserve(60) as reservation, memory.reserve(40):
        assert memory.used == 100
        reservation.shrink(10)
        reservation.shrink(50)  # it never grows
        assert memory.used == 50
    assert memory.used == 0


def test_a_picture_waits_until_its_memory_is_free() -> None:
    memory = DecodingMemory(100)
    order: list[int] = []
    with memory.reserve(60):
        thread = in_thread(memory, 70, order)
        assert not order
    thread.join(60)
    assert order == [70]


def test_small_pictures_do_not_overtake_a_waiting_large_one() -> None:
    memory = DecodingMemory(100)
    order: list[int] = []
    with memory.reserve(60):
        threads = [in_thread(memory, 70, order), in_thread(memory, 1, order)]
        assert not order  # although there is memory for the small one
    for thread in threads:
        thread.join(60)
    assert sorted(order) == [1, 70]


def test_a_picture_over_the_total_is_decoded_alone() -> None:
    memory = DecodingMemory(100)
    with memory.reserve(500):
        assert memory.used == 500
        with pytest.raises(DeadlineExceeded), memory.reserve(1, timeout=0):
            pass
    assert (memory.used, memory.waiting) == (0, 0)


def test_a_failure_releases_memory() -> None:
    memory = DecodingMemory(10**9)
    cut = encoded(noise(64, 64), "PNG")[:-900]
    with pytest.raises(InvalidImage), opened(cut, DEFAULT_LIMITS, memory):
        pass
    assert memory.used == 0


def test_small_files_with_many_pixels_are_not_decoded_all_at_once() -> None:
    data = hostile_png.zeros(2000, 1000, 1, 0)
    need = read_header(data).memory()
    assert need > 500 * len(data)
    memory = DecodingMemory(2 * need)
    seen: list[int] = []

    def read() -> None:
        with opened(data, DEFAULT_LIMITS, memory) as picture:
            seen.append(memory.used)
            assert picture.pixels.shape == (1000, 2000, 3)

    with ExitStack() as held:
        held.enter_context(opened(data, DEFAULT_LIMITS, memory))
        threads = [threading.Thread(target=read) for _ in range(12)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 12
    assert max(seen) <= 2 * need
    assert memory.used == 0


@pytest.mark.parametrize(
    ("pixel_format", "taken"), [("rgb8", 0), ("bgr8", 3 * 8 * 6), ("gray8", 3 * 8 * 6)]
)
def test_raw_pictures_reserve_memory_for_their_converted_copy(
    pixel_format: str, taken: int
) -> None:
    kind = PixelFormat(pixel_format)
    raw = RawImage(bytes(8 * 6 * kind.channels), 8, 6, kind)
    memory = DecodingMemory(1000)
    with opened(raw, memory=memory) as picture:
        assert memory.used == taken
        assert picture.pixels.shape == (6, 8, 3)
    assert memory.used == 0
