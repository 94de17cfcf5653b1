"""The HTTP API as an ASGI application: routes, keys, and what holds for every answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from lipiyana.errors import InvalidRequest, LipiyanaError, NotFound, Unauthenticated
from lipiyana.server.calls.calls import as_known, own_task, request_id_of
from lipiyana.server.calls.limits import Outcome
from lipiyana.server.calls.recognition import Recognitions
from lipiyana.server.http.frames import serve_frames
from lipiyana.server.http.hosts import Hosts
from lipiyana.server.http.openapi import BATCH, MODELS, ONE, PROBES, TITLE, described
from lipiyana.server.http.pages import add_pages
from lipiyana.server.http.problems import PROBLEM, Problem, body_of, headers_of, status_of
from lipiyana.server.http.requests.bodies import Bodies
from lipiyana.server.http.requests.exchange import Exchange, Scope, headers_of_scope
from lipiyana.server.http.sending import ClientGone, Cors, sent_with_care
from lipiyana.server.http.writing import dumped, written
from lipiyana.server.queue.pace import Pace
from lipiyana.server.security.access import Access
from lipiyana.server.security.callers import current_entry
from lipiyana.server.settings.model import ServerSettings
from lipiyana.wire.results import recognition_to_json

JSON = "application/json"


class RestApp:
    """Answers HTTP requests by the same `Recognitions` as gRPC."""

    def __init__(
        self,
        recognitions: Recognitions,
        settings: ServerSettings,
        *,
        access: Access | None,
        pace: Pace,
        is_ready: Callable[[], bool],
        models: Callable[[], dict[str, Any]],
    ) -> None:
        """Make the routes.

        Args:
            recognitions: reads the pictures.
            settings: of the server.
            access: checks keys; None if the server needs none.
            pace: slows down the rejections of a connection.
            is_ready: whether the server accepts calls.
            models: gives the answer of `/v1/models`.
        """
        self.recognitions = recognitions
        self.access = access
        self.pace = pace
        self._settings = settings
        self._bodies = Bodies(settings)
        self._is_ready = is_ready
        self._models = models
        self.cors = Cors(settings.http_origins)
        self.hosts = Hosts(settings.host, settings.http_hosts)
        self._routes = self._make_routes()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request or WebSocket."""
        if scope["type"] == "websocket":
            await serve_frames(self, scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:  # the client has gone
            own_task().uncancel()
        except ClientGone:
            pass
        finally:
            for callback in scope["state"].get("at_end", ()):
                callback(None)

    async def _answer(self, scope: Scope, receive: Any, send: Any) -> None:
        careful = sent_with_care(scope, send, self.cors)
        try:
            self.hosts.check(scope)
            if self.cors.is_preflight(scope):
                await Response(status_code=204)(scope, receive, careful)
                return
            await self._routes(scope, receive, careful)
        except Exception as error:
            if isinstance(error, ClientGone):
                raise
            if scope["state"].pop("answered", False):
                return
            request_id = request_id_of(headers_of_scope(scope))
            answer = _problem(Problem(as_known(error, request_id), request_id))
            await answer(scope, receive, careful)

    def _make_routes(self) -> FastAPI:
        app = FastAPI(title=TITLE, docs_url=None, redoc_url=None, openapi_url=None)
        app.router.redirect_slashes = False
        app.add_exception_handler(Problem, _on_problem)
        app.add_exception_handler(HTTPException, _on_http_exception)
        app.add_exception_handler(Exception, _on_bug)
        app.post("/v1/recognize", **ONE)(self._recognize)
        app.post("/v1/recognize:batch", **BATCH)(self._batch)
        app.get("/v1/models", **MODELS)(self._list_models)
        app.get("/healthz", **PROBES["healthz"])(_alive)
        app.get("/readyz", **PROBES["readyz"])(self._ready)
        document = described(app)
        add_pages(app, document)
        return app

    async def admit(self, rpc: str, exchange: Exchange) -> None:
        """Let a request with a valid key in.

        Raises:
            Problem: it has none.
        """
        if self.access is None:
            return
        try:
            entry = self.access.admit(rpc, exchange.metadata)
        except Unauthenticated as error:
            await self.pace.turn(exchange.connection.peer)
            raise Problem(error.with_traceback(None), request_id_of(exchange.metadata)) from None
        current_entry.set(entry)

    async def _recognize(self, request: Request) -> Response:
        """Read one picture."""
        exchange = Exchange(request.scope, request.receive)  # type: ignore[arg-type]
        await self.admit("http.Recognize", exchange)
        recognitions = self.recognitions
        async with (
            recognitions.calls.call("http.Recognize", exchange) as caller,
            exchange.in_time(),
        ):
            read = partial(self._bodies.read, exchange, is_batch=False)
            wanted = await recognitions.receiving.message(read, caller.client)
            config = recognitions.check(wanted.config)
            image = wanted.images[0]
            del wanted
            if isinstance(image, LipiyanaError):
                raise image
            async with exchange.while_wanted():
                value = await recognitions.one(image, config, caller)
            body = (await written(value)).encode()
            answer = recognitions.unread.count(body, caller.client, exchange.at_end)
        return _json(answer, exchange.request_id)

    async def _batch(self, request: Request) -> Response:
        """Read several pictures; they fail one by one."""
        exchange = Exchange(request.scope, request.receive)  # type: ignore[arg-type]
        await self.admit("http.BatchRecognize", exchange)
        recognitions = self.recognitions
        async with (
            recognitions.calls.call("http.BatchRecognize", exchange) as caller,
            exchange.in_time(),
        ):
            read = partial(self._bodies.read, exchange, is_batch=True)
            wanted = await recognitions.receiving.message(read, caller.client)
            config = recognitions.check(wanted.config)
            images, size = wanted.images, wanted.size
            del wanted
            async with exchange.while_wanted():
                outcomes = await recognitions.batch(images, size, config, caller)
            del images
            items = await recognitions.batch_writing.written(outcomes, _item, caller.client)
            body = b'{"items":[' + b",".join(items) + b"]}"
            answer = recognitions.unread.count(body, caller.client, exchange.at_end)
        return _json(answer, exchange.request_id)

    async def _list_models(self, request: Request) -> Response:
        """List the models, and what this server can be asked for."""
        exchange = Exchange(request.scope, request.receive)  # type: ignore[arg-type]
        await self.admit("http.Models", exchange)
        models = json.dumps(self._models(), ensure_ascii=False).encode()
        return Response(models, media_type=JSON)

    async def _ready(self) -> Response:
        """Whether the server accepts calls: 503 while it starts or shuts down."""
        ready = self._is_ready()
        body = b'{"ready":true}' if ready else b'{"ready":false}'
        return Response(body, 200 if ready else 503, media_type=JSON)


async def _alive() -> Response:
    """Whether the process lives."""
    return Response(b'{"alive":true}', media_type=JSON)


def _item(outcome: Outcome) -> bytes:
    if isinstance(outcome, LipiyanaError):
        return b'{"error":' + body_of(outcome) + b"}"
    return b'{"recognition":' + dumped(recognition_to_json(outcome)).encode() + b"}"


def _json(body: bytes, request_id: str) -> Response:
    return Response(body, media_type=JSON, headers={"x-request-id": request_id})


def _problem(problem: Problem) -> Response:
    return Response(
        body_of(problem.error, problem.request_id),
        status_of(problem.error),
        media_type=PROBLEM,
        headers={
            **headers_of(problem.error),
            **problem.headers,
            "x-request-id": problem.request_id,
        },
    )


async def _on_problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem), "registered for it"  # noqa: S101
    return _problem(problem)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what no route takes."""
    assert isinstance(error, HTTPException), "registered for it"  # noqa: S101
    known: LipiyanaError
    if error.status_code == 405:
        known = InvalidRequest(
            "this path has no such method", field="method", reason="METHOD_NOT_ALLOWED"
        )
    else:
        known = NotFound("this server has no such path; /docs lists them", reason="NO_SUCH_PATH")
    request_id = request_id_of(headers_of_scope(request.scope))  # type: ignore[arg-type]
    return _problem(Problem(known, request_id, error.headers))


async def _on_bug(request: Request, error: Exception) -> Response:
    """Answer instead of Starlette, which then raises the error once more."""
    request.scope["state"]["answered"] = True
    request_id = request_id_of(headers_of_scope(request.scope))  # type: ignore[arg-type]
    return _problem(Problem(as_known(error, request_id), request_id))
