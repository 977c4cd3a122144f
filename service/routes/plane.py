"""The seed plane as the tiles of a map: an endless lattice of seeds, and blends of neighbours between them."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from models_store.latents import Floats
from models_store.plane import blend, draw_at, neighbours
from service.errors import InvalidParameter, ModelNotFound, QueueFull, shown
from service.limits import LIMITS
from service.media.png import encode_png
from service.media.tiles import MAP_TILE, map_columns, map_tile
from service.routes.examples import PINNED, Z64
from service.routes.exchange import Exchange, ExchangeDep, to_json
from service.routes.labels import find_label, latents_of
from service.routes.openapi import answers
from service.routes.parameters import FORM, Label, Parameters, Temperature
from service.routes.points import encode_z64
from service.routes.samples import sample_urls
from service.routes.shapes import PlaneTile
from service.routes.target import Recipe

router = APIRouter(prefix="/v1/models/{m}/tiles", tags=["pictures"])

FARTHEST_OUT = 8
"""Cells of the lattice along a side of a tile at zoom 0; each zoom halves them."""
EXAMPLE = {
    "columns": 8,
    "cell": 32,
    "span": 8.0,
    "data": [
        {"column": 0, "row": 0, "x": 0.0, "y": 0.0, "z64": Z64, "url": f"{PINNED}/samples/0.png", "seed": 0, "index": 0}
    ],
}
Zoom = Annotated[int, Path(ge=0, le=LIMITS.zoom, description="a tile spans 2^(3-zoom) cells", examples=[0])]
Across = Annotated[int, Path(description="tiles to the right of the origin, or with a minus to its left", examples=[0])]
Down = Annotated[int, Path(description="tiles below the origin, or with a minus above it", examples=[0])]


class TileParameters(Parameters):
    """Of the images of seeds that are blended."""

    temperature: Temperature = 1.0
    label: Label = None


@router.get(
    "/{zoom}/{x}/{y}.{extension}",
    operation_id="get_tile",
    summary="A tile of the seed plane",
    responses=answers("png", "json", shape=PlaneTile, example=EXAMPLE, errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_tile(
    exchange: ExchangeDep,
    zoom: Zoom,
    x: Across,
    y: Down,
    extension: Annotated[Literal["png", "json"], FORM],
    parameters: Annotated[TileParameters, Query()],
) -> Response:
    """256×256 pixels for Leaflet's `tiles/{z}/{x}/{y}.png`, up to 8×8 images; json says what each of them is.

    Lattice point (i, j) shows image j of seed i, both modulo 2³². At zoom 0 a tile spans 8 cells of the lattice, at
    zoom 3 one, at zoom 6 an eighth; the image in column c of n stands for x = (tile + c/n)·span, and rows likewise.
    Between lattice points the four neighbours are blended by bilinear weights w over √Σw², which keeps the prior's
    variance. The same point has the same image in every tile and at every zoom.
    """
    exchange.require("decode")
    _check(exchange, zoom, x, y)
    options = parameters.model_copy(update={"label": find_label(exchange, parameters.label)})
    tile = Tile(exchange, zoom, x, y, options)

    async def make() -> bytes:
        latents = await tile.latents()
        if extension == "json":
            return to_json(tile.listed(latents))
        images = await exchange.engine.decode(exchange.model, latents)
        draw = partial(map_tile, images, columns=tile.columns)
        return await exchange.pool.run(lambda: encode_png(draw(), tile.recipe), pixels=MAP_TILE**2)

    return await exchange.conditional(tile.recipe, extension, f"tile-{zoom}-{x}-{y}", make)


def _check(exchange: Exchange, zoom: int, x: int, y: int) -> None:
    """Raises InvalidParameter for a tile that reaches beyond the plane's lattice."""
    tiles = exchange.limits.plane * 2**zoom // FARTHEST_OUT
    for name, number in (("x", x), ("y", y)):
        if not -tiles <= number < tiles:
            raise InvalidParameter(
                f"/path/{name}: no tile {shown(number)} at zoom {zoom}",
                allowed=f"{-tiles} to {tiles - 1}",
                hint=f"the plane has {exchange.limits.plane} lattice points to each side of its origin",
            )


@dataclass(frozen=True)
class Tile:
    """The images of one tile and where on the plane they stand."""

    exchange: Exchange
    zoom: int
    x: int
    y: int
    parameters: TileParameters

    @property
    def recipe(self) -> Recipe:
        """What fixes the tile."""
        how = self.parameters.model_dump(exclude_none=True)
        return self.exchange.recipe("tiles", zoom=self.zoom, x=self.x, y=self.y, **how)

    @property
    def columns(self) -> int:
        """Images along a side."""
        return map_columns(*self.exchange.model.image_shape[1:])

    @property
    def span(self) -> float:
        """Cells of the lattice along a side."""
        return float(FARTHEST_OUT / 2**self.zoom)

    @property
    def places(self) -> list[tuple[float, float]]:
        """Where each image stands, row by row; exact, for all divisors are powers of two."""
        steps = [step / self.columns for step in range(self.columns)]
        return [((self.x + across) * self.span, (self.y + down) * self.span) for down in steps for across in steps]

    async def latents(self) -> Floats:
        """Those of the places, (N, D); each lattice point is drawn once."""
        around = [neighbours(*place) for place in self.places]
        lattice = sorted({point for each in around for point in each})
        how = self.parameters
        draws = [draw_at(point) for point in lattice]
        rows = await latents_of(self.exchange, draws, temperature=how.temperature, label=how.label)
        row_of = dict(zip(lattice, rows, strict=True))
        return np.stack([blend(np.stack([row_of[point] for point in each]), list(each.values())) for each in around])

    def listed(self, latents: Floats) -> dict[str, Any]:
        """What JSON says of the tile."""
        data = [
            {"column": number % self.columns, "row": number // self.columns, **self._entry(place, row)}
            for number, (place, row) in enumerate(zip(self.places, latents, strict=True))
        ]
        return {"columns": self.columns, "cell": MAP_TILE // self.columns, "span": self.span, "data": data}

    def _entry(self, place: tuple[float, float], latents: Floats) -> dict[str, Any]:
        """A lattice point has a seed, and so an exact address; a blend has that of its rounded point."""
        x, y = place
        z64 = encode_z64(latents)
        if not (x.is_integer() and y.is_integer()):
            return {"x": x, "y": y, "z64": z64, "url": self.exchange.url(f"images/{z64}.png")}
        seed, index = draw = draw_at((int(x), int(y)))
        (url,) = sample_urls(self.exchange, [draw], self.parameters)
        return {"x": x, "y": y, "z64": z64, "url": url, "seed": seed, "index": index}
