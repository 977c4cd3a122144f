"""The key points of a path in a body: seeds, latents and pictures, in any mixture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from models_store.latents import Floats
from service.body import JSON, media_type, parse_large_json, read_body
from service.engine.rows import Draw
from service.errors import InvalidParameter
from service.limits import LIMITS
from service.media.npy import decode_floats
from service.routes.exchange import Exchange
from service.routes.films import PathParameters
from service.routes.labels import latents_of
from service.routes.latents import EncodeParameters, latents_of_pictures
from service.routes.parameters import Index, Integers, Parameters, Rows, Seed
from service.routes.points import checked, points_of
from service.routes.seeds import listed_seeds
from service.routes.uploads import NPY, Upload, read_upload, upload_of

WAYS = ("seeds", "latents", "points")
Base64 = Annotated[str, Field(description="a picture's file as base64")]


class PathOptions(PathParameters, EncodeParameters):
    """How the path goes, how it is shown, and how pictures become key points; `seed` is that of `encode=sample`."""


class KeyPoint(Parameters):
    """One of the three: a seed with its index, latents, or a picture."""

    seed: Seed | None = None
    index: Index = 0
    latents: Annotated[list[float] | None, Field(fail_fast=True, description="(latent_dim,)")] = None
    image: Base64 | None = None

    @model_validator(mode="after")
    def _be_one(self) -> Self:
        if [self.seed, self.latents, self.image].count(None) != 2:
            raise PydanticCustomError("key_point", 'give just one of seed, latents and image, as in {{"seed": 42}}')
        return self


class PathRequest(PathOptions):
    """Key points, named in one of three ways."""

    seeds: Annotated[str | Integers | None, Field(description="as in an address, or a list of integers")] = None
    latents: Annotated[Rows | None, Field(description="(points, latent_dim)")] = None
    points: Annotated[
        list[KeyPoint] | None,
        Field(fail_fast=True, max_length=LIMITS.key_points, description="seeds, latents and pictures mixed"),
    ] = None


@dataclass(frozen=True)
class KeyPoints:
    """Where each point of a path comes from, by its place on the path."""

    options: PathOptions
    draws: Mapping[int, Draw] = field(default_factory=dict)
    latents: Mapping[int, Floats] = field(default_factory=dict)
    pictures: Sequence[int] = ()
    upload: Upload[PathOptions] | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.draws) + len(self.latents) + len(self.pictures)

    @property
    def seeds(self) -> list[int] | None:
        """The seeds, if an address could name all of the points by them."""
        plain = len(self.draws) == self.count and not any(index for _, index in self.draws.values())
        return [seed for seed, _ in self.draws.values()] if plain else None

    async def resolve(self, exchange: Exchange) -> Floats:
        """The points themselves, (P, D)."""
        found = np.empty((self.count, exchange.model.latent_dim), dtype=np.float32)
        for place, row in self.latents.items():
            found[place] = row
        if self.draws:
            drawn, how = list(self.draws.values()), self.options
            found[list(self.draws)] = await latents_of(exchange, drawn, temperature=how.temperature, label=how.label)
        if self.upload is not None:
            upload = Upload[EncodeParameters](self.upload.images, self.upload.pictures, self.upload.options)
            found[list(self.pictures)] = await latents_of_pictures(exchange, upload)
        return found


async def read_key_points(exchange: Exchange, options: PathOptions) -> KeyPoints:
    """Those of a JSON body, of an npy file of latents, or of pictures in any of their forms."""
    kind, limits = media_type(exchange.request), exchange.limits
    if kind == JSON:
        content = await read_body(exchange.request, limit=limits.upload_bytes, limits=limits)
        body = PathRequest.model_validate(await parse_large_json(content, limits), strict=True)
        return await _from_json(exchange, options.merged(body), body)
    if kind == NPY:
        content = await read_body(exchange.request, limit=limits.upload_bytes, limits=limits)
        rows = checked(decode_floats(content), exchange.model.latent_dim, limits)
        return KeyPoints(options, latents=dict(enumerate(rows)))
    upload = await read_upload(exchange, options)
    return KeyPoints(upload.options, pictures=range(len(upload.pictures)), upload=upload)


async def _from_json(exchange: Exchange, options: PathOptions, body: PathRequest) -> KeyPoints:
    if sum(getattr(body, name) is not None for name in WAYS) != 1:
        hint = 'as in {"seeds": [42, 79]}'
        raise InvalidParameter("/body: give just one of seeds, latents and points", allowed=list(WAYS), hint=hint)
    if body.seeds is not None:
        seeds = listed_seeds(body.seeds, limit=exchange.limits.key_points)
        return KeyPoints(options, draws={place: (seed, 0) for place, seed in enumerate(seeds)})
    if body.latents is not None:
        rows = points_of(body.latents, exchange.model.latent_dim, exchange.limits)
        return KeyPoints(options, latents=dict(enumerate(rows)))
    return await _mixed(exchange, options, body.points or [])


async def _mixed(exchange: Exchange, options: PathOptions, points: Sequence[KeyPoint]) -> KeyPoints:
    dim, limits = exchange.model.latent_dim, exchange.limits
    draws = {place: (each.seed, each.index) for place, each in enumerate(points) if each.seed is not None}
    latents = {
        place: points_of([each.latents], dim, limits, place=f"/body/points/{place}/latents")[0]
        for place, each in enumerate(points)
        if each.latents is not None
    }
    files = {place: each.image for place, each in enumerate(points) if each.image is not None}
    upload = await upload_of(exchange, {"images": list(files.values())}, options) if files else None
    return KeyPoints(options, draws, latents, list(files), upload)
