"""Samples: images of seeds, for ever the same."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from pydantic import Field

from models_store.latents import LARGEST_SEED, Floats
from service.body import read_json
from service.engine.engine import Draw
from service.errors import InvalidParameter, ModelNotFound, NotAcceptable, QueueFull
from service.limits import LIMITS
from service.routes.exchange import Exchange, ExchangeDep, Recipe, label_of, to_json
from service.routes.openapi import answers, json_body
from service.routes.parameters import (
    FORM,
    Base64Images,
    Index,
    Integers,
    NoQuery,
    SeedsPath,
    SheetParameters,
    Temperature,
)
from service.routes.points import encode_z64
from service.routes.rendering import check_images, check_webp, render, with_pictures
from service.routes.seeds import RANDOM, fresh_seed, listed_seeds, parse_seeds

router = APIRouter(prefix="/v1/models/{m}/samples", tags=["samples"])

EXAMPLE = {"data": [{"seed": 42, "index": 0, "url": "/v1/models/fashion-vae@9f3c2a1b/samples/42.png", "z64": "9jTNvA"}]}


class SampleOptions(SheetParameters):
    """How hot the images are, and how they are shown."""

    temperature: Temperature = 1.0
    images: Base64Images = "url"


class SampleParameters(SampleOptions):
    """What the address of a GET may carry: which image of each seed, and how it is shown."""

    index: Index = 0


class SampleRequest(SampleOptions):
    """`n` images of one seed have the indices 0 … n-1; each of `seeds` gives its image 0. Neither: a random seed."""

    n: Annotated[int | None, Field(ge=1, le=LIMITS.seeds, description="images of one seed, default 1")] = None
    seed: Annotated[int | None, Field(ge=0, le=LARGEST_SEED, description="the seed; drawn here if missing")] = None
    seeds: Annotated[str | Integers | None, Field(description="as in an address, or a list of integers")] = None

    def draws(self) -> list[Draw]:
        """The (seed, index) pairs that are asked for."""
        if self.seeds is None:
            seed = fresh_seed() if self.seed is None else self.seed
            return [(seed, index) for index in range(self.n or 1)]
        if self.seed is not None or self.n is not None:
            raise InvalidParameter(
                "/body/seeds: given together with seed or n", hint="give either seeds, or seed and n"
            )
        return [(seed, 0) for seed in listed_seeds(self.seeds, limit=LIMITS.seeds)]


@router.get(
    "/{seeds}.{extension}",
    operation_id="get_samples",
    summary="The image of a seed, or a contact sheet of several",
    responses=answers("png", "webp", "json", "npy", example=EXAMPLE, errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_samples(
    exchange: ExchangeDep,
    seeds: SeedsPath,
    extension: Annotated[Literal["png", "webp", "json", "npy"], FORM],
    parameters: Annotated[SampleParameters, Query()],
) -> Response:
    """The same address gives the same bytes. npy holds uint8 (n, height, width, channels)."""
    if seeds == RANDOM:
        return exchange.random_seed()
    draws = [(seed, parameters.index) for seed in parse_seeds(seeds, limit=exchange.limits.seeds)]
    _check(exchange, draws, extension, parameters)
    recipe = _recipe(exchange, draws, parameters)

    async def make() -> bytes:
        return await _file(exchange, draws, extension, parameters, recipe)

    return await exchange.conditional(recipe, extension, _label(draws), make)


@router.post(
    "",
    operation_id="create_samples",
    summary="Images of one seed or of many",
    responses=answers("json", "png", "webp", "npy", example=EXAMPLE, errors=(ModelNotFound, NotAcceptable, QueueFull)),
    openapi_extra=json_body(SampleRequest, {"n": 4, "seed": 7, "temperature": 0.8}),
    response_class=Response,
)
async def create_samples(exchange: ExchangeDep, _query: NoQuery) -> Response:
    """Accept decides the form of the answer: JSON by default, image/png, image/webp or application/x-npy."""
    extension = exchange.accepted("json", "png", "webp", "npy")
    body = SampleRequest.model_validate(await read_json(exchange.request, exchange.limits), strict=True)
    draws = body.draws()
    _check(exchange, draws, extension, body)
    content = await _file(exchange, draws, extension, body, _recipe(exchange, draws, body))
    return exchange.answer(content, extension, _label(draws))


def _check(exchange: Exchange, draws: Sequence[Draw], extension: str, options: SampleOptions) -> None:
    exchange.require("sample")
    check_images(exchange, len(draws), options.size, one_picture=extension in ("png", "webp"))
    if extension == "webp":
        check_webp(exchange, len(draws), options.size)


def _recipe(exchange: Exchange, draws: Sequence[Draw], options: SampleOptions) -> Recipe:
    shown = options.model_dump(include=set(SampleOptions.model_fields), exclude_none=True)
    if len(draws) == 1:
        return exchange.recipe("samples", seed=draws[0][0], index=draws[0][1], **shown)
    return exchange.recipe("samples", draws=draws, **shown)


def _label(draws: Sequence[Draw]) -> str:
    return label_of([seed for seed, _ in draws])


async def _file(
    exchange: Exchange, draws: Sequence[Draw], extension: str, options: SampleOptions, recipe: Recipe
) -> bytes:
    latents = await exchange.engine.latents(exchange.model, draws, temperature=options.temperature)
    if extension != "json":
        return await render(exchange, await exchange.engine.decode(exchange.model, latents), extension, options, recipe)
    entries = [_entry(exchange, draw, options, row) for draw, row in zip(draws, latents, strict=True)]
    if options.images == "url":
        return to_json({"data": entries})
    images = await exchange.engine.decode(exchange.model, latents)
    recipes = [_recipe(exchange, [draw], options) for draw in draws]
    return to_json({"data": await with_pictures(exchange, entries, recipes, images, options.size)})


def _entry(exchange: Exchange, draw: Draw, options: SampleOptions, latents: Floats) -> dict[str, Any]:
    seed, index = draw
    changed = options.model_dump(include={"temperature", "size"}, exclude_defaults=True)
    query = urlencode({"index": index, **changed} if index else changed)
    url = exchange.url(f"samples/{seed}.png") + (f"?{query}" if query else "")
    return {"seed": seed, "index": index, "url": url, "z64": encode_z64(latents)}
