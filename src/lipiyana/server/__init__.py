"""The server of gRPC and HTTP. Needs the extra `server`, and `http` for HTTP.

`serve` runs until SIGTERM, as `lipiyana serve` does. `running_server` runs a server in a thread:

    >>> from lipiyana import Client, LocalRecognizer
    >>> from lipiyana.server import ServerSettings, running_server
    >>> settings = ServerSettings(port=0, cache_bytes=0)  # port 0 chooses a free port
    >>> with running_server(LocalRecognizer(), settings) as server:
    ...     with Client(server.target) as client:
    ...         found = client.recognize("samples/scenes/02_highway_bengaluru.jpg")
    >>> [plate.registration.canonical for plate in found.plates]
    ['AR686878', '22BH0091H']

In: calls of `lipiyana.v1.RecognitionService`, or their HTTP. Out: their answers.
"""

from lipiyana.errors import MissingExtra

try:
    import cachetools  # noqa: F401
    import grpc_health  # noqa: F401
    import grpc_reflection  # noqa: F401
    import prometheus_client  # noqa: F401
    import pydantic_settings  # noqa: F401
    import xxhash  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra.for_extra("server", "the server") from error

from lipiyana.server.calls.answers import ServedRecognizer
from lipiyana.server.processes.local_recognizer import local_recognizer
from lipiyana.server.processes.run import running_server
from lipiyana.server.processes.supervisor import supervise
from lipiyana.server.server import RecognitionServer
from lipiyana.server.settings.model import ServerSettings
from lipiyana.server.startup import serve

__all__ = [
    "RecognitionServer",
    "ServedRecognizer",
    "ServerSettings",
    "local_recognizer",
    "running_server",
    "serve",
    "supervise",
]
