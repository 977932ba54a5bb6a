"""The server as an ASGI application: its routes, its refusals, and what every request passes."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alexnet.serving.desk import Desk, Gone
from alexnet.serving.documents import Health
from alexnet.serving.gather import Gatherer, Overloaded
from alexnet.serving.limits import Refused
from alexnet.serving.logs import tell
from alexnet.serving.metrics import CONTENT_TYPE, Metrics
from alexnet.serving.pages import page_router
from alexnet.serving.routes import ASKING, NOTHING, Shown, asking_router, telling_router
from alexnet.serving.security import HEADERS, require_allowed

SENDING_SECONDS = 30.0  # that a client may take to read its answer
LEFT = 499  # nginx's status for a client that has gone


def application(
    desk: Desk, shown: Shown, *, token: str | None = None, hosts: frozenset[str] | None = None
) -> ASGIApp:
    """The server of a desk; `token` is asked of everybody, `hosts` are the names that it answers to."""
    app = FastAPI(
        title=f"alexnet: {shown.model.name}",
        version=version("alexnet"),
        description=f"Classes for pictures, by {shown.model.network}. {shown.model.caution}",
        docs_url=None,  # FastAPI's pages load their parts from another host
        redoc_url=None,
        lifespan=_lifespan(desk),
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [],
    )
    for router in (page_router(), asking_router(desk, shown), telling_router(shown), _watching_router(desk)):
        app.include_router(router)
    _say_why(app)
    _describe(app)
    return _front(app, desk, lambda scope: require_allowed(scope, token=token, hosts=hosts))


def _lifespan(desk: Desk) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        desk.start()
        yield
        await asyncio.to_thread(desk.close)

    return lifespan


def _watching_router(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["watching"])

    @router.get("/healthz")
    async def health() -> Health:
        """Whether the server is there."""
        return Health(status="ok")

    @router.get("/readyz", responses={503: {"model": Health, "description": "Every place is taken."}})
    async def ready() -> Any:
        """Whether it would answer now: another replica is asked while every place is taken."""
        if desk.gatherer.full:
            return JSONResponse({"status": "busy"}, 503, {"retry-after": "1"})
        return Health(status="ready")

    @router.get(
        "/metrics", response_class=Response, responses=NOTHING | {200: {"content": {"text/plain": {}}}}
    )
    async def metrics() -> Response:
        """What Prometheus reads."""
        return Response(desk.metrics.text(), media_type=CONTENT_TYPE)

    return router


def _say_why(app: FastAPI) -> None:
    """Every refusal is a document with its reason, and none holds a path or a trace."""

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Refused) -> Response:
        return trouble(error.status, error.reason, close=error.close)

    @app.exception_handler(Overloaded)
    async def overloaded(_request: Request, error: Overloaded) -> Response:
        return _busy(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return trouble(422, said)

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: HTTPException) -> Response:
        response = trouble(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Gone)
    @app.exception_handler(ClientDisconnect)  # before its body was whole
    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=LEFT)

    @app.exception_handler(Exception)
    async def failed(_request: Request, _error: Exception) -> Response:
        return trouble(500, "the server failed; its log says why")


TROUBLE = {"$ref": "#/components/schemas/Trouble"}
JSON, PROBLEM = "application/json", "application/problem+json"


def _describe(app: FastAPI) -> None:
    """In the description refusals stand under the media type that they have."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = plain()
        operations = [each for path in document["paths"].values() for each in path.values()]
        for response in (one for each in operations for one in each["responses"].items()):
            if response[0] >= "400":
                _as_trouble(response[1].get("content", {}))
        document["components"]["schemas"].pop("HTTPValidationError", None)
        document["components"]["schemas"].pop("ValidationError", None)
        return document

    app.openapi = described  # type: ignore[method-assign]


def _as_trouble(content: dict[str, Any]) -> None:
    """Part what one status may hold: answers, and troubles; FastAPI knows one media type alone."""
    schema = content.get(JSON, {}).get("schema", {})
    others = [each for each in schema.get("anyOf", [schema]) if each != TROUBLE]
    if others == [schema] and not schema.get("$ref", "").endswith("/HTTPValidationError"):
        return
    content[PROBLEM] = {"schema": TROUBLE}
    if "anyOf" in schema:
        content[JSON] = {"schema": others[0]}
    else:
        content.pop(JSON)


def trouble(status: int, detail: str, *, retry_after: int | None = None, close: bool = False) -> Response:
    """A refusal as RFC 9457 has it."""
    headers = {"retry-after": str(retry_after)} if retry_after is not None else {}
    headers |= {"connection": "close"} if close else {}
    headers |= {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    document = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
    return JSONResponse(document, status, headers, media_type=PROBLEM)


def _busy(error: Overloaded) -> Response:
    return trouble(503, f"busy: ask again in {error.retry_after} s", retry_after=error.retry_after)


def _front(app: ASGIApp, desk: Desk, require: Callable[[Scope], None]) -> ASGIApp:
    """What every request passes: who asks, headers, a limit of time, counts, and a line of the log."""
    limits = desk.limits
    longest = limits.body_seconds + limits.answer_seconds + SENDING_SECONDS

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, number, status = time.monotonic(), uuid.uuid4().hex[:16], 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(message["headers"], number)
            await send(message)

        try:
            async with asyncio.timeout(longest):
                answer = _at_once(scope, desk.gatherer, require)
                await (answer or app)(scope, receive, sending)
        finally:
            _note(desk.metrics, scope, status, time.monotonic() - began, number)

    return front


def _at_once(scope: Scope, gatherer: Gatherer, require: Callable[[Scope], None]) -> Response | None:
    """Who may not ask is told so, and who asks while every place is taken, before anything else is done."""
    try:
        require(scope)
    except Refused as refused:
        return trouble(refused.status, refused.reason)
    return _busy(gatherer.overloaded()) if scope["path"] in ASKING and gatherer.full else None


_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def _with_headers(given: Iterable[tuple[bytes, bytes]], number: str) -> list[tuple[bytes, bytes]]:
    """The headers of every answer behind those that this one has."""
    headers = list(given)
    there = {name for name, _ in headers}
    headers += [header for header in _HEADERS if header[0] not in there]
    return [*headers, (b"x-request-id", number.encode())]


def _note(metrics: Metrics, scope: Scope, status: int, seconds: float, number: str) -> None:
    unrouted = scope["path"] if scope["path"] in ASKING else "other"  # told at once
    route = str(getattr(scope.get("route"), "path", unrouted))
    metrics.request(route, status, seconds)
    tell(
        "request",
        route=route,
        method=scope["method"],
        status=status,
        seconds=round(seconds, 4),
        request=number,
    )
