from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from lipiyana.samples import sample_folder

COMMAND = [sys.executable, "-c", "from lipiyana.cli.main import main; main()", "demo"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_page_until_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as answer:
            assert b"<title>Lipiyana</title>" in answer.read()
        picture = (sample_folder() / "plates" / "02_standard_2row.jpg").read_bytes()
        request = urllib.request.Request(
            f"{address}v1/recognize?layout=plate", picture, {"Content-Type": "image/jpeg"}
        )
        with urllib.request.urlopen(request) as answer:
            assert b"TG75WFG1162" in answer.read()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in said


def test_it_opens_a_browser(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >"{opened}"\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    os.mkfifo(opened)  # reading it waits for the browser
    environment = os.environ | {"BROWSER": f"{browser} %s"}
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert opened.read_text().strip() == address
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "websockets"])
def test_it_names_the_missing_extra(package: str) -> None:
    program = (
        f"import sys; sys.modules[{package!r}] = None\nfrom lipiyana.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "--no-browser"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "lipiyana demo needs the extra 'http'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_names_the_option_of_the_demo() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--no-browser", "--port", port],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert "choose another --port" in done.stderr
    assert "http_port" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
