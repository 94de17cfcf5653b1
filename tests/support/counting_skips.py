"""Counts skipped tests, including each test of a module that is skipped as a whole.

With `--most-skipped 0.1` a run fails if more than a tenth of the tests are skipped.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_OPTION = "--most-skipped"


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """A test in the source: its name, its line from 0, its number of parametrized cases."""

    name: str
    line: int
    cases: int


def written_tests(source: str) -> Iterator[WrittenTest]:
    """Find the tests of a module without importing it.

    Parameters count as one case unless they are a literal or the name of a literal in the module.
    """
    module = ast.parse(source)
    values = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test_"
        ):
            cases = 1
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _name(decorator.func) == "parametrize":
                    cases *= _length(decorator.args[1], values) if len(decorator.args) > 1 else 1
            yield WrittenTest(node.name, node.lineno - 1, cases)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else ""


def _length(node: ast.expr, values: dict[str, ast.expr]) -> int:
    if isinstance(node, ast.Name) and node.id in values:
        node = values[node.id]
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return max(1, len(node.elts))
    return max(1, len(node.keys)) if isinstance(node, ast.Dict) else 1


class SkippedTest(pytest.Item):
    """A test of a module that skips at import because a requirement is missing."""

    def __init__(self, *, line: int, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self._line = line

    def runtest(self) -> None:
        raise AssertionError("the skip mark prevents this call")

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._line, self.name


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Replace a module that skips as a whole by its tests, each with the reason."""
    report = yield
    if report.skipped and isinstance(collector, pytest.Module):
        assert isinstance(report.longrepr, tuple)
        _, line, reason = report.longrepr
        report.result = []
        for test in written_tests(collector.path.read_text("utf-8")):
            for case in range(test.cases):
                name = f"{test.name}[{case}]" if test.cases > 1 else test.name
                # all on the line of the skip, so that the summary has one row per module
                item = SkippedTest.from_parent(collector, name=name, line=int(line) - 1)
                item.add_marker(pytest.mark.skip(reason=reason.removeprefix("Skipped: ")))
                report.result.append(item)
        report.outcome, report.longrepr = "passed", None
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        _OPTION, type=float, metavar="SHARE", help="fail if a larger share of the tests is skipped"
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workerinput"):
        return  # of pytest-xdist; the process that distributes the tests counts
    skipped, count = _counted(session.config)
    most = session.config.getoption(_OPTION)
    if most is not None and skipped > most * count and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(config: pytest.Config) -> None:
    skipped, count = _counted(config)
    if count and skipped:
        most = config.getoption(_OPTION)
        limit = f"; at most {most:.1%} may" if most is not None else ""
        _reporter(config).write_line(
            f"{skipped} of {count} tests skipped ({skipped / count:.1%}{limit})"
        )


def _counted(config: pytest.Config) -> tuple[int, int]:
    """Return the number of skipped tests and of all tests."""
    stats = _reporter(config).stats
    ended = {
        outcome: {report.nodeid for report in stats.get(outcome, ())}
        for outcome in ("passed", "failed", "error", "xfailed", "xpassed", "skipped")
    }
    return len(ended["skipped"]), len(set().union(*ended.values()))


def _reporter(config: pytest.Config) -> pytest.TerminalReporter:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    return reporter
