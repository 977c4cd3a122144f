"""The manifold: a grid over the first two dimensions, which of a model with two is all of it."""

from statistics import NormalDist
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import Field

from models_store.latents import Floats
from service.errors import ModelNotFound, QueueFull
from service.limits import LIMITS
from service.routes.examples import PINNED, Z64
from service.routes.exchange import Exchange, ExchangeDep, to_json
from service.routes.openapi import answers
from service.routes.parameters import FORM, Gap, Parameters, SheetParameters, Size
from service.routes.points import encode_z64
from service.routes.rendering import check_images, check_webp, render
from service.routes.shapes import Manifold

router = APIRouter(prefix="/v1/models/{m}", tags=["pictures"])

EXAMPLE = {
    "quantiles": [-0.6744898, 0.6744898],
    "data": [{"column": 0, "row": 0, "z64": Z64, "url": f"{PINNED}/images/{Z64}.png"}],
}


class ManifoldParameters(Parameters):
    """How fine the grid is."""

    n: Annotated[int, Field(ge=2, le=LIMITS.grid_side, description="images along a side")] = 15
    size: Size = None
    gap: Gap = 0


@router.get(
    "/manifold.{extension}",
    operation_id="get_manifold",
    summary="A grid over the first two dimensions",
    responses=answers("png", "webp", "json", shape=Manifold, example=EXAMPLE, errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_manifold(
    exchange: ExchangeDep,
    extension: Annotated[Literal["png", "webp", "json"], FORM],
    parameters: Annotated[ManifoldParameters, Query()],
) -> Response:
    """Columns and rows lie at the quantiles (i + ½)/n of a standard normal, the first dimension to the right and the
    second up; all further dimensions are 0. json names the point of each image, and the quantiles.
    """
    check_images(exchange, parameters.n**2, parameters.size, one_picture=False)
    if extension == "webp":
        check_webp(exchange, parameters.n**2, parameters.size)
    recipe = exchange.recipe("manifold", **parameters.model_dump(exclude_none=True))
    layout = SheetParameters(size=parameters.size, columns=parameters.n, gap=parameters.gap)
    latents = _grid(parameters.n, exchange.model.latent_dim)

    async def make() -> bytes:
        if extension == "json":
            return to_json(_listed(exchange, parameters.n, latents))
        images = await exchange.engine.decode(exchange.model, latents)
        return await render(exchange, images, extension, layout, recipe)

    return await exchange.conditional(recipe, extension, "manifold", make)


def _quantiles(side: int) -> list[float]:
    return [NormalDist().inv_cdf((number + 0.5) / side) for number in range(side)]


def _grid(side: int, dim: int) -> Floats:
    """(side², dim), row by row: the first dimension goes to the right, the second up."""
    latents = np.zeros((side, side, dim), dtype=np.float32)
    latents[:, :, 0] = np.array(_quantiles(side))[None, :]
    if dim > 1:
        latents[:, :, 1] = np.array(_quantiles(side)[::-1])[:, None]
    return latents.reshape(-1, dim)


def _listed(exchange: Exchange, side: int, latents: Floats) -> dict[str, Any]:
    names = [encode_z64(row) for row in latents]
    data = [
        {"column": number % side, "row": number // side, "z64": z64, "url": exchange.url(f"images/{z64}.png")}
        for number, z64 in enumerate(names)
    ]
    return {"quantiles": _quantiles(side), "data": data}
