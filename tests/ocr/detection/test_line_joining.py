from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lipiyana.ocr.detection.lines import join
from lipiyana.ocr.detection.text_map import Core


def core(x: float, y: float, width: float, height: float = 20, angle: float = 0.0) -> Core:
    """A core by its left edge and the middle of its height."""
    return Core(x + width / 2, y, width, height, angle, 0.9)


def test_pieces_of_a_word_become_one() -> None:
    (line,) = join([core(70, 50, 50), core(0, 51, 60), core(132, 49, 30)])
    assert (line.core.width, line.core.x) == (162, 81)
    assert 20 <= line.core.height <= 23
    assert (line.above, line.below) == (0, 0)


def test_a_wide_gap_keeps_lines_apart() -> None:
    assert len(join([core(0, 50, 60), core(100, 50, 60)])) == 2


def test_other_heights_rows_and_tilts_are_other_lines() -> None:
    for other in (core(65, 50, 60, 8), core(65, 65, 60), core(65, 50, 60, angle=0.5)):
        assert len(join([core(0, 50, 60), other])) == 2


def test_a_mark_below_belongs_to_its_line() -> None:
    (line,) = join([core(0, 50, 300), core(100, 75, 14, 12)])
    assert line.core == core(0, 50, 300)
    # the lower edge of the mark's core and some ink beyond it, from the line's lower edge
    assert 81 - 60 < line.below < 81 - 60 + 12
    assert line.above == 0


def test_a_mark_above_belongs_to_its_line() -> None:
    (line,) = join([core(0, 50, 300), core(100, 25, 14, 12)])
    assert line.above > 0
    assert line.below == 0


def test_small_print_below_is_a_line() -> None:
    assert len(join([core(0, 50, 300), core(80, 76, 120, 12)])) == 2
    assert len(join([core(0, 50, 300), core(100, 95, 14, 12)])) == 2


_CORES = st.builds(
    Core,
    st.floats(0, 500),
    st.floats(0, 500),
    st.floats(3, 300),
    st.floats(3, 60),
    st.floats(-0.7, 0.7),
    st.floats(0.3, 1),
)


@given(st.lists(_CORES, max_size=12))
def test_joining_adds_no_lines(cores: list[Core]) -> None:
    lines = join(cores)
    assert len(lines) <= len(cores)
    assert bool(lines) == bool(cores)
    assert all(line.above >= 0 <= line.below for line in lines)
