"""`lipiyana rules`: rows in, events out."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lipiyana.cli.console import say_error, say_step, say_warning
from lipiyana.cli.events.faults import check_secrets, plain, warn_of_open_network
from lipiyana.cli.exit_codes import DONE, FAILED, INTERRUPTED, TERMINATED, USAGE
from lipiyana.cli.signals import Terminated, terminable
from lipiyana.cli.sources import refuse_inputs
from lipiyana.errors import InvalidRequest
from lipiyana.events.row_lines import LONGEST_LINE, RowLines
from lipiyana.events.rules.engine import RuleEngine
from lipiyana.events.rules.rules_file import RulesFile
from lipiyana.events.rules.ruleset import RulesError
from lipiyana.events.rules.sightings import observation_of_line
from lipiyana.events.sink import RowSink
from lipiyana.events.sinks.addresses import Credentials, is_address
from lipiyana.events.sinks.opening import open_event_sink
from lipiyana.events.spool.forwarder import Forwarder

_LAST_SECONDS = 30.0
"""For events that still wait for a webhook or a broker when the rows have ended."""

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class RulesRequest:
    """The options of `lipiyana rules`; `options.rules` describes them."""

    rules: Path
    rows: Path | None
    to: tuple[str, ...]
    follow: bool
    secret_file: Path | None
    login_file: Path | None
    ca: Path | None


def run(request: RulesRequest) -> int:
    """Report events until the rows end; return the exit code.

    Raises:
        LipiyanaError: a package for an address is not installed.
    """
    sinks: list[RowSink] = []
    try:
        with ExitStack() as stack:
            stack.enter_context(terminable())
            file = RulesFile(request.rules)
            credentials = _checked(request)
            rows = RowLines(request.rows, follow=request.follow)
            stack.callback(rows.close)
            for to in request.to:
                sinks.append(open_event_sink(to, credentials, say_warning))
                stack.callback(sinks[-1].close)
            all_good = _apply(file, rows, sinks)
            return DONE if _all_delivered(sinks, _LAST_SECONDS) and all_good else FAILED
    except BrokenPipeError:  # who reads the events has had enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except InvalidRequest as error:
        say_error(error.message)
        return USAGE
    except (OSError, ValueError) as error:
        say_error(plain(error))
        return FAILED
    except KeyboardInterrupt as signalled:
        _all_delivered(sinks, 0.0)
        return TERMINATED if isinstance(signalled, Terminated) else INTERRUPTED


def _checked(request: RulesRequest) -> Credentials:
    check_secrets(request.to, request.secret_file, request.login_file)
    credentials = Credentials.load(request.secret_file, request.login_file, request.ca)
    read = (request.rows, request.rules, request.secret_file, request.login_file, request.ca)
    for to in request.to:
        if not is_address(to):
            refuse_inputs(Path(to), read)
        warn_of_open_network(to)
    return credentials


def _apply(file: RulesFile, rows: RowLines, sinks: list[RowSink]) -> bool:
    """Return whether all lines were rows."""
    engine = RuleEngine(file.rules)
    left_out = _LeftOut()
    count = 0
    try:
        for chunk in rows.chunks():
            _take_over(file, engine)
            for line in chunk.lines:
                count += 1
                try:
                    observation = observation_of_line(line)
                except ValueError as error:
                    left_out.note(f"row {count} is left out: {error}")
                    continue
                for event in engine.events(observation):
                    for sink in sinks:
                        sink.write(event.as_row())
            for _ in range(chunk.too_long):
                count += 1
                left_out.note(f"row {count} is left out: it is longer than {LONGEST_LINE} bytes")
    finally:
        left_out.sum_up()
    return not left_out.count


class _LeftOut:
    """Lines that are no rows: the first few are told one by one, and all are counted."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, message: str) -> None:
        self.count += 1
        if self.count <= _MOST_TOLD:
            say_warning(message)
        elif self.count == _MOST_TOLD + 1:
            say_warning("more rows are left out; they are counted at the end")

    def sum_up(self) -> None:
        if self.count > _MOST_TOLD:
            say_warning(f"{self.count} rows were left out")


def _take_over(file: RulesFile, engine: RuleEngine) -> None:
    try:
        changed = file.changed()
    except RulesError as error:
        say_warning(f"the old rules stay: {error.message}")
        return
    if changed is not None:
        engine.replace_rules(changed)
        say_step(f"the rules have changed; there are {len(changed.rules)}")


def _all_delivered(sinks: list[RowSink], seconds: float) -> bool:
    delivered = True
    for sink in sinks:
        if not isinstance(sink, Forwarder):
            continue
        sink.wait_until_sent(seconds)
        missing = sink.spool.waiting + sink.spool.counts.dropped + sink.counts.refused
        if missing:
            say_error(f"{missing} events were not delivered")
            delivered = False
    return delivered
