"""Latents: those of seeds, and those that an encoder finds for pictures."""

import asyncio
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import Field

from models_store.latents import Floats
from service.errors import CapabilityNotSupported, ModelNotFound, NotAcceptable, QueueFull, UnsupportedMediaType
from service.media.npy import encode_npy
from service.media.pictures import Picture
from service.routes.examples import LATENTS, PINNED, Z64
from service.routes.exchange import Exchange, ExchangeDep, label_of, list_to_json
from service.routes.labels import find_label, latents_of
from service.routes.openapi import answers, picture_body
from service.routes.parameters import FORM, Index, Label, Parameters, PictureParameters, Seed, SeedsPath, Temperature
from service.routes.points import encode_z64
from service.routes.recipes import Recollection, recollect
from service.routes.samples import sample_urls
from service.routes.seeds import RANDOM, parse_seeds, seed_headers
from service.routes.shapes import PictureLatentsList, SeedLatentsList
from service.routes.uploads import Upload, read_upload

router = APIRouter(prefix="/v1/models/{m}/latents", tags=["latents"])

POINT = {"latents": LATENTS, "z64": Z64, "log_prior": -59.04}
EXAMPLE = {
    "data": [{"seed": 42, "index": 0, **POINT, "url": f"{PINNED}/samples/42.png", "source": "seed"}],
}
ENCODED = {
    "data": [
        {
            **POINT,
            "scale": None,
            "url": f"{PINNED}/images/{Z64}.png",
            "source": "posterior",
            "exact": False,
            "reason": "the file carries no recipe",
            "recipe": None,
            "encode": "mean",
            "residual": {"rmse": 0.0843, "psnr": 21.5},
            "steps": ["L 2×2 converted to L", "resized 2×2 to 28×28 (contain)"],
        }
    ]
}


class LatentParameters(Parameters):
    """Which latents of each seed."""

    index: Index = 0
    temperature: Temperature = 1.0
    label: Label = None


class EncodeParameters(PictureParameters):
    """Where the latents come from."""

    encode: Annotated[
        Literal["mean", "sample"],
        Field(description="the image of the posterior's mean, or one draw from it, whatever recipe a file carries"),
    ] = "mean"
    recipe: Annotated[
        Literal["auto", "ignore"],
        Field(description="auto: a file made by this model whose pixels agree with its recipe gives its exact latents"),
    ] = "auto"
    seed: Seed = 0

    @property
    def reads_recipes(self) -> bool:
        """Not where a draw, or the picture's negative, is asked for: no recipe holds these."""
        return self.recipe == "auto" and self.encode == "mean" and self.invert is not True


@router.get(
    "/{seeds}.{extension}",
    operation_id="get_latents",
    summary="The latents of seeds",
    responses=answers("json", "npy", shape=SeedLatentsList, example=EXAMPLE, errors=(ModelNotFound,)),
    response_class=Response,
)
async def get_latents(
    exchange: ExchangeDep,
    seeds: SeedsPath,
    extension: Annotated[Literal["json", "npy"], FORM],
    parameters: Annotated[LatentParameters, Query()],
) -> Response:
    """Standard normals of a documented generator (Philox4x32-10, Box-Muller), times the temperature."""
    if seeds == RANDOM:
        return exchange.random_seed()
    numbers = parse_seeds(seeds, limit=exchange.limits.seeds)
    draws = [(seed, parameters.index) for seed in numbers]
    options = parameters.model_copy(update={"label": find_label(exchange, parameters.label)})

    async def make() -> bytes:
        latents = await latents_of(exchange, draws, temperature=options.temperature, label=options.label)
        if extension == "npy":
            return encode_npy(latents)
        origins = [
            {"seed": seed, "index": index, "url": url, "source": "seed"}
            for (seed, index), url in zip(draws, sample_urls(exchange, draws, options), strict=True)
        ]
        return await list_to_json(await _entries(exchange, latents, origins))

    recipe = exchange.recipe("latents", draws=draws, **options.model_dump(exclude_none=True, exclude={"index"}))
    stem = f"latents-{label_of(numbers)}"
    return await exchange.conditional(recipe, extension, stem, make, seed_headers(numbers))


