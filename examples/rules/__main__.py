"""Print events, one JSON object per line.

lipiyana read photos/ | python -m rules rules.yaml
python -m rules rules.yaml --server localhost:50051 --frames camera/
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

from lipiyana.client import Client
from lipiyana.errors import LipiyanaError
from rules.engine import RuleEngine
from rules.ruleset import RulesError, load_rules
from rules.sightings import Result, results_of_rows, results_of_stream


def main() -> int:
    """Run until the input ends; return 2 if the rules or the input are invalid."""
    parser = argparse.ArgumentParser(prog="rules", description="events by rules in a YAML file")
    parser.add_argument("rules", type=Path)
    parser.add_argument(
        "rows", type=Path, nargs="?", help="output of `lipiyana read`; default stdin"
    )
    parser.add_argument("--server", help="HOST:PORT to send frames to instead")
    parser.add_argument("--frames", type=Path, help="folder of pictures, sent in order of name")
    arguments = parser.parse_args()
    if (arguments.server is None) != (arguments.frames is None):
        parser.error("--server and --frames must be given together")
    if arguments.frames is not None and not arguments.frames.is_dir():
        parser.error(f"the folder {arguments.frames} does not exist")
    try:
        engine = RuleEngine(load_rules(arguments.rules))
        with contextlib.closing(_results(arguments)) as results:
            for event in engine.events(results):
                print(json.dumps(asdict(event), ensure_ascii=False), flush=True)
    except BrokenPipeError:  # the reader of the events, such as `head`, has exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 2
    except (RulesError, LipiyanaError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _results(arguments: argparse.Namespace) -> Generator[Result, None, None]:
    if arguments.server is not None:
        pictures = sorted(path for path in arguments.frames.iterdir() if path.is_file())
        with Client(arguments.server) as client:
            yield from results_of_stream(client.recognize_stream(pictures))
    elif arguments.rows is not None:
        with arguments.rows.open(encoding="utf-8") as lines:
            yield from results_of_rows(lines)
    else:
        yield from results_of_rows(sys.stdin)


if __name__ == "__main__":
    sys.exit(main())
