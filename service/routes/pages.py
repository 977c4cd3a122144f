"""The pages for people: the one that shows it all at `/`, and the description of the API at `/docs`."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from service.engine.catalog import Catalog, ServedModel
from service.front_page import FrontPage, words_in
from service.languages import language_of
from service.routes.exchange import EngineDep

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
    return FileResponse(ROOM / "docs_ui/index.html", headers={"Content-Security-Policy": DOCS_POLICY, **REVALIDATED})


@router.get("/", include_in_schema=False)
async def get_page(request: Request, engine: EngineDep) -> Response:
    """The page that shows it all; `model` and `lang` in the query are followed, its script reads what else is there."""
    given, catalog = request.query_params, engine.catalog
    accepted = request.headers.get("accept-language", "")
    language = language_of(given.get("lang", accepted))
    headers = {"Content-Language": language, "Vary": "Accept-Language", "Content-Security-Policy": PAGE_POLICY}
    model = catalog.get(given.get("model", "")) or first_shown(catalog)
    if model is None:
        return Response(words_in(language)["page.empty"], 200, headers | REVALIDATED, "text/plain; charset=utf-8")
    page = FrontPage(model, list(catalog), language)
    return Response(page.html(), 200, headers | REVALIDATED, "text/html; charset=utf-8")


@router.get("/elements.js", include_in_schema=False)
async def get_elements() -> Response:
    """To the module with the public elements; what it imports lies beside it."""
    return RedirectResponse("page/elements.js", headers=REVALIDATED)


@router.get("/favicon.ico", include_in_schema=False)
async def get_icon() -> Response:
    """Browsers ask for it at this address beside every picture and every JSON that they show."""
    return FileResponse(ROOM / "page/icon.svg", headers=REVALIDATED, media_type="image/svg+xml")


def first_shown(catalog: Catalog) -> ServedModel | None:
    """A map of two dimensions says most at once; then a VAE; then whatever is there."""
    return min(
        catalog.values(), key=lambda model: (model.latent_dim != 2, model.kind != "vae", model.name), default=None
    )
