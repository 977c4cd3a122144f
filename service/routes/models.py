"""Models: what each is, what it can do, and where to begin."""

import dataclasses
from typing import Any

from fastapi import APIRouter, Response

from service.engine.catalog import ServedModel
from service.errors import ModelNotFound, ModelUnavailable
from service.limits import LIMITS, Limits
from service.routes.examples import DIGEST, MODEL, PINNED
from service.routes.exchange import EngineDep, ExchangeDep, to_json
from service.routes.openapi import answers
from service.routes.parameters import NoQuery
from service.routes.shapes import ModelCard, ModelList

router = APIRouter(prefix="/v1/models", tags=["models"])
EXAMPLE = {
    "name": MODEL,
    "digest": DIGEST,
    "pinned": PINNED.rpartition("/")[2],
    "kind": "vae",
    "image": {"channels": 1, "height": 28, "width": 28},
    "latent_dim": 40,
    "capabilities": ["sample", "decode", "interpolate", "encode", "reconstruct", "score"],
    "likelihood_domain": "binarized",
    "summary": "a VAE of Fashion-MNIST",
    "data": {"name": "Fashion-MNIST"},
    "metrics": {},
    "labels": [],
    "examples": [f"/v1/models/{MODEL}/samples/42.png"],
}


@router.get(
    "",
    operation_id="list_models",
    summary="All models",
    responses=answers("json", shape=ModelList, example={"data": [EXAMPLE]}),
)
async def list_models(engine: EngineDep, _query: NoQuery) -> Response:
    """The cards of the models that are served, and the names of those that are not, each with the reason."""
    cards = [card(model, LIMITS) for model in engine.catalog.values()]
    return _json({"data": cards, "rejected": dict(engine.catalog.rejected)})


@router.get(
    "/{m}",
    operation_id="get_model",
    summary="One model",
    responses=answers("json", shape=ModelCard, example=EXAMPLE, errors=(ModelNotFound, ModelUnavailable)),
)
async def get_model(exchange: ExchangeDep, _query: NoQuery) -> Response:
    """Its shapes, its data and metrics with their protocol, its limits, and addresses to try."""
    return _json(card(exchange.model, exchange.limits))


def card(model: ServedModel, limits: Limits) -> dict[str, Any]:
    """Everything about a model that is not a number of its networks."""
    channels, height, width = model.image_shape
    return {
        "name": model.name,
        "digest": model.digest,
        "pinned": model.pinned,
        "kind": model.kind,
        "image": {"channels": channels, "height": height, "width": width},
        "latent_dim": model.latent_dim,
        "capabilities": list(model.capabilities),
        "likelihood_domain": model.domain,
        **dataclasses.asdict(model.card),
        "limits": dataclasses.asdict(limits),
        "numerics": dict(model.numerics),
        "examples": _examples(model),
    }


def _examples(model: ServedModel) -> list[str]:
    base = f"/v1/models/{model.name}"
    paths = ["samples/42.png", "samples/0-15.png?size=56", "latents/42.json", "interpolations/1,2,3.webp?loop=true"]
    return [f"{base}/{path}" for path in paths]


def _json(content: object) -> Response:
    # The cards of a store are fixed while the service runs; a restart may bring others.
    return Response(to_json(content), headers={"Cache-Control": "no-cache"}, media_type="application/json")
