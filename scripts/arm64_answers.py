"""Reads pictures, or serves, on the machine that this Python runs on; `arm64.py` compares.

python scripts/arm64_answers.py PICTURE...   # a line of JSON a picture
python scripts/arm64_answers.py              # a server; its port is the first line of output
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lipiyana.pipeline import LocalRecognizer
from lipiyana.server import running_server


def main() -> None:
    """Read the pictures of the command line, or serve until the input ends."""
    if pictures := sys.argv[1:]:
        recognizer = LocalRecognizer(threads=1)
        for picture in pictures:
            answer = recognizer.recognize(Path(picture)).to_dict()
            answer.pop("timings", None)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        return
    with running_server(LocalRecognizer(threads=1)) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
