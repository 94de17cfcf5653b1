"""`lipiyana doctor`: checks this machine and this installation, and gives advice.

`machine` checks the machine. This module checks the extras, fonts and models, and how the settings
of a server affect speed and security. At the end it draws a plate and reads it, to show that
everything works and how long it takes.
"""

from __future__ import annotations

import platform
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.text import Text

from lipiyana.addresses import is_loopback
from lipiyana.annotation import drawable_scripts
from lipiyana.cli.console import stdout
from lipiyana.cli.doctor.engines import devices, inference
from lipiyana.cli.doctor.findings import Finding, Level
from lipiyana.cli.doctor.machine import Usage, cpu, extras, memory, neighbours, threads, versions
from lipiyana.cli.exit_codes import DONE, FAILED
from lipiyana.errors import LipiyanaError, MissingExtra, how_to_install
from lipiyana.ocr.scripts.table import SCRIPTS
from lipiyana.pipeline import LocalRecognizer
from lipiyana.runtime.container import available_threads
from lipiyana.runtime.store import ModelStore
from lipiyana.types import RawImage
from lipiyana.variables import unread_variables

REGISTRATION = "KA01AB1234"
SOON = 14 * 86_400
"""A certificate that expires within this many seconds is reported."""

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """Result and times of reading a drawn plate several times.

    Attributes:
        registration: what was read.
        first: seconds of the first time, which includes loading the models.
        next: seconds of the fastest of the other times.
        stages: seconds of each stage, of the fastest of the other times.
    """

    registration: str
    first: float
    next: float
    stages: Mapping[str, float]


def read_rendered_plate(models: Path | None) -> Trial:
    """Draw a plate and read it.

    Raises:
        LipiyanaError: it cannot be read.
    """
    canvas = Image.new("RGB", (640, 480), (90, 110, 90))
    pen = ImageDraw.Draw(canvas)
    pen.rectangle((120, 200, 520, 290), fill="white", outline="black", width=3)
    font = ImageFont.load_default(52)
    pen.text((320, 245), "KA 01 AB 1234", font=font, fill="black", anchor="mm")
    image = RawImage.from_array(np.asarray(canvas), "rgb8")
    recognizer = LocalRecognizer(models_dir=models)
    rounds = []
    for _ in range(1 + _ROUNDS):
        began = time.perf_counter()
        result = recognizer.recognize(image)
        rounds.append((time.perf_counter() - began, result))
    (first, _), *others = rounds
    quickest, result = min(others, key=lambda one: one[0])
    read = next((plate.registration.canonical or plate.text for plate in result.plates), "")
    return Trial(read, first, quickest, result.timings)


_ELSEWHERE = "paddle"
"""An extra that needs a separate environment: its pinned versions conflict with the others."""

_PURPOSES = {
    "indic": "fills `romanized`",
    "drift": "finds changes within a stream",
    "otel": "sends traces",
    "parquet": "writes Parquet files",
    "redis": "shares the cache of servers",
    "render": "draws test pictures",
    "server": "runs the server",
    "train": "fine-tunes, quantizes and imports models",
    "video": "watches cameras and videos",
}

_STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def run(models: Path | None, config: Path | None = None) -> int:
    """Print each finding at once; return exit code 1 if something is wrong."""
    console = stdout()
    counts = dict.fromkeys(_STYLES, 0)
    for finding in examine(models, config):
        label = Text(f"{finding.level:<6}", _STYLES[finding.level])
        console.print(Text.assemble(label, f"{finding.subject}: {finding.detail}"))
        counts[finding.level] += 1
    console.print(_verdict(counts))
    return FAILED if counts["wrong"] else DONE


def examine(models: Path | None, config: Path | None = None) -> Iterator[Finding]:
    """Check everything, the fast checks first."""
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.platform()}")
    yield Finding("ok", "packages", ", ".join(f"{name} {found}" for name, found in versions()))
    yield from _extras()
    yield cpu()
    yield threads()
    yield memory()
    yield from devices()
    yield _fonts()
    yield from _guarded("server", lambda: _server(config))
    yield from _guarded("models", lambda: _models(models))
    before = Usage.now()
    yield from _guarded("a picture", lambda: _picture(models))
    yield from neighbours(Usage.now().since(before))


def _verdict(counts: dict[str, int]) -> Text:
    if counts["wrong"]:
        return Text(f"verdict: {counts['wrong']} wrong, see above", "bold red")
    if counts["note"]:
        notes = "the note" if counts["note"] == 1 else f"the {counts['note']} notes"
        return Text(f"verdict: it works; see {notes} above", "yellow")
    return Text("verdict: everything is fine", "green")


def _extras() -> Iterator[Finding]:
    for extra, missing in extras():
        if missing and extra == _ELSEWHERE:
            detail = "needs a separate environment: import-paddle in docs/guides/fine-tuning.md"
            yield Finding("ok", f"extra {extra}", detail)
        elif missing:
            purpose = f"; it {_PURPOSES[extra]}" if extra in _PURPOSES else ""
            lacking = ", ".join(missing)
            detail = f"not installed ({lacking}){purpose}: {how_to_install(extra)}"
            yield Finding("note", f"extra {extra}", detail)
        else:
            yield Finding("ok", f"extra {extra}", "installed")


def _fonts() -> Finding:
    lacking = [code for code in SCRIPTS if code not in drawable_scripts()]
    if lacking:
        return Finding(
            "note", "fonts", f"`annotate` cannot draw {', '.join(lacking)}: install Noto fonts"
        )
    return Finding("ok", "fonts", "`annotate` can draw every script")