@router.post(
    "",
    operation_id="encode_images",
    summary="Encode pictures",
    responses=answers(
        "json",
        "npy",
        shape=PictureLatentsList,
        example=ENCODED,
        errors=(ModelNotFound, NotAcceptable, UnsupportedMediaType, CapabilityNotSupported, QueueFull),
    ),
    openapi_extra=picture_body(),
    response_class=Response,
)
async def encode_images(exchange: ExchangeDep, parameters: Annotated[EncodeParameters, Query()]) -> Response:
    """One row of latents a picture, float32 (n, latent_dim) in npy.

    A PNG or WebP that this very model made carries its recipe: its latents are exact, for a model without an encoder,
    too. All else is encoded; `exact` and `reason` say which it was, and why. `scale` holds the standard deviation for
    each latent: null for a recipe, and where the posterior is no diagonal normal, as under a learned prior. `residual`
    is what decoding these latents leaves of the picture: the root of the mean squared error, and the peak
    signal-to-noise ratio in dB, null for none.
    """
    extension = exchange.accepted("json", "npy")
    if not parameters.reads_recipes:
        exchange.require("encode")
    upload = await read_upload(exchange, parameters)
    found = await _recollected(exchange, upload)
    latents, scales = await _encoded(exchange, upload, found)
    if extension == "npy":
        return exchange.answer(encode_npy(latents), extension, "latents")
    residuals = await _residuals(exchange, latents, upload.images)
    origins = [_origin(exchange, *row) for row in zip(latents, scales, found, residuals, upload.pictures, strict=True)]
    options = {"encode": upload.options.encode}
    entries = await _entries(exchange, latents, [origin | options for origin in origins])
    return exchange.answer(await list_to_json(entries), extension, "latents")


async def latents_of_pictures(exchange: Exchange, upload: Upload[EncodeParameters]) -> Floats:
    """The latents (N, D) of pictures: those of a recipe where the pixels prove it, and else the encoder's."""
    return (await _encoded(exchange, upload, await _recollected(exchange, upload)))[0]


async def _recollected(exchange: Exchange, upload: Upload[EncodeParameters]) -> Sequence[Recollection]:
    if not upload.options.reads_recipes:
        return [Recollection(reason="recipes were not to be read")] * len(upload.pictures)
    return await asyncio.gather(*(recollect(exchange, picture) for picture in upload.pictures))


async def _encoded(
    exchange: Exchange, upload: Upload[EncodeParameters], found: Sequence[Recollection]
) -> tuple[Floats, Sequence[Floats | None]]:
    """The latents (N, D): those of the recipes, and the encoder's for all other pictures, these with their scale."""
    scales: list[Floats | None] = [None] * len(found)
    latents = np.zeros((len(found), exchange.model.latent_dim), dtype=np.float32)
    unknown = [number for number, each in enumerate(found) if each.latents is None]
    for number, each in enumerate(found):
        if each.latents is not None:
            latents[number] = each.latents
    if unknown:
        _require_encoder(exchange, unknown[0], found[unknown[0]])
        options = upload.options
        seed = options.seed if options.encode == "sample" else None
        encoding = await exchange.engine.encode(exchange.model, upload.images[unknown], seed=seed)
        latents[unknown] = encoding.latents
        if encoding.scale is not None:
            for number, row in zip(unknown, encoding.scale, strict=True):
                scales[number] = row
    return latents, scales


def _require_encoder(exchange: Exchange, number: int, found: Recollection) -> None:
    try:
        exchange.require("encode")
    except CapabilityNotSupported as error:
        hint = f"send a PNG or WebP just as {exchange.model.pinned} made it, or {error.facts['hint']}"
        detail = f"{error.detail}; picture {number}: {found.reason}"
        raise CapabilityNotSupported(detail, **{**error.facts, "hint": hint}) from None


async def _residuals(exchange: Exchange, latents: Floats, images: Floats) -> list[dict[str, float | None]]:
    """What decoding latents (N, D) leaves of images (N, C, H, W) in [0, 1], as the model saw them."""
    decoded = await exchange.engine.decode(exchange.model, latents)
    errors = np.square(decoded - images, dtype=np.float64).mean(axis=(1, 2, 3))
    return [{"rmse": math.sqrt(error), "psnr": -10 * math.log10(error) if error else None} for error in errors]


def _origin(
    exchange: Exchange,
    latents: Floats,
    scale: Floats | None,
    found: Recollection,
    residual: dict[str, float | None],
    picture: Picture,
) -> dict[str, Any]:
    exact = found.latents is not None
    return {
        "scale": scale,
        "url": exchange.url(f"images/{encode_z64(latents)}.png"),
        "source": "recipe" if exact else "posterior",
        "exact": exact,
        "reason": found.reason,
        "recipe": found.recipe,
        "residual": residual,
        "steps": picture.steps,
    }


async def _entries(exchange: Exchange, latents: Floats, origins: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`log_prior` is log p(z) in nats under the model's prior."""
    log_prior = await exchange.engine.log_prior(exchange.model, latents)
    return [
        {"latents": row, "z64": encode_z64(row), "log_prior": value, **origin}
        for row, value, origin in zip(latents, log_prior, origins, strict=True)
    ]
