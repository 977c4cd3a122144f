"""Interpolations: the path through key points as pictures, animations, arrays, archives and streams."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from service.errors import (
    CapabilityNotSupported,
    ModelNotFound,
    NotAcceptable,
    QueueFull,
    UnsupportedMediaType,
)
from service.routes.examples import IMAGE, PINNED, Z64
from service.routes.exchange import UNCACHED, Exchange, ExchangeDep, label_of
from service.routes.film_events import film_stream
from service.routes.film_files import film_file
from service.routes.films import Film, PathParameters, check_film, film_of_seeds, seeds_recipe
from service.routes.key_points import PathOptions, PathRequest, read_key_points
from service.routes.labels import find_label
from service.routes.openapi import answers, path_body
from service.routes.parameters import FORM, KeySeedsPath
from service.routes.seeds import parse_seeds
from service.routes.shapes import PathFrameList
from service.routes.streams import FORMS

router = APIRouter(prefix="/v1/models/{m}/interpolations", tags=["interpolations"])

Extension = Literal["webp", "apng", "gif", "strip.png", "png", "json", "npy", "zip"]
OFFERED = ("png", "webp", "apng", "gif", "json", "npy", "zip", "sse", "jsonl")
EXAMPLE = {
    "data": [{"index": 0, "t": 0.0, "z64": Z64, "url": f"{PINNED}/interpolations/42,79.png?at=0.0"}],
}
BODIES = {
    "seeds": {"seeds": [42, 79], "steps": 8},
    "a mixture": {"points": [{"seed": 42}, {"seed": 77, "index": 3}, {"image": IMAGE}], "steps": 8, "loop": True},
}


@router.get("/{seeds}.strip.png", include_in_schema=False)
async def get_strip(
    exchange: ExchangeDep, seeds: KeySeedsPath, parameters: Annotated[PathParameters, Query()]
) -> Response:
    """All frames in one row; a route of its own, for seeds may hold dots."""
    return await _get(exchange, seeds, "strip.png", parameters)


@router.get(
    "/{seeds}.{extension}",
    operation_id="get_interpolation",
    summary="The path through the images of 2 to 16 seeds",
    responses=answers(
        "webp",
        "apng",
        "gif",
        "png",
        "json",
        "npy",
        "zip",
        shape=PathFrameList,
        example=EXAMPLE,
        errors=(ModelNotFound, QueueFull),
    ),
    response_class=Response,
)
async def get_interpolation(
    exchange: ExchangeDep,
    seeds: KeySeedsPath,
    extension: Annotated[Extension, FORM],
    parameters: Annotated[PathParameters, Query()],
) -> Response:
    """webp, apng, gif: animations · strip.png: all frames in a row · png: a sheet, or the one frame `at` · json: where
    each frame lies · npy: uint8 (frames, h, w, channels) · zip: a PNG a frame.

    A leg has `steps` frames: P points make (P-1)·steps, the last of them the last point, or P·steps in a loop. Frame i
    of any form is the image of its point, bit for bit.
    """
    return await _get(exchange, seeds, extension, parameters)


@router.get(
    "/{seeds}",
    operation_id="stream_interpolation",
    summary="The path as a stream of frames, or in the form that Accept asks for",
    responses=answers(
        "png", "sse", "jsonl", "webp", "apng", "gif", "json", "npy", "zip",
        shape=PathFrameList, example=EXAMPLE, errors=(ModelNotFound, NotAcceptable, QueueFull),
    ),
    response_class=Response,
)  # fmt: skip
async def negotiate_interpolation(
    exchange: ExchangeDep, seeds: KeySeedsPath, parameters: Annotated[PathParameters, Query()]
) -> Response:
    """text/event-stream, as `new EventSource(address)` asks for: `start` {frames, shape}, then each `frame` {index, t,
    z64, url, data} as soon as it is there, then `done`. `data` is the PNG as base64; `id` is the index, so a stream
    goes on after `Last-Event-ID`, and ends with 204 once all frames were seen. An error on the way is a `problem`.
    application/jsonl: the same, a line an event. All else is as with an extension; `*/*` is the strip.
    """
    accepted = exchange.accepted(*OFFERED)
    if accepted not in FORMS:
        answer = await _get(exchange, seeds, _form(accepted, parameters), parameters)
        answer.headers["Vary"] = "Accept"
        return answer
    numbers, options = _named(exchange, seeds, accepted, parameters)
    return film_stream(await film_of_seeds(exchange, numbers, options), accepted)


@router.post(
    "",
    operation_id="create_interpolation",
    summary="The path through 2 to 16 seeds, points or pictures",
    responses=answers(
        "json", "png", "webp", "apng", "gif", "npy", "zip", "sse", "jsonl",
        shape=PathFrameList, example=EXAMPLE,
        errors=(ModelNotFound, NotAcceptable, UnsupportedMediaType, CapabilityNotSupported, QueueFull),
    ),
    openapi_extra=path_body(PathRequest, BODIES),
    response_class=Response,
)  # fmt: skip
async def create_interpolation(exchange: ExchangeDep, parameters: Annotated[PathOptions, Query()]) -> Response:
    """Key points are `seeds`, `latents`, or `points` that mix them and pictures in JSON; pictures in a form; or latents
    as npy. A picture that this very model made gives its own latents back, any other its encoder's.

    Accept decides: JSON by default, image/png (a strip, with `columns` a sheet, with `at` one frame), image/webp,
    image/apng, image/gif, application/x-npy, application/zip, or as a stream text/event-stream and application/jsonl.
    """
    accepted = exchange.accepted("json", *(name for name in OFFERED if name != "json"))
    asked = await read_key_points(exchange, parameters)
    options = _settled(exchange, asked.options)
    extension = _form(accepted, options)
    check_film(exchange, asked.count, extension, options)
    film = Film(exchange, options, await asked.resolve(exchange), asked.seeds)
    if accepted in FORMS:
        return film_stream(film, accepted)
    return exchange.answer(await film_file(film, extension), accepted, "interpolation", UNCACHED)


async def _get(exchange: Exchange, text: str, extension: str, parameters: PathParameters) -> Response:
    seeds, options = _named(exchange, text, extension, parameters)

    async def make() -> bytes:
        return await film_file(await film_of_seeds(exchange, seeds, options), extension)

    fixed = {**seeds_recipe(exchange, seeds, options), "images": options.images}
    return await exchange.conditional(fixed, extension, f"path-{label_of(seeds)}", make)


def _named(
    exchange: Exchange, text: str, extension: str, parameters: PathParameters
) -> tuple[list[int], PathParameters]:
    """The seeds of an address and the settled parameters, both found to be allowed."""
    seeds = parse_seeds(text, limit=exchange.limits.key_points)
    options = _settled(exchange, parameters)
    check_film(exchange, len(seeds), extension, options)
    return seeds, options


def _settled(exchange: Exchange, parameters: PathParameters) -> PathParameters:
    """With the label as the model's card spells it, so that one path has one ETag."""
    return parameters.model_copy(update={"label": find_label(exchange, parameters.label)})


def _form(accepted: str, parameters: PathParameters) -> str:
    """A PNG by Accept is the strip, unless a sheet or a single frame is asked for."""
    plain = parameters.at is None and parameters.columns is None
    return "strip.png" if accepted == "png" and plain else accepted