def _server(config: Path | None) -> Iterator[Finding]:
    missing = dict(extras()).get("server", [])
    if missing:
        if config is not None:
            yield Finding(
                "wrong",
                "server",
                f"{config} cannot be checked: install the extra `server` "
                f"({how_to_install('server')})",
            )
        return
    yield from server(config)


def server(config: Path | None) -> Iterator[Finding]:
    """Check the settings that `lipiyana serve --config` would use."""
    try:
        from lipiyana.server import ServerSettings
        from lipiyana.server.security.tls import server_credentials
        from lipiyana.server.security.tokens import read_keys

        settings = ServerSettings.load(config)
        for unread in unread_variables(ServerSettings.model_fields):
            yield Finding("note", "environment", str(unread))
        yield _concurrency(settings)
        yield from inference(settings)
        yield _cache(settings)
        if settings.shared_cache is not None:
            yield _shared_cache(settings.shared_cache)
        if settings.http_port is not None:
            yield _http(settings)
        yield from _access(settings)
        if settings.tokens is not None:
            keys = read_keys(settings.tokens)
            yield _tokens(settings.tokens, len(keys))
        if settings.tls is not None:
            server_credentials(settings.tls)
            yield certificate(settings.tls.certificate)
    except LipiyanaError as error:
        yield Finding("wrong", "server", error.message)


def certificate(path: Path, now: float | None = None) -> Finding:
    """Report when a certificate expires; `now` is in seconds since 1970."""
    # the standard library has no public way to read the dates of a certificate file
    decoded: dict[str, Any] = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    left = ssl.cert_time_to_seconds(decoded["notAfter"]) - (time.time() if now is None else now)
    detail = f"{path} is valid for {left / 86_400:.0f} more days"
    if left < 0:
        return Finding("wrong", "certificate", f"{path} expired {-left / 86_400:.0f} days ago")
    return Finding("note" if left < SOON else "ok", "certificate", detail)


def _tokens(path: Path, keys: int) -> Finding:
    if not keys:
        return Finding("wrong", "tokens", f"{path} has no key: every call is refused")
    return Finding("ok", "tokens", "1 key" if keys == 1 else f"{keys} keys")


def _concurrency(settings: Any) -> Finding:
    cpus = available_threads()
    concurrency = settings.threads * settings.workers
    detail = f"{concurrency} pictures at a time on {cpus} CPUs"
    if settings.model_batch == 1 and concurrency > cpus:
        return Finding("note", "server", f"{detail}: they only wait for each other")
    if concurrency < cpus:
        return Finding(
            "note", "server", f"{detail}: some CPUs stay idle under load; raise `threads`"
        )
    return Finding("ok", "server", detail)


def _http(settings: Any) -> Finding:
    if dict(extras()).get("http", []):
        return Finding(
            "wrong", "http", f"http_port needs the extra `http` ({how_to_install('http')})"
        )
    scheme = "http" if settings.tls is None else "https"
    where = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Finding("ok", "http", f"{scheme}://{where}:{settings.http_port}/")


def _cache(settings: Any) -> Finding:
    if not settings.cache_bytes:
        return Finding(
            "note", "cache", "off (cache_bytes is 0): identical pictures are computed each time"
        )
    per = f" for each of {settings.workers} workers" if settings.workers > 1 else ""
    return Finding("ok", "cache", f"{settings.cache_bytes / 2**20:g} MiB{per}")


def _shared_cache(options: Any) -> Finding:
    try:
        import redis
    except ModuleNotFoundError as error:
        raise MissingExtra.for_extra("redis", "the shared cache") from error
    try:
        with redis.Redis.from_url(options.url, socket_timeout=1, socket_connect_timeout=1) as store:
            store.ping()
            began = time.perf_counter()
            store.ping()
            seconds = time.perf_counter() - began
    except (redis.RedisError, OSError, ValueError) as error:
        return Finding(
            "wrong", "shared cache", f"Redis cannot be reached ({type(error).__name__}); calls go "
            "on without it"
        )  # fmt: skip
    detail = f"Redis answers in {seconds * 1000:.1f} ms"
    if seconds > options.timeout / 2:
        return Finding(
            "note",
            "shared cache",
            f"{detail}; calls wait at most {options.timeout * 1000:g} ms for it, then compute",
        )
    return Finding("ok", "shared cache", detail)


def _access(settings: Any) -> Iterator[Finding]:
    if is_loopback(settings.host):
        yield Finding("ok", "access", "only this machine")
        return
    if settings.tokens is None and settings.tls_client_ca is None:
        yield Finding(
            "note", "access", f"anyone who reaches {settings.host} may call: set `tokens` or mTLS"
        )
    elif settings.tls is None:
        yield Finding("note", "access", "tokens are sent in plaintext: set `tls_certificate`")
    else:
        yield Finding("ok", "access", "over TLS, with a token or a client certificate")


def _models(models: Path | None) -> Iterator[Finding]:
    for check in ModelStore(models, threads=1).verify():
        level: Level = "ok" if check.ok else "wrong"
        yield Finding(level, "model", f"{check.entry.name}{check.problem and ': '}{check.problem}")


def _picture(models: Path | None) -> Iterator[Finding]:
    result = read_rendered_plate(models)
    detail = f"loaded and read in {result.first:.2f} s, then {result.next * 1000:.0f} ms a picture"
    if result.registration != REGISTRATION:
        yield Finding("wrong", "a picture", f"{detail}, but read as {result.registration!r}")
        return
    yield Finding("ok", "a picture", detail)
    stages = sorted(result.stages.items(), key=lambda item: -item[1])
    slowest = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in stages[:3])
    yield Finding("ok", "stages", f"the slowest are {slowest}")


def _guarded(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except LipiyanaError as error:
        yield Finding("wrong", subject, error.message)
