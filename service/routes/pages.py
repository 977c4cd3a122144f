"""The pages for people: the one that shows it all at `/`, and the description of the API at `/docs`."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

router = APIRouter()

ROOM = Path(__file__).parent.parent
PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:"
"""Our pages bring all they need; what a name or a card contains can run nothing."""
DOCS_POLICY = f"{PAGE_POLICY}; style-src 'self' 'unsafe-inline'"
"""Swagger UI sets styles from its script."""
REVALIDATED = {"Cache-Control": "no-cache"}
"""After an upgrade, an old page must not meet new scripts."""


class PageFiles(StaticFiles):
    """What the pages are made of; a browser asks each time whether its copy still holds."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(REVALIDATED)
        return response


def mount(app: FastAPI) -> None:
    """Serves the files of both pages; after the routes, which come first."""
    app.mount("/docs", PageFiles(directory=ROOM / "docs_ui"))
    app.mount("/page", PageFiles(directory=ROOM / "page"))


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
