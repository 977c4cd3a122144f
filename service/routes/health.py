"""What operators and machines ask: whether the service is well, what it has done, and what an error means."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.errors import KINDS, NotFound, shown
from service.routes.exchange import EngineDep, to_json
from service.routes.openapi import answers
from service.routes.parameters import NoQuery
from service.telemetry import Telemetry

router = APIRouter(tags=["operations"])

UNCACHED = {"Cache-Control": "no-store"}
PLAIN = answers("json", example={"status": "ok"})


def _json(content: object, status: int = 200) -> Response:
    return Response(to_json(content), status, UNCACHED, "application/json")


@router.get("/healthz", operation_id="get_health", summary="Whether the process answers", responses=PLAIN)
async def get_health(_query: NoQuery) -> Response:
    """Never depends on models or on load."""
    return _json({"status": "ok"})


@router.get("/readyz", operation_id="get_readiness", summary="Whether to send requests here", responses=PLAIN)
async def get_readiness(engine: EngineDep, _query: NoQuery) -> Response:
    """200 when all models are warmed up and the last forward pass was good; 503 with the reason otherwise."""
    reason = await engine.not_ready_because()
    rejected = dict(engine.catalog.rejected)
    content = {"ready": reason is None, "reason": reason, "models": sorted(engine.catalog), "rejected": rejected}
    return _json(content, 200 if reason is None else 503)


@router.get("/metrics", operation_id="get_metrics", summary="Metrics for Prometheus", response_class=Response)
async def get_metrics(request: Request, engine: EngineDep, _query: NoQuery) -> Response:
    """Text in Prometheus' exposition format."""
    telemetry: Telemetry = request.app.state.telemetry
    content = telemetry.exposition(engine.queued_rows)
    return Response(content, 200, UNCACHED, "text/plain; version=0.0.4; charset=utf-8")


@router.get("/problems/{slug}", operation_id="get_problem", summary="What an error means", responses=PLAIN)
async def get_problem(slug: Annotated[str, Path(description="as in `type`")], _query: NoQuery) -> Response:
    """The `type` of every error answer is such an address."""
    for error, kind in KINDS.items():
        if kind.slug == slug:
            content = {"code": kind.code, "status": kind.status, "title": kind.title, "meaning": error.__doc__}
            return _json(content)
    raise NotFound(f"there is no error {shown(slug)!r}", known=[kind.slug for kind in KINDS.values()])
