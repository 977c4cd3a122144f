"""Samples: images of seeds, for ever the same."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from pydantic import Field

from models_store.latents import LARGEST_SEED, Floats
from models_store.pixels import Bytes
from service.body import read_json
from service.engine.rows import Draw
from service.errors import InvalidParameter, ModelNotFound, NotAcceptable, QueueFull
from service.limits import LIMITS
from service.routes.examples import PINNED, Z64
from service.routes.exchange import UNCACHED, Exchange, ExchangeDep, ShortestDep, label_of, to_json
from service.routes.labels import find_label, latents_of
from service.routes.openapi import answers, json_body
from service.routes.parameters import (
    FORM,
    Base64Images,
    Index,
    Integers,
    Label,
    NoQuery,
    Parameters,
    SeedsPath,
    SheetParameters,
    Temperature,
)
from service.routes.points import encode_z64
from service.routes.rendering import check_images, check_webp, render, render_zip, with_pictures
from service.routes.seeds import RANDOM, fresh_seed, listed_seeds, next_range, parse_seeds, seed_headers
from service.routes.shapes import SampleList
from service.routes.target import Recipe, Target

router = APIRouter(prefix="/v1/models/{m}/samples", tags=["samples"])
shortest = APIRouter(tags=["samples"])
"""The addresses at the root."""

Extension = Literal["png", "webp", "json", "npy", "zip"]
EXAMPLE = {"data": [{"seed": 42, "index": 0, "url": f"{PINNED}/samples/42.png", "z64": Z64}]}


class SampleOptions(SheetParameters):
    """How hot the images are, of which class, and how they are shown."""

    temperature: Temperature = 1.0
    label: Label = None
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
    responses=answers(
        "png", "webp", "json", "npy", "zip", shape=SampleList, example=EXAMPLE, errors=(ModelNotFound, QueueFull)
    ),
    response_class=Response,
)
async def get_samples(
    exchange: ExchangeDep,
    seeds: SeedsPath,
    extension: Annotated[Extension, FORM],
    parameters: Annotated[SampleParameters, Query()],
) -> Response:
    """The same address gives the same bytes. npy holds uint8 (n, height, width, channels), zip a PNG a seed.

    The JSON of a range `a-b` names in `next`, and in a Link header, the range of the same length that follows.
    """
    return await _get(exchange, seeds, extension, parameters)


@shortest.get(
    "/{seeds}.png",
    operation_id="get_default_sample_png",
    summary="The image of a seed of the default model",
    responses=answers("png", errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_shortest_png(
    exchange: ShortestDep, seeds: SeedsPath, parameters: Annotated[SampleParameters, Query()]
) -> Response:
    """The shortest address that works: `/42.png`, `/alice.png?size=224`. Content-Location names the pinned one."""
    return await _get(exchange, seeds, "png", parameters)


@shortest.get(
    "/{seeds}.webp",
    operation_id="get_default_sample_webp",
    summary="The image of a seed of the default model",
    responses=answers("webp", errors=(ModelNotFound, QueueFull)),
    response_class=Response,
)
async def get_shortest_webp(
    exchange: ShortestDep, seeds: SeedsPath, parameters: Annotated[SampleParameters, Query()]
) -> Response:
    """As `/{seeds}.png`, in lossless WebP."""
    return await _get(exchange, seeds, "webp", parameters)


@router.post(
    "",
    operation_id="create_samples",
    summary="Images of one seed or of many",
    responses=answers(
        "json",
        "png",
        "webp",
        "npy",
        "zip",
        shape=SampleList,
        example=EXAMPLE,
        errors=(ModelNotFound, NotAcceptable, QueueFull),
    ),
    openapi_extra=json_body(SampleRequest, {"n": 1, "seed": 42}),
    response_class=Response,
)
async def create_samples(exchange: ExchangeDep, _query: NoQuery) -> Response:
    """Accept decides the form of the answer: JSON by default, image/png, image/webp, application/x-npy or zip."""
    extension = exchange.accepted("json", "png", "webp", "npy", "zip")
    body = SampleRequest.model_validate(await read_json(exchange.request, exchange.limits), strict=True)
    options = body.model_copy(update={"label": find_label(exchange, body.label)})
    draws = body.draws()
    _check(exchange, draws, extension, options)
    content = await _file(exchange, draws, extension, options, recipe_of(exchange, draws, options))
    return exchange.answer(content, extension, _stem(draws), UNCACHED | seed_headers(_seeds(draws)))


async def _get(exchange: Exchange, seeds: str, extension: Extension, parameters: SampleParameters) -> Response:
    if seeds == RANDOM:
        return exchange.random_seed()
    label = find_label(exchange, parameters.label)
    options = parameters if label == parameters.label else parameters.model_copy(update={"label": label})
    draws = [(seed, options.index) for seed in parse_seeds(seeds, limit=exchange.limits.seeds)]
    _check(exchange, draws, extension, options)
    recipe, following = recipe_of(exchange, draws, options), None
    headers = seed_headers(_seeds(draws))
    if extension == "json" and (range_ := next_range(seeds)):
        following = exchange.with_query(exchange.url(f"samples/{range_}.json"))
        headers["Link"] = f'<{following}>; rel="next"'

    async def make() -> bytes:
        return await _file(exchange, draws, extension, options, recipe, following)

    return await exchange.conditional(fixed_by(recipe, options, following), extension, _stem(draws), make, headers)


def _check(exchange: Exchange, draws: Sequence[Draw], extension: str, options: SampleOptions) -> None:
    exchange.require("sample")
    check_images(exchange, len(draws), options.size, one_picture=extension in ("png", "webp"))
    if extension == "webp":
        check_webp(exchange, len(draws), options.size)


def recipe_of(target: Target, draws: Sequence[Draw], options: SampleOptions) -> Recipe:
    """Of a single image only what its pixels depend on: it has the same recipe wherever it was made."""
    if len(draws) == 1:
        size = {} if options.size is None else {"size": options.size}
        label = {} if options.label is None else {"label": options.label}
        (seed, index), temperature = draws[0], options.temperature
        return target.recipe("samples", seed=seed, index=index, **size, temperature=temperature, **label)
    shown = options.model_dump(include={"temperature", "label", "size", "columns", "gap"}, exclude_none=True)
    return target.recipe("samples", draws=draws, **shown)


def fixed_by(recipe: Recipe, options: SampleOptions, following: str | None = None) -> Recipe:
    """All that an answer depends on; `following` is the address of the range behind this one."""
    return {**recipe, "images": options.images, "next": following}


def _seeds(draws: Sequence[Draw]) -> list[int]:
    return [seed for seed, _ in draws]


def _stem(draws: Sequence[Draw]) -> str:
    return label_of(_seeds(draws))


async def _file(
    exchange: Exchange,
    draws: Sequence[Draw],
    extension: str,
    options: SampleOptions,
    recipe: Recipe,
    following: str | None = None,
) -> bytes:
    if extension in ("png", "webp", "npy"):
        return await render(exchange, await _images(exchange, draws, options), extension, options, recipe)
    if extension == "zip" or options.images == "base64":
        exchange.engine.require_room(exchange.model, len(draws))
    latents = await latents_of(exchange, draws, temperature=options.temperature, label=options.label)
    entries = _entries(exchange, draws, options, latents)
    if extension == "zip" or options.images == "base64":
        recipes = [recipe_of(exchange, [draw], options) for draw in draws]
        images = await exchange.engine.decode(exchange.model, latents)
        if extension == "zip":
            return await render_zip(exchange, entries, recipes, images, options.size)
        entries = await with_pictures(exchange, entries, recipes, images, options.size)
    return to_json({"data": entries} | ({"next": following} if following else {}))


async def _images(exchange: Exchange, draws: Sequence[Draw], options: SampleOptions) -> Floats | Bytes:
    if options.label is None:
        return await exchange.engine.sample(exchange.model, draws, temperature=options.temperature)
    exchange.engine.require_room(exchange.model, len(draws))
    latents = await latents_of(exchange, draws, temperature=options.temperature, label=options.label)
    return await exchange.engine.decode(exchange.model, latents)


def _entries(
    exchange: Exchange, draws: Sequence[Draw], options: SampleOptions, latents: Floats
) -> list[dict[str, Any]]:
    rows = zip(draws, sample_urls(exchange, draws, options), latents, strict=True)
    return [{"seed": seed, "index": index, "url": url, "z64": encode_z64(row)} for (seed, index), url, row in rows]


def sample_urls(exchange: Exchange, draws: Sequence[Draw], options: Parameters) -> list[str]:
    """The addresses, for ever, of the images of (seed, index) pairs, with what the options change about them."""
    changed = options.model_dump(include={"temperature", "label", "size"}, exclude_defaults=True)
    queries = {index: urlencode({"index": index, **changed} if index else changed) for _, index in draws}
    samples = exchange.url("samples")
    return [f"{samples}/{seed}.png" + (f"?{queries[index]}" if queries[index] else "") for seed, index in draws]
