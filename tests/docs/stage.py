"""Where the blocks of a page run: a folder with what it names, and the servers that it starts."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import cv2
from blocks import ROOT, Block
from certificates import Authority

from lipiyana.runtime.manifest import MANIFEST

_SECONDS = 300  # that a block may take, or a server to answer
_SERVE = "lipiyana serve"
_OTHER_HOST, _PORT, _HTTP_PORT = "gate.example", "50051", "8080"


class Stage:
    """A page's folder. Blocks see the ports and the host of the pages as free ports of loopback."""

    def __init__(self, folder: Path, page: str) -> None:
        self.folder = folder
        self.page = page
        self._cwd = folder / "examples" if page.startswith("examples/") else folder
        self._servers: list[subprocess.Popen[str]] = []
        self._done: set[Block] = set()
        self._token = ""
        with socket.socket() as free, socket.socket() as also_free:
            free.bind(("127.0.0.1", 0))
            also_free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
            self._http_port = str(also_free.getsockname()[1])
        _fill(folder, self._cwd)

    def run(self, block: Block, before: tuple[Block, ...]) -> None:
        """Run a block as it stands, after those blocks of its page that it builds on.

        Raises:
            AssertionError: it ended with another code than 0, or its server does not answer.
        """
        for earlier in before:  # files that the page writes, and where one block is run alone
            if earlier in self._done or missing_program(earlier):
                continue  # what openssl would make is in the folder
            if earlier.language in {"sh", "toml"}:
                self.run(earlier, ())
        self._done.add(block)
        if block.language == "toml":
            self._write(block)
        elif _serves(block):
            self._serve(block)
        elif block.language == "python":
            self._finish(block, [sys.executable, "-W", "error", "-c", self._here(block.text)])
        else:
            said = self._finish(block, ["bash", "-euo", "pipefail", "-c", self._here(block.text)])
            if "export TOKEN=" in block.text:
                self._token = said.strip()

    def close(self) -> None:
        """End the servers; they must end well."""
        for server in self._servers:
            server.terminate()
        assert [server.wait(_SECONDS) for server in self._servers] == [0] * len(self._servers)

    def _finish(self, block: Block, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self._cwd, env=self._environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.name}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _write(self, block: Block) -> None:
        """Put a file of settings where the page says: its first line is a comment with the name."""
        first, _, _ = block.text.partition("\n")
        (self._cwd / first.removeprefix("# ")).write_text(self._here(block.text), "utf-8")

    def _serve(self, block: Block) -> None:
        """Run the lines before the last one, start it, and wait until it says that it serves."""
        *lines, last = block.text.strip().splitlines()
        assert last.startswith(_SERVE), f"{block.name}: what follows a server never begins"
        if lines:
            self._finish(block, ["bash", "-euo", "pipefail", "-c", self._here("\n".join(lines))])
        for server in self._servers:  # pages start one after the other, at one port
            server.terminate()
            server.wait(_SECONDS)
        command = shlex.split(self._here(last), comments=True)
        command[0] = str(Path(sys.executable).with_name(command[0]))
        if "--port" not in command and "--config" not in command:
            command += ["--port", self._port]
        server = subprocess.Popen(
            command, cwd=self._cwd, env=self._environment(), text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._servers = [server]
        said: list[str] = []
        assert server.stdout is not None
        for line in server.stdout:
            said.append(line)
            if "serving at" in line:
                break
        else:
            raise AssertionError("".join(said))
        # what it says later must not fill the pipe
        threading.Thread(target=_drain, args=(server.stdout,), daemon=True).start()

    def _here(self, text: str) -> str:
        text = text.replace(_PORT, self._port).replace(_HTTP_PORT, self._http_port)
        return text.replace(_OTHER_HOST, "127.0.0.1")

    def _environment(self) -> dict[str, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIPIYANA_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        environment["HOME"] = str(self.folder / "home")
        environment["TOKEN"] = self._token
        return environment


def missing_program(block: Block) -> str:
    """Name the program that a block needs and this machine lacks; "" for none."""
    if block.page == "docs/guides/clusters.md" and importlib.util.find_spec("ray") is None:
        return "ray"
    needed = (name for name in ("openssl", "curl") if f"{name} " in block.text)
    return next((name for name in needed if not shutil.which(name)), "")


def _serves(block: Block) -> bool:
    return block.language == "sh" and not block.not_run and _SERVE in block.text


def _drain(said: IO[str]) -> None:
    with said:
        said.read()


def _fill(folder: Path, cwd: Path) -> None:
    """Put what the pages name into the folder: pictures of samples/, models, certificates."""
    scenes = sorted((ROOT / "samples" / "scenes").glob("*.jpg"))[:1]
    (plate, *_) = sorted((ROOT / "samples" / "plates").glob("*.jpg"))
    (folder / "home").mkdir(parents=True)
    if cwd != folder:
        shutil.copytree(ROOT / "examples", cwd)
    for name in ("photos", "street", "camera", "crops"):
        (cwd / name).mkdir()
        for scene in scenes:
            shutil.copy(scene, cwd / name)
    shutil.copy(scenes[0], cwd / "street.jpg")
    shutil.copy(plate, cwd / "plate.jpg")
    _put_video(cwd / "gate.avi", scenes[0])
    for kind in ("scenes", "plates"):
        (folder / "samples" / kind).mkdir(parents=True)
        for picture in sorted((ROOT / "samples" / kind).glob("*.jpg"))[:2]:
            shutil.copy(picture, folder / "samples" / kind)
    _put_models(cwd / "models-mine")
    authority = Authority(cwd, "ca")
    signed = authority.sign("server", "IP:127.0.0.1", "DNS:localhost")
    assert (signed.certificate.name, signed.key.name) == ("server.pem", "server.key")


def _put_video(path: Path, scene: Path) -> None:
    """Write three frames that show one scene, by the one codec that OpenCV has in itself."""
    frame = cv2.imread(str(scene))
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    video = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, codec, 5.0, frame.shape[1::-1])
    for _ in range(3):
        video.write(frame)
    video.release()


def _put_models(folder: Path) -> None:
    """Make a folder with one model of its own: the built-in reader under another name."""
    models = ROOT / "models"
    _, *entries = (models / MANIFEST).read_text("utf-8").split("[[model]]")
    (reader,) = (entry for entry in entries if 'name = "reader-int8"' in entry)
    folder.mkdir()
    reader = reader.partition("[model.parameters]")[0].replace("reader-int8", "mine-int8")
    (folder / MANIFEST).write_text("[[model]]" + reader, "utf-8")
    for name in ("reader.int8.onnx.gz", "reader.md"):
        (folder / name).symlink_to(models / name)
