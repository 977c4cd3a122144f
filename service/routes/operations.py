"""What operators and machines ask: health, metrics, the documentation, and what an error means."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as Param
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

import service
from service.errors import KINDS, NotFound, shown
from service.routes.exchange import EngineDep, to_json
from service.routes.openapi import answers
from service.routes.parameters import NoQuery
from service.telemetry import Telemetry

router = APIRouter(tags=["operations"])

ROOM = Path(service.__file__).parent
PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:"
"""Our pages bring all they need; what a name or a card contains can run nothing."""
DOCS_POLICY = f"{PAGE_POLICY}; style-src 'self' 'unsafe-inline'"
"""Swagger UI sets styles from its script."""
REVALIDATED = {"Cache-Control": "no-cache"}
"""After an upgrade, an old page must not meet new scripts."""
UNCACHED = {"Cache-Control": "no-store"}
PLAIN = answers("json", example={"status": "ok"})


class PageFiles(StaticFiles):
    """What the pages are made of; a browser asks each time whether its copy still holds."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(REVALIDATED)
        return response


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
async def get_problem(slug: Annotated[str, Param(description="as in `type`")], _query: NoQuery) -> Response:
    """The `type` of every error answer is such an address."""
    for error, kind in KINDS.items():
        if kind.slug == slug:
            content = {"code": kind.code, "status": kind.status, "title": kind.title, "meaning": error.__doc__}
            return _json(content)
    raise NotFound(f"there is no error {shown(slug)!r}", known=[kind.slug for kind in KINDS.values()])


@router.get("/docs", include_in_schema=False)
async def get_docs() -> Response:
    """Swagger UI from our own files."""
    return _page("docs_ui/index.html", DOCS_POLICY)


@router.get("/", include_in_schema=False)
async def get_page() -> Response:
    """The page that shows it all."""
    return _page("page/index.html", PAGE_POLICY)


def _page(path: str, policy: str) -> Response:
    return FileResponse(ROOM / path, headers={"Content-Security-Policy": policy, **REVALIDATED})
