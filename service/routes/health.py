"""What operators and machines ask: whether the service is well, what it has done, and what an error means."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from service.errors import KINDS, NotFound, shown
from service.routes.exchange import EngineDep, to_json
from service.routes.openapi import Responses, answers
from service.routes.parameters import NoQuery
from service.telemetry import Telemetry

router = APIRouter(tags=["operations"])

UNCACHED = {"Cache-Control": "no-store"}
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether to send requests here; `reason` says why not."""

    ready: bool
    reason: str | None
    models: list[str]
    rejected: dict[str, str]


class Meaning(BaseModel):
    """What an error means."""

    code: str
    status: int
    title: str
    meaning: str


ALIVE = answers("json", shape=Health, example={"status": "ok"})
READY = answers(
    "json", shape=Readiness, example={"ready": True, "reason": None, "models": ["fashion-vae"], "rejected": {}}
)
MEASURED: Responses = {200: {"description": "The answer", "content": {"text/plain": {"schema": {"type": "string"}}}}}
MEANING = answers(
    "json",
    shape=Meaning,
    example={
        "code": "overloaded",
        "status": 429,
        "title": "The server is overloaded",
        "meaning": "The server has accepted as much work as it can do in time.",
    },
)


def _json(content: object, status: int = 200) -> Response:
    return Response(to_json(content), status, UNCACHED, "application/json")


@router.get("/healthz", operation_id="get_health", summary="Whether the process answers", responses=ALIVE)
async def get_health(_query: NoQuery) -> Response:
    """Never depends on models or on load."""
    return _json({"status": "ok"})


@router.get("/readyz", operation_id="get_readiness", summary="Whether to send requests here", responses=READY)
async def get_readiness(engine: EngineDep, _query: NoQuery) -> Response:
    """200 when all models are warmed up and the last forward pass was good; 503 with the reason otherwise."""
    reason = await engine.not_ready_because()
    rejected = dict(engine.catalog.rejected)
    content = {"ready": reason is None, "reason": reason, "models": sorted(engine.catalog), "rejected": rejected}
    return _json(content, 200 if reason is None else 503)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    responses=MEASURED,
    response_class=Response,
)
async def get_metrics(request: Request, engine: EngineDep, _query: NoQuery) -> Response:
    """Text in Prometheus' exposition format."""
    telemetry: Telemetry = request.app.state.telemetry
    content = telemetry.exposition(engine.queued_rows)
    return Response(content, 200, UNCACHED, EXPOSITION)


@router.get("/problems/{slug}", operation_id="get_problem", summary="What an error means", responses=MEANING)
async def get_problem(
    slug: Annotated[str, Path(description="as in `type`", examples=["overloaded"])], _query: NoQuery
) -> Response:
    """The `type` of every error answer is such an address."""
    for error, kind in KINDS.items():
        if kind.slug == slug:
            content = {"code": kind.code, "status": kind.status, "title": kind.title, "meaning": error.__doc__}
            return _json(content)
    raise NotFound(f"there is no error {shown(slug)!r}", known=[kind.slug for kind in KINDS.values()])
