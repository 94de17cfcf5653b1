"""Findings about the settings of a server: their effect on speed and safety."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lipiyana.addresses import is_loopback
from lipiyana.cli.doctor.findings import Finding
from lipiyana.errors import LipiyanaError, MissingExtra
from lipiyana.runtime.container import available_threads
from lipiyana.variables import unread_variables

SOON = 14 * 86_400
"""Seconds before its end from which on a certificate is reported."""


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
        yield _cache(settings)
        if settings.shared_cache is not None:
            yield _shared_cache(settings.shared_cache)
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
    """Report when a certificate ends; `now` is in seconds since 1970."""
    # the one way of the standard library to the dates of a certificate that is not a peer's
    decoded: dict[str, Any] = ssl._ssl._test_decode_cert(str(path))  # type: ignore[attr-defined]
    left = ssl.cert_time_to_seconds(decoded["notAfter"]) - (time.time() if now is None else now)
    detail = f"{path} is good for {left / 86_400:.0f} days"
    if left < 0:
        return Finding("wrong", "certificate", f"{path} ended {-left / 86_400:.0f} days ago")
    return Finding("note" if left < SOON else "ok", "certificate", detail)


def _tokens(path: Path, keys: int) -> Finding:
    if not keys:
        return Finding("wrong", "tokens", f"{path} has no key: every call is refused")
    return Finding("ok", "tokens", "1 key" if keys == 1 else f"{keys} keys")


def _concurrency(settings: Any) -> Finding:
    cpus = available_threads()
    at_a_time = settings.threads * settings.workers
    detail = f"{at_a_time} pictures at a time on {cpus} CPUs"
    if settings.model_batch == 1 and at_a_time > cpus:
        return Finding("note", "server", f"{detail}: they only wait for each other")
    if at_a_time < cpus:
        return Finding("note", "server", f"{detail}: some stay idle under load; raise `threads`")
    return Finding("ok", "server", detail)


def _cache(settings: Any) -> Finding:
    if not settings.cache_bytes:
        return Finding(
            "note", "cache", "off (cache_bytes is 0): equal pictures are computed again and again"
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
            f"{detail}; calls wait {options.timeout * 1000:g} ms for it, and then compute",
        )
    return Finding("ok", "shared cache", detail)


def _access(settings: Any) -> Iterator[Finding]:
    if is_loopback(settings.host):
        yield Finding("ok", "access", "this machine alone")
        return
    if settings.tokens is None and settings.tls_client_ca is None:
        yield Finding(
            "note", "access", f"whoever reaches {settings.host} may call: set `tokens` or mTLS"
        )
    elif settings.tls is None:
        yield Finding("note", "access", "tokens travel in plaintext: set `tls_certificate`")
    else:
        yield Finding("ok", "access", "by TLS, with a token or a certificate")
