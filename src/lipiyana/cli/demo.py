"""`lipiyana demo`: a server of this machine alone, with its page in the browser."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lipiyana.cli.console import say_step
from lipiyana.cli.extras import import_with
from lipiyana.errors import InvalidRequest

if TYPE_CHECKING:
    from lipiyana.server.processes.run import Started

_GRACE = 3.0  # seconds that open calls may take after Ctrl-C: nobody depends on a demo


def run(models: Path | None, http_port: int, *, browser: bool) -> int:
    """Serve on free ports of this machine until Ctrl-C or SIGTERM.

    Args:
        models: folder of models that take precedence.
        http_port: of the page; 0 chooses a free one.
        browser: whether to open the page.

    Returns:
        The exit code of the server.

    Raises:
        MissingExtra: a package of the extra `server` or `http` is not installed.
        LipiyanaError: the server cannot start.
    """
    server = import_with("server", "lipiyana.server", "lipiyana demo")
    import_with("http", "lipiyana.server.http.starting", "lipiyana demo")
    settings = server.ServerSettings(
        host="127.0.0.1", port=0, http_port=http_port, models=models, shutdown_grace=_GRACE
    )

    def show(started: Started) -> None:
        scheme = "http" if settings.tls is None else "https"
        address = f"{scheme}://127.0.0.1:{started.http_port}/"
        typer.echo(address)
        say_step("Ctrl-C ends it")
        if browser:
            # some browsers return only when they are closed
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    try:
        return int(server.serve(settings, on_ready=show))
    except InvalidRequest as error:
        if error.field != "http_port":
            raise
        # its advice names a setting of `serve`
        raise InvalidRequest(
            f"{error.message.rpartition(';')[0]}; choose another --port, or leave it out",
            field="port",
            reason=error.reason,
        ) from None
