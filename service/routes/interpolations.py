"""Interpolations: the path through key points, as a strip, an animation, one frame or arrays."""

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Response
from pydantic import Field

from models_store.latents import METHODS, Floats, path
from service.body import read_json
from service.errors import InvalidParameter, ModelNotFound, NotAcceptable, QueueFull
from service.media.png import encode_png
from service.media.tiles import contact_sheet, tiles
from service.media.webp import encode_webp
from service.routes.exchange import Exchange, ExchangeDep, Recipe, label_of, to_json
from service.routes.openapi import answers, json_body
from service.routes.parameters import (
    FORM,
    Base64Images,
    FramesPerSecond,
    Gap,
    Integers,
    Loop,
    NoQuery,
    Parameters,
    PathMethod,
    Rows,
    SeedsPath,
    SheetParameters,
    Size,
    Steps,
    Temperature,
)
from service.routes.points import encode_z64, points_of
from service.routes.rendering import as_base64, check_images, check_webp, render, with_pictures
from service.routes.seeds import listed_seeds, parse_seeds

router = APIRouter(prefix="/v1/models/{m}/interpolations", tags=["interpolations"])

Extension = Literal["strip.png", "png", "webp", "json", "npy"]
EXAMPLE = {"data": [{"t": 0.0, "z64": "9jTNvA", "url": "/v1/models/fashion-vae@9f3c2a1b/images/9jTNvA.png"}]}


class PathParameters(Parameters):
    """How the path goes, and how it is shown."""

    steps: Steps = 16
    method: PathMethod = "slerp"
    loop: Loop = False
    temperature: Temperature = 1.0
    at: Annotated[
        float | None, Field(ge=0, le=1, description="png only: the frame at this part of the whole path, default 0.5")
    ] = None
    fps: FramesPerSecond = 12
    size: Size = None
    gap: Gap = 0
    images: Base64Images = "url"


class PathRequest(PathParameters):
    """Key points are the images of seeds, or points of the latent space."""

    seeds: Annotated[str | Integers | None, Field(description="as in an address, or a list of integers")] = None
    latents: Annotated[Rows | None, Field(description="(points, latent_dim)")] = None


@router.get("/{seeds}.strip.png", include_in_schema=False)
async def get_strip(
    exchange: ExchangeDep, seeds: SeedsPath, parameters: Annotated[PathParameters, Query()]
) -> Response:
    """All frames in one row; a route of its own, for seeds may hold dots."""
    return await _get(exchange, seeds, "strip.png", parameters)


