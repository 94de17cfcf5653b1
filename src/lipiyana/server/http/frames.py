"""`/v1/stream`: frames over a WebSocket, read as those of `StreamRecognize` are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected

from lipiyana.errors import (
    Cancelled,
    InvalidRequest,
    LipiyanaError,
    NotFound,
    Overloaded,
    PermissionDenied,
    Unavailable,
)
from lipiyana.server.calls.calls import own_task, request_id_of
from lipiyana.server.calls.limits import Outcome
from lipiyana.server.calls.recognition import Picture, frame_expected, setup_missing
from lipiyana.server.http.problems import PROBLEM, Problem, body_of, problem_of, status_of
from lipiyana.server.http.requests.bodies import parse_json
from lipiyana.server.http.requests.configs import config_from_json
from lipiyana.server.http.requests.exchange import Exchange, Scope
from lipiyana.server.http.tuning import REST
from lipiyana.server.http.writing import dumped, written
from lipiyana.server.tuning import STREAMS
from lipiyana.types import RecognitionConfig

if TYPE_CHECKING:
    from lipiyana.server.http.app import RestApp

PATH = "/v1/stream"
PROTOCOL = "lipiyana.v1"

_ID_BYTES = 8
_RPC = "http.StreamRecognize"


async def serve_frames(app: RestApp, scope: Scope, receive: Any, send: Any) -> None:
    """Serve one WebSocket, from its handshake to its end."""
    exchange = Exchange(scope, receive)
    try:
        await receive()  # websocket.connect
        refusal = _refusal(app, scope)
        if refusal is not None:
            await _refuse(refusal, request_id_of(exchange.metadata), send)
            return
        chosen = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": []})
        try:
            await _serve(app, exchange, receive, send)
        except Problem as problem:
            await _end(problem, send, exchange)
        else:
            await send({"type": "websocket.close", "code": 1000})
    except (ClientDisconnected, RuntimeError):
        pass  # it was closed meanwhile; uvicorn raises RuntimeError for a second close
    except asyncio.CancelledError:
        own_task().uncancel()


async def _serve(app: RestApp, exchange: Exchange, receive: Any, send: Any) -> None:
    config, token = RecognitionConfig(), None
    failure: LipiyanaError | None = None
    try:
        config, token = await _setup(receive)
    except LipiyanaError as error:
        failure = error.with_traceback(None)
    if token is not None:
        exchange.metadata = {**exchange.metadata, "authorization": token}
    await app.admit(_RPC, exchange)
    recognitions = app.recognitions
    async with recognitions.calls.call(_RPC, exchange, is_stream=True) as caller:
        if failure is not None:
            raise failure
        await recognitions.stream(_Frames(config, receive, send), caller)


async def _setup(receive: Any) -> tuple[RecognitionConfig, str | None]:
    """Receive the first message: the config, and perhaps a token.

    Raises:
        InvalidRequest: it is something else, or does not come in time.
        Cancelled: the client has disconnected.
    """
    try:
        async with asyncio.timeout(STREAMS.setup_seconds):
            message = await receive()
    except TimeoutError:
        raise setup_missing() from None
    if message["type"] == "websocket.disconnect":
        raise Cancelled("the client has disconnected")
    text = message.get("text")
    if text is None or len(text) > REST.config_bytes:
        raise setup_missing()
    given = parse_json(text.encode(), REST.json_marks)
    if not isinstance(given, dict) or set(given) - {"config", "authorization"}:
        raise InvalidRequest(
            'the first message must be {"config": {...}}, perhaps with an authorization',
            field="setup",
            reason="SETUP_MISSING",
        )
    token = given.get("authorization")
    return config_from_json(given.get("config")), token if isinstance(token, str) else None


class _Frames:
    """The frames of one WebSocket."""

    def __init__(self, config: RecognitionConfig, receive: Any, send: Any) -> None:
        self._config = config
        self._receive = receive
        self._send = send
        self._serving = own_task()
        self._is_busy = False

    async def config(self) -> RecognitionConfig:
        return self._config

    async def frame(self) -> tuple[int, Picture | LipiyanaError] | None:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            if self._is_busy:
                self._serving.cancel()  # nobody can receive the result
            return None
        data = message.get("bytes")
        if data is None or len(data) < _ID_BYTES:
            raise frame_expected()
        self._is_busy = True
        return int.from_bytes(data[:_ID_BYTES], "big"), data[_ID_BYTES:]

    async def send(self, frame_id: int, outcome: Outcome, dropped: list[int]) -> None:
        if isinstance(outcome, LipiyanaError):
            name, text = "error", dumped(problem_of(outcome))
        else:
            name, text = "recognition", await written(outcome)
        answer = f'{{"frame_id":{frame_id},"dropped_frame_ids":{dropped},"{name}":{text}}}'
        self._is_busy = False
        try:
            await self._send({"type": "websocket.send", "text": answer})
        except (ClientDisconnected, RuntimeError):
            raise Cancelled("the client has disconnected") from None


def _refusal(app: RestApp, scope: Scope) -> LipiyanaError | None:
    if scope["path"] != PATH:
        return NotFound("this server has no such path; /docs lists them", reason="NO_SUCH_PATH")
    try:
        app.hosts.check(scope)
    except PermissionDenied as error:
        return error.with_traceback(None)
    if not app.cors.allows(scope):
        return PermissionDenied(
            "pages of this origin may not open streams here: the server's setting http_origins "
            "lists those that may",
            reason="FOREIGN_ORIGIN",
        )
    return None


async def _refuse(error: LipiyanaError, request_id: str, send: Any) -> None:
    """Answer the handshake with a problem."""
    headers = [(b"content-type", PROBLEM.encode()), (b"x-request-id", request_id.encode())]
    start = {"type": "websocket.http.response.start", "status": status_of(error)}
    await send({**start, "headers": headers})
    body = body_of(error, request_id)
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


async def _end(problem: Problem, send: Any, exchange: Exchange) -> None:
    """Send the error that ends a stream, and close it."""
    text = dumped({"error": problem_of(problem.error, problem.request_id)})
    code = 1013 if isinstance(problem.error, Overloaded | Unavailable) else 1008
    try:
        async with asyncio.timeout(REST.linger_seconds):
            await send({"type": "websocket.send", "text": text})
            await send({"type": "websocket.close", "code": code, "reason": problem.error.reason})
    except TimeoutError:
        exchange.connection.abort()
