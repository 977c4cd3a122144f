"""Recipes read back: the exact latents of a picture that was made here, if its pixels prove them."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from models_store.latents import Floats
from models_store.paths import LatentPath
from service.body import parse_json
from service.errors import CapabilityNotSupported, InvalidJSON, InvalidParameter, NonFiniteResult, shown
from service.limits import LIMITS
from service.media.pictures import Picture
from service.media.recipes import LONGEST_RECIPE
from service.media.tiles import tiles
from service.routes.exchange import Exchange
from service.routes.labels import latents_of
from service.routes.parameters import (
    Index,
    Label,
    Loop,
    Parameters,
    PathEasing,
    PathMethod,
    Seed,
    Size,
    Temperature,
)
from service.routes.points import checked


class MadeHere(Parameters):
    """What every recipe of a single image says."""

    resource: str
    model: str
    digest: str
    size: Size = None

    async def point(self, exchange: Exchange) -> Floats:
        """The point (1, D) that the recipe means."""
        raise NotImplementedError


class MadeFromSeed(MadeHere):
    """The recipe of `samples`."""

    resource: Literal["samples"]
    seed: Seed
    index: Index
    temperature: Temperature
    label: Label = None

    async def point(self, exchange: Exchange) -> Floats:
        """As the seed gives them."""
        draws = [(self.seed, self.index)]
        return await latents_of(exchange, draws, temperature=self.temperature, label=self.label)


class MadeFromPoint(MadeHere):
    """The recipe of `images`."""

    resource: Literal["images"]
    latents: Annotated[str, Field(max_length=LONGEST_RECIPE)]

    async def point(self, exchange: Exchange) -> Floats:
        """As they are written: base64 of little-endian float32."""
        content = base64.b64decode(self.latents, validate=True)
        return checked(np.frombuffer(content, dtype="<f4")[None], exchange.model.latent_dim, exchange.limits)


class MadeOnPath(MadeHere):
    """The recipe of a frame of `interpolations` between seeds."""

    resource: Literal["interpolations"]
    seeds: Annotated[list[Seed], Field(min_length=2, max_length=LIMITS.key_points)]
    at: Annotated[float, Field(ge=0, le=1)]
    method: PathMethod
    easing: PathEasing
    loop: Loop
    temperature: Temperature
    label: Label = None

    async def point(self, exchange: Exchange) -> Floats:
        """As the path passes it."""
        draws = [(seed, 0) for seed in self.seeds]
        points = await latents_of(exchange, draws, temperature=self.temperature, label=self.label)
        return LatentPath(points, self.method, self.easing, self.loop).at(np.array([self.at]))


KINDS: dict[str, type[MadeHere]] = {
    "samples": MadeFromSeed,
    "images": MadeFromPoint,
    "interpolations": MadeOnPath,
}


@dataclass(frozen=True)
class Recollection:
    """The latents (D,) of a picture and the recipe that gave them, or the reason why there are none."""

    latents: Floats | None = None
    recipe: Mapping[str, Any] | None = None
    reason: str | None = None


async def recollect(exchange: Exchange, picture: Picture) -> Recollection:
    """Takes the latents from the recipe in a picture if they give its very pixels. Never fails for what a file says."""
    if picture.recipe is None:
        return Recollection(reason="the file carries no recipe")
    try:
        values = parse_json(picture.recipe.encode("utf-8", "replace"), exchange.limits)
        if reason := _foreign(exchange, values):
            return Recollection(reason=reason)
        made = KINDS[values["resource"]].model_validate(values, strict=True)
        latents = await made.point(exchange)
        images = await exchange.engine.decode(exchange.model, latents)
    except (InvalidJSON, InvalidParameter, CapabilityNotSupported, ValidationError, binascii.Error, ValueError):
        return Recollection(reason="its recipe is none that is written here")
    except NonFiniteResult:
        return Recollection(reason="its recipe gives no finite image")
    side = made.size or max(images.shape[2:])
    same = await exchange.pool.run(lambda: _same(images, made.size, picture), pixels=side * side)
    if not same:
        return Recollection(reason="its pixels are not those of its recipe: the picture was changed, or made elsewhere")
    return Recollection(latents[0], values)


def _foreign(exchange: Exchange, values: Mapping[str, Any]) -> str | None:
    """Why a recipe is not of a single image of this very model."""
    model, digest, resource = values.get("model"), values.get("digest"), values.get("resource")
    if digest != exchange.model.digest:
        return f"its recipe is of {shown(model)}@{shown(digest)[:8]}, and this is {exchange.model.pinned}"
    single = isinstance(resource, str) and resource in KINDS
    # A sheet of samples lists them all; a path names the place of its one frame.
    if not single or "draws" in values or (resource == "interpolations" and "at" not in values):
        return f"its recipe is of {shown(resource)}, and not of one image"
    return None


def _same(images: Floats, size: int | None, picture: Picture) -> bool:
    """Whether an image (1, C, H, W) of the model, shown at that size, is what the picture shows, level by level."""
    made = tiles(images, size=size)[0]
    return picture.levels is not None and np.array_equal(np.broadcast_to(made, (*made.shape[:2], 3)), picture.levels)
