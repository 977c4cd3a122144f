"""Puts the service together: settings, engine, routes, error handlers, middleware."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from service import problems
from service.engine.engine import Engine
from service.express.express import NAME, Express
from service.express.order import Tools
from service.layers.barrier import FaultBarrier
from service.layers.departure import Departure
from service.layers.envelope import Envelope
from service.limits import LIMITS
from service.media.pool import MediaPool
from service.routes import (
    guide,
    health,
    images,
    interpolations,
    latents,
    manifold,
    models,
    pages,
    plane,
    reconstructions,
    samples,
    scores,
    stages,
    traversals,
)
from service.settings import Settings
from service.shelf import Shelf
from service.telemetry import Telemetry

RESOURCES = (
    models,
    samples,
    latents,
    images,
    interpolations,
    reconstructions,
    scores,
    plane,
    manifold,
    traversals,
    stages,
    health,
    guide,
    pages,
)


YOUNG_OBJECTS = 20_000
"""That may be made and not yet freed before the collector looks at them; a request makes and frees some hundred."""


class Service(FastAPI):
    """FastAPI inside of our layers: what they do holds for its own refusals, too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI would look at its environment for each request, whether somebody wants its telemetry."""
        if scope["type"] == "http":
            await Starlette.__call__(self, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        framework: ASGIApp = super().build_middleware_stack()
        return Envelope(FaultBarrier(Departure(framework)), telemetry=self.state.telemetry)


def create_app(settings: Settings) -> Service:
    """The ASGI app; its models are loaded when its lifespan begins."""
    telemetry = Telemetry()
    app = Service(
        title="latentserve",
        description=DESCRIPTION,
        version="1",
        docs_url=None,
        redoc_url=None,
        # One address a resource; a redirect would repeat the Host header of whoever asked.
        redirect_slashes=False,
        # Its spans and counts would be of the framework alone; ours are in `telemetry`.
        telemetry={"tracing": False, "metrics": False},
        lifespan=lambda app: _lifespan(app, settings, telemetry),
    )
    app.state.telemetry = telemetry
    app.state.shelf = Shelf(max_bytes=settings.cache_mb * 10**6, observer=telemetry)
    app.state.limits = LIMITS
    for resource in RESOURCES:
        app.include_router(resource.router)
    # After all others, whose addresses they would swallow.
    app.include_router(samples.shortest)
    pages.mount(app)
    problems.install(app)
    # Once more, for the framework answers faults by itself before they reach the outer one.
    app.add_middleware(FaultBarrier)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, settings: Settings, telemetry: Telemetry) -> AsyncIterator[dict[str, Any]]:
    app.state.pool = MediaPool(max_pixels=LIMITS.media_pixels, timeout_s=settings.deadline_s)
    app.state.engine = engine = await Engine.start(settings, telemetry)
    for model in engine.catalog.values():
        telemetry.model_served(model)
    gc.collect()
    thresholds = gc.get_threshold()
    # What is here now stays: the collector need not look at it again, and seldom at what requests leave behind.
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        yield {NAME: Express(Tools(engine, app.state.pool, app.state.shelf, telemetry))}
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        await engine.close()
        app.state.pool.close()


DESCRIPTION = """Deep generative image models over HTTP: sampling, encoding, decoding, interpolation, ELBO scoring.

One seed, one image: an address with a seed gives the same bytes every time, and for ever when the model's digest is in
it. Errors are `application/problem+json` with a stable `code`. Log-probabilities are in nats per image."""
