"""The limit of open files, and warnings about secrets that other users can read."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import CONNECTIONS

_log = logging.getLogger("lipiyana.server")


def files_needed(settings: ServerSettings) -> int:
    """Number of open files of one process when it has all the connections that it allows."""
    return CONNECTIONS.files_beside_calls + settings.max_connections + settings.threads


def raise_file_limit(settings: ServerSettings) -> None:
    """Raise the limit of open files as far as allowed, and warn if that is too low.

    Processes that this one starts inherit the limit.
    """
    try:
        import resource
    except ModuleNotFoundError:  # a system without these limits
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    most = (
        CONNECTIONS.most_open_files
        if hard == resource.RLIM_INFINITY
        else min(hard, CONNECTIONS.most_open_files)
    )
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    needed = files_needed(settings)
    if soft < needed:
        _log.warning(
            "this process may open %d files, but these settings need %d: further connections will "
            "have to wait. Raise the limit (`ulimit -n`, LimitNOFILE of systemd), or lower "
            "max_connections",
            soft, needed,
        )  # fmt: skip


def warn_of_open_secrets(settings: ServerSettings) -> None:
    """Warn if other users may read the key or the tokens, or may write them or a certificate.

    A file that root owns may be readable by its group, because that is a common way to give secrets
    to a server that does not run as root.
    """
    secrets = (settings.tls_key, settings.tokens)
    for path in (*secrets, settings.tls_certificate, settings.tls_client_ca):
        if path is not None and (what := _what_others_may(path, secret=path in secrets)):
            _log.warning("other users may %s %s: `chmod 600` it", what, path)


def _what_others_may(path: Path, *, secret: bool) -> str:
    try:
        status = path.stat()
    except OSError:  # reported when the file is used
        return ""
    may = []
    readers = stat.S_IROTH | (0 if status.st_uid == 0 else stat.S_IRGRP)
    if secret and status.st_mode & readers:
        may.append("read")
    if status.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        may.append("write")
    return " and ".join(may)
