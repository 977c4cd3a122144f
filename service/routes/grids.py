"""The pictures everyone expects of a latent space: a grid over two dimensions, and a row for each dimension."""

from statistics import NormalDist
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from models_store.latents import Floats
from service.errors import ModelNotFound, QueueFull
from service.limits import LIMITS
from service.routes.exchange import Exchange, ExchangeDep, Recipe
from service.routes.openapi import answers
from service.routes.parameters import (
    Gap,
    Parameters,
    SheetParameters,
    Size,
)
from service.routes.rendering import check_images, render
from service.routes.seeds import RANDOM, parse_seeds

router = APIRouter(prefix="/v1/models/{m}", tags=["pictures"])

FARTHEST = 3.0
"""A traversal goes from -3 to 3 standard deviations, where 99.7 % of the prior lies."""


class ManifoldParameters(Parameters):
    """How fine the grid is."""

    n: Annotated[int, Field(ge=2, le=LIMITS.grid_side, description="images along a side")] = 15
    size: Size = None
    gap: Gap = 0


class TraversalParameters(Parameters):
    """Which dimensions are shown, and how fine."""

    dimensions: Annotated[
        int, Field(ge=1, le=LIMITS.traversal_rows, description="rows: the first so many dimensions")
    ] = 8
    steps: Annotated[int, Field(ge=2, le=LIMITS.traversal_rows, description="columns, from -3 to 3")] = 9
    size: Size = None
    gap: Gap = 2


@router.get(
    "/manifold.png",
    operation_id="get_manifold",
    summary="A grid over the first two dimensions",
    responses=answers("png", errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_manifold(exchange: ExchangeDep, parameters: Annotated[ManifoldParameters, Query()]) -> Response:
    """Rows and columns lie at the quantiles (i + ½)/n of a standard normal; all further dimensions are 0."""
    check_images(exchange, parameters.n**2, parameters.size, one_picture=False)
    recipe = exchange.recipe("manifold", **parameters.model_dump(exclude_none=True))
    layout = SheetParameters(size=parameters.size, columns=parameters.n, gap=parameters.gap)
    return await _picture(exchange, _grid(parameters.n, exchange.model.latent_dim), layout, recipe, "manifold")


@router.get(
    "/traversals/{seed}.png",
    operation_id="get_traversal",
    summary="One dimension after the other, from -3 to 3",
    responses=answers("png", errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_traversal(
    exchange: ExchangeDep,
    seed: Annotated[str, Path(description="the seed of the point that is varied, or a name", examples=["42"])],
    parameters: Annotated[TraversalParameters, Query()],
) -> Response:
    """A row a dimension: the seed's latents with that one replaced."""
    if seed == RANDOM:
        return exchange.random_seed()
    number = parse_seeds(seed, limit=1)[0]
    dimensions = min(parameters.dimensions, exchange.model.latent_dim)
    check_images(exchange, dimensions * parameters.steps, parameters.size, one_picture=False)
    recipe = exchange.recipe("traversals", seed=number, **parameters.model_dump(exclude_none=True))
    point = (await exchange.engine.latents(exchange.model, [(number, 0)]))[0]
    rows = _rows(point, dimensions, parameters.steps)
    layout = SheetParameters(size=parameters.size, columns=parameters.steps, gap=parameters.gap)
    return await _picture(exchange, rows, layout, recipe, f"traversal-seed{number}")


async def _picture(
    exchange: Exchange, latents: Floats, layout: SheetParameters, recipe: Recipe, label: str
) -> Response:
    async def make() -> bytes:
        images = await exchange.engine.decode(exchange.model, latents)
        return await render(exchange, images, "png", layout, recipe)

    return await exchange.conditional(recipe, "png", label, make)


def _grid(side: int, dim: int) -> Floats:
    """(side², dim), row by row: the first dimension goes to the right, the second up."""
    quantiles = [NormalDist().inv_cdf((number + 0.5) / side) for number in range(side)]
    latents = np.zeros((side, side, dim), dtype=np.float32)
    latents[:, :, 0] = np.array(quantiles)[None, :]
    if dim > 1:
        latents[:, :, 1] = np.array(quantiles[::-1])[:, None]
    return latents.reshape(-1, dim)


def _rows(point: Floats, dimensions: int, steps: int) -> Floats:
    """A point (D,) -> (dimensions · steps, D)."""
    latents = np.tile(point, (dimensions, steps, 1))
    for dimension in range(dimensions):
        latents[dimension, :, dimension] = np.linspace(-FARTHEST, FARTHEST, steps)
    return latents.reshape(-1, len(point))
