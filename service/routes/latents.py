"""Latents: those of seeds, and those that an encoder finds for pictures."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from models_store.latents import Floats
from service.errors import CapabilityNotSupported, ModelNotFound, NotAcceptable, QueueFull, UnsupportedMediaType
from service.media.npy import encode_npy
from service.routes.exchange import Exchange, ExchangeDep, label_of, to_json
from service.routes.openapi import answers, picture_body
from service.routes.parameters import FORM, Index, Parameters, PictureParameters, Seed, SeedsPath, Temperature
from service.routes.points import encode_z64
from service.routes.seeds import RANDOM, parse_seeds
from service.routes.uploads import read_upload

router = APIRouter(prefix="/v1/models/{m}/latents", tags=["latents"])

EXAMPLE = {"data": [{"seed": 42, "index": 0, "latents": [0.31, -1.2], "z64": "9jTNvA", "log_prior": -2.61}]}
ENCODED = {"data": [{"latents": [0.31, -1.2], "z64": "9jTNvA", "log_prior": -2.61, "source": "posterior", "steps": []}]}


class LatentParameters(Parameters):
    """Which latents of each seed."""

    index: Index = 0
    temperature: Temperature = 1.0


class EncodeParameters(PictureParameters):
    """What is taken from the posterior."""

    encode: Annotated[
        Literal["mean", "sample"], Field(description="the image of the posterior's mean, or one draw from it")
    ] = "mean"
    seed: Seed = 0


@router.get(
    "/{seeds}.{extension}",
    operation_id="get_latents",
    summary="The latents of seeds",
    responses=answers("json", "npy", example=EXAMPLE, errors=(ModelNotFound,)),
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

    async def make() -> bytes:
        latents = await exchange.engine.latents(exchange.model, draws, temperature=parameters.temperature)
        if extension == "npy":
            return encode_npy(latents)
        origins = [{"seed": seed, "index": index, "source": "seed"} for seed, index in draws]
        return to_json({"data": await _entries(exchange, latents, origins)})

    recipe = exchange.recipe("latents", draws=draws, temperature=parameters.temperature)
    return await exchange.conditional(recipe, extension, f"latents-{label_of(numbers)}", make)


@router.post(
    "",
    operation_id="encode_images",
    summary="Encode pictures",
    responses=answers(
        "json",
        "npy",
        example=ENCODED,
        errors=(ModelNotFound, NotAcceptable, UnsupportedMediaType, CapabilityNotSupported, QueueFull),
    ),
    openapi_extra=picture_body(),
    response_class=Response,
)
async def encode_images(exchange: ExchangeDep, parameters: Annotated[EncodeParameters, Query()]) -> Response:
    """One row of latents a picture, float32 (n, latent_dim) in npy."""
    extension = exchange.accepted("json", "npy")
    exchange.require("encode")
    upload = await read_upload(exchange, parameters)
    options = upload.options
    seed = options.seed if options.encode == "sample" else None
    latents = await exchange.engine.encode(exchange.model, upload.images, seed=seed)
    if extension == "npy":
        return exchange.answer(encode_npy(latents), extension, "latents")
    origins = [{"source": "posterior", "encode": options.encode, "steps": steps} for steps in upload.steps]
    return exchange.answer(to_json({"data": await _entries(exchange, latents, origins)}), extension, "latents")


async def _entries(exchange: Exchange, latents: Floats, origins: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`log_prior` is log p(z) in nats under the model's prior."""
    log_prior = await exchange.engine.log_prior(exchange.model, latents)
    return [
        {"latents": row, "z64": encode_z64(row), "log_prior": value, **origin}
        for row, value, origin in zip(latents, log_prior, origins, strict=True)
    ]