@router.get(
    "/{seeds}.{extension}",
    operation_id="get_interpolation",
    summary="The path through the images of 2 to 16 seeds",
    responses=answers("strip.png", "webp", "json", "npy", example=EXAMPLE, errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_interpolation(
    exchange: ExchangeDep,
    seeds: SeedsPath,
    extension: Annotated[Extension, FORM],
    parameters: Annotated[PathParameters, Query()],
) -> Response:
    """strip.png: all frames in a row · webp: an animation · png: the frame `at` · npy: uint8 (frames, h, w, channels).

    An open path of P points has (P-1)·steps + 1 frames, a loop P·steps.
    """
    return await _get(exchange, seeds, extension, parameters)


@router.post(
    "",
    operation_id="create_interpolation",
    summary="The path through 2 to 16 points",
    responses=answers("json", "png", "webp", "npy", example=EXAMPLE, errors=(ModelNotFound, NotAcceptable, QueueFull)),
    openapi_extra=json_body(PathRequest, {"seeds": [42, 77], "steps": 8}),
    response_class=Response,
)
async def create_interpolation(exchange: ExchangeDep, _query: NoQuery) -> Response:
    """Accept decides: JSON by default, image/png (a strip, or with `at` one frame), image/webp, application/x-npy."""
    accepted = exchange.accepted("json", "png", "webp", "npy")
    body = PathRequest.model_validate(await read_json(exchange.request, exchange.limits), strict=True)
    extension = "strip.png" if accepted == "png" and body.at is None else accepted
    if (body.seeds is None) == (body.latents is None):
        raise InvalidParameter("/body: give either seeds or latents", hint='as in {"seeds": [42, 77]}')
    if body.latents is None:
        seeds = listed_seeds(body.seeds or "", limit=exchange.limits.key_points)
        points = await _points(exchange, seeds, body)
    else:
        points = points_of(body.latents, exchange.model.latent_dim, exchange.limits)
    _check(exchange, len(points), extension, body)
    origin = {"points": as_base64(points.astype("<f4").tobytes())}
    content = await _file(exchange, points, extension, body, _recipe(exchange, origin, body))
    return exchange.answer(content, accepted, "interpolation")


async def _get(exchange: Exchange, text: str, extension: Extension, parameters: PathParameters) -> Response:
    seeds = parse_seeds(text, limit=exchange.limits.key_points)
    _check(exchange, len(seeds), extension, parameters)
    recipe = _recipe(exchange, {"seeds": seeds}, parameters)

    async def make() -> bytes:
        return await _file(exchange, await _points(exchange, seeds, parameters), extension, parameters, recipe)

    return await exchange.conditional(recipe, extension, f"path-{label_of(seeds)}", make)


async def _points(exchange: Exchange, seeds: list[int], parameters: PathParameters) -> Floats:
    draws = [(seed, 0) for seed in seeds]
    return await exchange.engine.latents(exchange.model, draws, temperature=parameters.temperature)


def _check(exchange: Exchange, points: int, extension: str, parameters: PathParameters) -> None:
    exchange.require("interpolate")
    limit = exchange.limits.key_points
    if not 2 <= points <= limit:
        raise InvalidParameter(f"{points} key points", allowed=f"2 to {limit}", hint="name two seeds, as in 42,77")
    frames = points * parameters.steps if parameters.loop else (points - 1) * parameters.steps + 1
    check_images(exchange, 1 if extension == "png" else frames, parameters.size, one_picture=False)
    if extension == "webp":
        check_webp(exchange, frames, parameters.size)


def _recipe(exchange: Exchange, origin: dict[str, Any], parameters: PathParameters) -> Recipe:
    how = parameters.model_dump(include=set(PathParameters.model_fields), exclude_none=True)
    return exchange.recipe("interpolations", **origin, **how)


async def _file(
    exchange: Exchange, points: Floats, extension: str, parameters: PathParameters, recipe: Recipe
) -> bytes:
    latents = _frame(points, parameters) if extension == "png" else _frames(points, parameters)
    if extension == "json":
        return await _json(exchange, latents, parameters, recipe)
    images = await exchange.engine.decode(exchange.model, latents)
    layout = SheetParameters(size=parameters.size, columns=None, gap=parameters.gap)
    if extension in ("png", "npy"):
        return await render(exchange, images, extension, layout, recipe)

    def encode() -> bytes:
        if extension == "webp":
            return encode_webp(list(tiles(images, size=parameters.size)), recipe, fps=parameters.fps)
        strip = contact_sheet(images, size=parameters.size, columns=len(images), gap=parameters.gap)
        return encode_png(strip, recipe)

    return await exchange.pool.run(encode, pixels=images.size)


async def _json(exchange: Exchange, latents: Floats, parameters: PathParameters, recipe: Recipe) -> bytes:
    entries = _entries(exchange, latents, parameters)
    if parameters.images == "base64":
        images = await exchange.engine.decode(exchange.model, latents)
        recipes = [{**recipe, "at": entry["t"]} for entry in entries]
        entries = await with_pictures(exchange, entries, recipes, images, parameters.size)
    return to_json({"data": entries})


def _frames(points: Floats, parameters: PathParameters) -> Floats:
    return path(points, steps=parameters.steps, method=parameters.method, loop=parameters.loop)


def _frame(points: Floats, parameters: PathParameters) -> Floats:
    """The one frame at a part of the whole path, (1, D)."""
    ends = np.roll(points, -1, axis=0) if parameters.loop else points[1:]
    position = (0.5 if parameters.at is None else parameters.at) * len(ends)
    leg = min(int(position), len(ends) - 1)
    return METHODS[parameters.method](points[leg], ends[leg], np.array([position - leg]))


def _entries(exchange: Exchange, latents: Floats, parameters: PathParameters) -> list[dict[str, Any]]:
    last = len(latents) if parameters.loop else len(latents) - 1
    names = [encode_z64(row) for row in latents]
    return [
        {"t": number / last, "z64": z64, "url": exchange.url(f"images/{z64}.png")} for number, z64 in enumerate(names)
    ]
