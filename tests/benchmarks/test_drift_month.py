"""The simulated month of the drift benchmark: reproducible, quiet without a change, loud with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drift_pictures import Street, street_pixels
from needs import RIVER

from lipiyana.arrays import RgbArray
from lipiyana.drift.counting.picture import observe_pixels
from lipiyana.drift.counting.signals import Observation
from lipiyana.drift.watching.camera import LAST_WEEK, REFERENCE, Camera

pytest.importorskip("freetype", reason="draws plates: needs the extra `render`")

from month import DAY, HOURS, NIGHT, USUAL, WEEK, Month, false_alarms, inject
from observations import EQUAL
from street_conditions import EFFECTS, as_bright_as


def _pool() -> dict[tuple[str, str], list[Observation]]:
    rng = np.random.default_rng(1)
    streets = {USUAL: Street(), "new script": Street(script="Taml", text="சந்தை")}
    return {
        (name, light): [
            street.observation(rng) | {"brightness": (bright + float(rng.normal(0, bright / 5)),)}
            for _ in range(30)
        ]
        for name, street in streets.items()
        for light, bright in ((DAY, 140.0), (NIGHT, 40.0))
    }


def test_a_change_is_found_and_nothing_else() -> None:
    month = Month(_pool(), 3)
    camera = Camera(month.profile(range(2 * WEEK)))
    assert false_alarms(month, camera, range(2 * WEEK, 3 * WEEK + HOURS)) == []
    begin = 3 * WEEK + HOURS
    found = inject(month, camera, "new script", range(begin, begin + HOURS))
    assert {REFERENCE, LAST_WEEK} <= set(found.first)
    assert max(found.first.values()) <= 500
    assert found.dim == min(found.first.values())
    assert "script" in found.signals


def test_a_month_is_reproducible_and_has_nights() -> None:
    month, again = Month(_pool(), 3), Month(_pool(), 3)
    assert list(month.hour(30)) == list(again.hour(30))
    assert list(month.hour(30)) != list(Month(_pool(), 4).hour(30))
    assert len(list(month.hour(12))) > len(list(month.hour(0))) > 0
    bright = {hour: next(iter(month.hour(hour)))["brightness"][0] for hour in (0, 12)}
    assert float(bright[0]) < float(bright[12])


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_effects_change_pictures_also_at_equal_brightness(name: str) -> None:
    before = street_pixels(np.random.default_rng(2), 160, 320)
    after: RgbArray = EFFECTS[name](before, np.random.default_rng(3))
    assert after.shape == before.shape
    equal = as_bright_as(after, before)
    assert float(equal.mean()) == pytest.approx(float(before.mean()), abs=1.5)
    assert observe_pixels(equal) != observe_pixels(before)


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    pytest.importorskip("river", reason=RIVER)
    from injection import HEADS, MARKS, Result, write_table
    from month import Outcome

    page = tmp_path / "page.md"
    page.write_text(f"above\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nbelow\n", "utf-8")
    outcomes = [Outcome({REFERENCE: 40}, None, ("script",)), Outcome({LAST_WEEK: 60}, 60, ())]
    write_table(page, MARKS, [HEADS, Result(f"fog{EQUAL}", outcomes).row()], "said.")
    text = page.read_text("utf-8")
    assert "| fog, equal brightness | 50 (60) | 60 (60), 1 of 2 | 40 (40), 1 of 2 |" in text
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
