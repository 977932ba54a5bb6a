"""The interface under /v1, each answer a documented JSON document."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from alexnet.serving import documents as d
from alexnet.serving.classifier import best
from alexnet.serving.desk import MOST_NEIGHBOURS, PIXELS, Desk, Outcome
from alexnet.serving.limits import Refused
from alexnet.serving.looking import url
from alexnet.serving.security import REPORT_POLICY, Tickets


class Training(NamedTuple):
    """A training picture as it is shown."""

    source: str
    name: str  # of its class
    pixels: PIXELS


@dataclass(frozen=True)
class Shown:
    """What the routes tell beside the engine's answers; functions where it is read when it is asked for."""

    model: d.Model
    titles: Mapping[str, str]
    training: Callable[[Sequence[int]], list[Training]] | None = None
    samples: Sequence[bytes] = ()  # PNG
    report: Callable[[], str] | None = None

    @cached_property
    def names(self) -> list[str]:
        """The classes in their order."""
        return [one.name for one in self.model.classes]

    def title(self, name: str) -> str:
        """What people call a class."""
        return self.titles.get(name, name)


def _trouble(description: str) -> dict[str, Any]:
    return {"description": description, "model": d.Trouble}


ASKED: dict[int | str, dict[str, Any]] = {
    400: _trouble("The form is damaged."),
    401: _trouble("The token is missing or wrong, where the server has one."),
    408: _trouble("The body came too slowly."),
    413: _trouble("More bytes or pictures than the limits that GET /v1/model tells."),
    415: _trouble("Neither a form nor a picture."),
    503: _trouble("Overloaded: ask again after the seconds that Retry-After says."),
}
NOTHING: dict[int | str, dict[str, Any]] = {401: ASKED[401]}
ASKING = frozenset(["/v1/classify", "/v1/similar", "/v1/look"])
"""Paths of what takes pictures."""

UNREADABLE = "No picture, or none that could be read; or the query is wrong."

_FILE = {"type": "string", "format": "binary"}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {"images": {"type": "array", "minItems": 1, "items": _FILE}},
                }
            },
            "application/octet-stream": {"schema": _FILE},
            "image/jpeg": {"schema": _FILE},
            "image/png": {"schema": _FILE},
        },
    }
}


def asking_router(desk: Desk, shown: Shown) -> APIRouter:
    """Routes that take pictures."""
    router = APIRouter(prefix="/v1", tags=["pictures"])

    @router.post(
        "/classify", response_model=d.Classified, openapi_extra=BODY,
        responses=ASKED | {422: {"description": UNREADABLE, "model": d.Classified | d.Trouble}},
    )  # fmt: skip
    async def classify(
        request: Request,
        top: Annotated[int, Query(ge=1, le=1000, description="How many classes, at most.")] = 5,
    ) -> Any:
        """The most probable classes of one or many pictures."""
        outcomes = await desk.answers(request, "classify")
        return _given(d.Classified(answers=[_likely(shown, one, top) for one in outcomes]), outcomes)

    @router.post(
        "/similar", response_model=d.Similar, openapi_extra=BODY,
        responses=ASKED | {
            409: _trouble("There is nothing to search in, and why."),
            422: {"description": UNREADABLE, "model": d.Similar | d.Trouble},
        },
    )  # fmt: skip
    async def similar(
        request: Request,
        k: Annotated[int, Query(ge=1, le=MOST_NEIGHBOURS, description="How many neighbours.")] = 6,
        pictures: Annotated[bool, Query(description="With the pictures themselves, as data URLs.")] = False,
    ) -> Any:
        """The nearest training pictures, by what the last hidden layer answers."""
        if shown.training is None:
            raise Refused(409, shown.model.similar or "there is no index")
        outcomes = await desk.answers(request, "similar")
        answers = await asyncio.to_thread(lambda: [_neighbours(shown, one, k, pictures) for one in outcomes])
        return _given(d.Similar(answers=answers), outcomes)

    @router.post(
        "/look", response_model=d.Looked, openapi_extra=BODY,
        responses=ASKED | {409: _trouble("It cannot look inside, and why."), 422: _trouble(UNREADABLE)},
    )  # fmt: skip
    async def look(request: Request) -> Any:
        """Kernels, feature maps, and where the answer comes from: of one picture."""
        if shown.model.look is not None:
            raise Refused(409, shown.model.look)
        (outcome,) = await desk.answers(request, "look", most=1)
        if isinstance(outcome.answer, str):
            raise Refused(422, outcome.answer)
        return d.Looked(title=shown.title(outcome.answer["name"]), **outcome.answer)

    return router


def telling_router(shown: Shown) -> APIRouter:
    """Routes that tell of the model."""
    router, tickets = APIRouter(tags=["model"]), Tickets()

    @router.get("/v1/model", responses=NOTHING)
    async def model() -> d.Model:
        """What answers here: classes, card, errors, limits."""
        return shown.model

    @router.get(
        "/v1/samples/{number}", response_class=Response,
        responses=NOTHING | {200: {"content": {"image/png": {}}}, 404: _trouble("There is no such sample.")},
    )  # fmt: skip
    async def sample(number: int) -> Response:
        """A picture to try."""
        if not 0 <= number < len(shown.samples):
            raise Refused(404, f"no sample {number}; there are {len(shown.samples)}")
        return Response(shown.samples[number], media_type="image/png")

    @router.post("/v1/report", responses=NOTHING | {404: _trouble("There is no report.")})
    async def report() -> d.Ticket:
        """An address that opens the run's report once, within a minute."""
        if shown.report is None:
            raise Refused(404, shown.model.report or "there is no report")
        return d.Ticket(url=f"/report/{tickets.issue()}")

    @router.get("/report/{ticket}", include_in_schema=False)
    async def opened(ticket: str) -> Response:
        if not tickets.take(ticket) or shown.report is None:
            raise Refused(404, "this address has been used or is too old; ask for a new one")
        text = await asyncio.to_thread(shown.report)
        headers = {"content-security-policy": REPORT_POLICY, "x-frame-options": "SAMEORIGIN"}
        return Response(text, media_type="text/html; charset=utf-8", headers=headers)

    return router


def _given(document: BaseModel, outcomes: Sequence[Outcome]) -> Response:
    """The document as it is sent; with status 422 where not one picture could be read."""
    read = any(not isinstance(one.answer, str) for one in outcomes)
    return Response(
        document.model_dump_json(by_alias=True), 200 if read else 422, media_type="application/json"
    )


def _likely(shown: Shown, outcome: Outcome, top: int) -> d.Answer:
    if isinstance(outcome.answer, str):
        return d.Answer(image=outcome.image, top=None, error=outcome.answer)
    likely = [
        d.Likely(name=name, title=shown.title(name), probability=min(1.0, max(0.0, share)))
        for name, share in best(outcome.answer, shown.names, top)
    ]
    return d.Answer(image=outcome.image, top=likely, error=None)


def _neighbours(shown: Shown, outcome: Outcome, k: int, pictures: bool) -> d.Neighbours:
    if isinstance(outcome.answer, str):
        return d.Neighbours(image=outcome.image, neighbours=None, error=outcome.answer)
    assert shown.training is not None
    numbers, distances = outcome.answer
    near = [
        d.Near(
            source=one.source,
            name=one.name,
            title=shown.title(one.name),
            distance=float(distance),
            picture=url(one.pixels) if pictures else None,
        )
        for one, distance in zip(shown.training(numbers[:k].tolist()), distances[:k], strict=True)
    ]
    return d.Neighbours(image=outcome.image, neighbours=near, error=None)
