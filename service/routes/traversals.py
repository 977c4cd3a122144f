"""Traversals: one dimension after the other, those first with which the picture changes most."""

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response
from numpy.typing import NDArray
from pydantic import Field

from models_store.latents import Floats
from service.errors import ModelNotFound, QueueFull
from service.limits import LIMITS
from service.routes.examples import PINNED, Z64
from service.routes.exchange import Exchange, ExchangeDep, to_json
from service.routes.openapi import answers
from service.routes.parameters import FORM, Gap, Parameters, SheetParameters, Size
from service.routes.points import encode_z64
from service.routes.rendering import check_images, render
from service.routes.seeds import RANDOM, parse_seeds
from service.routes.shapes import Traversal

router = APIRouter(prefix="/v1/models/{m}/traversals", tags=["pictures"])

FARTHEST = 3.0
"""A traversal goes from -3 to 3 standard deviations, where 99.7 % of the prior lies."""
EXAMPLE = {
    "ranked_by": "variance",
    "data": [
        {
            "dimension": 11,
            "variance": 0.0123,
            "value": 0.4,
            "frames": [{"value": -3.0, "z64": Z64, "url": f"{PINNED}/images/{Z64}.png"}],
        }
    ],
}


class TraversalParameters(Parameters):
    """How many dimensions are shown, and how fine."""

    dimensions: Annotated[
        int, Field(ge=1, le=LIMITS.traversal_rows, description="rows: so many of the most active dimensions")
    ] = 8
    steps: Annotated[int, Field(ge=2, le=LIMITS.traversal_rows, description="columns, from -3 to 3")] = 9
    size: Size = None
    gap: Gap = 2


@router.get(
    "/{seed}.{extension}",
    operation_id="get_traversal",
    summary="One dimension after the other, from -3 to 3",
    responses=answers("png", "json", shape=Traversal, example=EXAMPLE, errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_traversal(
    exchange: ExchangeDep,
    seed: Annotated[str, Path(description="the seed of the point that is varied, or a name", examples=["42"])],
    extension: Annotated[Literal["png", "json"], FORM],
    parameters: Annotated[TraversalParameters, Query()],
) -> Response:
    """A row a dimension: the seed's latents with that one replaced. json says which dimension each row is, the seed's
    own value there, and the point of each image.

    Rows are ranked by `variance`: how much a pixel varies, on average, when that latent alone is drawn from N(0, 1).
    """
    if seed == RANDOM:
        return exchange.random_seed()
    number = parse_seeds(seed, limit=1)[0]
    rows = min(parameters.dimensions, exchange.model.latent_dim)
    check_images(exchange, rows * parameters.steps, parameters.size, one_picture=False)
    recipe = exchange.recipe("traversals", seed=number, **parameters.model_dump(exclude_none=True))

    async def make() -> bytes:
        variances = await exchange.engine.activity(exchange.model)
        ranking = np.argsort(-variances, kind="stable")[:rows]
        point = (await exchange.engine.latents(exchange.model, [(number, 0)]))[0]
        latents = _rows(point, ranking, parameters.steps)
        if extension == "json":
            return to_json({"ranked_by": "variance", "data": _listed(exchange, point, ranking, variances, latents)})
        images = await exchange.engine.decode(exchange.model, latents.reshape(-1, len(point)))
        layout = SheetParameters(size=parameters.size, columns=parameters.steps, gap=parameters.gap)
        return await render(exchange, images, "png", layout, recipe)

    return await exchange.conditional(recipe, extension, f"traversal-seed{number}", make)


def _values(steps: int) -> Floats:
    return np.linspace(-FARTHEST, FARTHEST, steps).astype(np.float32)


def _rows(point: Floats, ranking: NDArray[np.intp], steps: int) -> Floats:
    """A point (D,) -> (rows, steps, D), one dimension replaced in each row."""
    latents = np.tile(point, (len(ranking), steps, 1))
    latents[np.arange(len(ranking)), :, ranking] = _values(steps)
    return latents


def _listed(
    exchange: Exchange, point: Floats, ranking: NDArray[np.intp], variances: Floats, latents: Floats
) -> list[dict[str, Any]]:
    return [
        {
            "dimension": int(dimension),
            "variance": variances[dimension],
            "value": point[dimension],
            "frames": [_frame(exchange, row, row[dimension]) for row in rows],
        }
        for dimension, rows in zip(ranking, latents, strict=True)
    ]


def _frame(exchange: Exchange, latents: Floats, value: np.float32) -> dict[str, Any]:
    z64 = encode_z64(latents)
    return {"value": value, "z64": z64, "url": exchange.url(f"images/{z64}.png")}
