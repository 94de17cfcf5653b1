"""The limit of open files, and warnings about secrets that other users can read."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.tuning import CONNECTIONS

_log = logging.getLogger("lipiyana.server")


def files_needed(settings: ServerSettings) -> int:
    """Give how many files one process has open with all the connections that it allows."""
    return CONNECTIONS.files_beside_calls + settings.max_connections + settings.threads


def raise_file_limit(settings: ServerSettings) -> None:
    """Raise the limit of open files as far as this process may, and warn if that is too little.

    Processes that this one starts inherit the limit.
    """
    try:
        import resource
    except ModuleNotFoundError:  # a system without such limits
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
            "this process may have %d files open, and these settings need %d: connections above "
            "that will have to wait. Raise the limit (`ulimit -n`, LimitNOFILE of systemd), or "
            "lower max_connections",
            soft, needed,
        )  # fmt: skip


def warn_of_open_secrets(settings: ServerSettings) -> None:
    """Warn if other users may read the key or the tokens, or may write them or a certificate.

    A group may read a file that root owns: that is how a server without root gets its secrets.
    """
    secrets = (settings.tls_key, settings.tokens)
    for path in (*secrets, settings.tls_certificate, settings.tls_client_ca):
        if path is not None and (what := _what_others_may(path, secret=path in secrets)):
            _log.warning("other users may %s %s: `chmod 600` it", what, path)


def _what_others_may(path: Path, *, secret: bool) -> str:
    try:
        status = path.stat()
    except OSError:  # the error comes where the file is used
        return ""
    may = []
    readers = stat.S_IROTH | (0 if status.st_uid == 0 else stat.S_IRGRP)
    if secret and status.st_mode & readers:
        may.append("read")
    if status.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        may.append("write")
    return " and ".join(may)
