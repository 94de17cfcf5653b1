"""What skips is counted test by test, and a run in which too much of it skips fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting_skips import WrittenTest, written_tests

pytest_plugins = ("pytester",)

MODULE = """
import pytest

NAMES = ("a", "b", "c")
pytest.importorskip("no_such_module", reason="needs what is not there")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("one", "other"), [(1, 2), (3, 4)])
def test_one(name, one, other):
    assert one < other


class TestMore:
    def test_two(self):
        pass


def helper():
    pass
"""


def test_tests_are_found_without_importing_their_module() -> None:
    assert set(written_tests(MODULE)) == {
        WrittenTest("test_one", 9, 6),
        WrittenTest("test_two", 14, 1),
    }


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "support"))
    pytester.makeconftest("pytest_plugins = ('counting_skips',)")
    pytester.makepyfile(
        test_skipped=MODULE,
        test_passing="import pytest\n\n@pytest.mark.parametrize('n', range(13))\ndef test(n): pass",
    )
    return pytester


@pytest.mark.parametrize(("most", "code"), [("0.35", 0), ("0.34", 1)])
def test_each_test_of_a_module_that_skips_counts(
    project: pytest.Pytester, most: str, code: int
) -> None:
    done = project.runpytest_subprocess("-rs", "--most-skipped", most)
    assert done.ret == code
    done.assert_outcomes(passed=13, skipped=7)
    done.stdout.fnmatch_lines(
        [f"7 of 20 tests skipped (35.0%; at most {most[2:]}.0% may)",
         "SKIPPED [[]7[]] test_skipped.py: needs what is not there"]
    )  # fmt: skip


def test_without_a_limit_all_may_skip(project: pytest.Pytester) -> None:
    assert project.runpytest_subprocess("test_skipped.py").ret == 0


def test_a_module_that_is_broken_fails(project: pytest.Pytester) -> None:
    project.makepyfile(test_broken="import no_such_module")
    assert project.runpytest_subprocess().ret == pytest.ExitCode.INTERRUPTED
