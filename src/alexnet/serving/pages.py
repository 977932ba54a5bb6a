"""The page: files of this package, given as they are."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter, Response

from alexnet.serving.security import PAGE_POLICY

KINDS = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/ask.js": ("ask.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def page_router() -> APIRouter:
    """The page's routes; they stand outside the described interface."""
    router = APIRouter()
    for path, (name, kind) in KINDS.items():
        content = (files("alexnet.serving") / "page" / name).read_bytes()
        router.add_api_route(path, _giving(content, kind), methods=["GET"], include_in_schema=False)
    return router


def _giving(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def give() -> Response:
        headers = {"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"}
        return Response(content, media_type=kind, headers=headers)

    return give
