"""Stages: how a picture comes into being, for models that make it step by step."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from models_store.latents import Floats
from service.errors import CapabilityNotSupported, ModelNotFound, QueueFull
from service.media.animation import ENCODERS
from service.media.npy import encode_npy
from service.media.png import encode_png
from service.media.tiles import contact_sheet, tiles
from service.routes.exchange import Exchange, ExchangeDep, label_of
from service.routes.openapi import answers
from service.routes.parameters import (
    FORM,
    FramesPerSecond,
    Index,
    SeedsPath,
    SheetParameters,
    Temperature,
)
from service.routes.rendering import check_animation, check_images
from service.routes.seeds import RANDOM, parse_seeds
from service.routes.target import Recipe

router = APIRouter(prefix="/v1/models/{m}/stages", tags=["pictures"])

Extension = Literal["webp", "apng", "gif", "png", "npy"]


class StageParameters(SheetParameters):
    """Which image of each seed, and how its making is shown."""

    index: Index = 0
    temperature: Temperature = 1.0
    fps: FramesPerSecond = 8


@router.get(
    "/{seeds}.{extension}",
    operation_id="get_stages",
    summary="How the images of seeds come into being",
    responses=answers("webp", "apng", "gif", "png", "npy", errors=(ModelNotFound, CapabilityNotSupported, QueueFull)),
    response_class=Response,
)
async def get_stages(
    exchange: ExchangeDep,
    seeds: SeedsPath,
    extension: Annotated[Extension, FORM],
    parameters: Annotated[StageParameters, Query()],
) -> Response:
    """webp, apng, gif: animations, one frame a stage · png: a row a seed, a column a stage (`columns` is for
    animations) · npy: uint8 (n, stages, height, width, channels).
    """
    if seeds == RANDOM:
        return exchange.random_seed()
    exchange.require("stage")
    numbers = parse_seeds(seeds, limit=exchange.limits.seeds)
    count = len(numbers) * (exchange.model.stage_count or 1)
    check_images(exchange, count, parameters.size, one_picture=extension == "png")
    if extension in ENCODERS:
        check_animation(exchange, count, extension, parameters.size, parameters.fps)
    recipe = exchange.recipe("stages", seeds=numbers, **parameters.model_dump(exclude_none=True))

    async def make() -> bytes:
        draws = [(seed, parameters.index) for seed in numbers]
        latents = await exchange.engine.latents(exchange.model, draws, temperature=parameters.temperature)
        stages = await exchange.engine.stages(exchange.model, latents)
        return await _file(exchange, stages, extension, parameters, recipe)

    return await exchange.conditional(recipe, extension, f"stages-{label_of(numbers)}", make)


async def _file(
    exchange: Exchange, stages: Floats, extension: Extension, parameters: StageParameters, recipe: Recipe
) -> bytes:
    """Stages (N, T, C, H, W) in [0, 1] -> the file."""
    size, gap = parameters.size, parameters.gap

    def encode() -> bytes:
        if extension in ENCODERS:
            moments = stages.swapaxes(0, 1)
            sheets = [contact_sheet(each, size=size, columns=parameters.columns, gap=gap) for each in moments]
            return ENCODERS[extension](sheets, recipe, fps=parameters.fps)
        images = stages.reshape(-1, *stages.shape[2:])
        if extension == "png":
            return encode_png(contact_sheet(images, size=size, columns=stages.shape[1], gap=gap), recipe)
        pictures = tiles(images, size=size)
        return encode_npy(pictures.reshape(*stages.shape[:2], *pictures.shape[1:]))

    return await exchange.pool.run(encode, pixels=stages.size)
