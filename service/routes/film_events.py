"""A film as a stream: its frames are decoded a few at a time, while the first of them are on their way already."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Response

from service.errors import ShuttingDown
from service.media.png import encode_png
from service.media.tiles import tiles
from service.routes.films import Film
from service.routes.rendering import as_base64
from service.routes.streams import Event, Form, finished, resume_after, stream

MICRO_BATCH = 8
"""Frames decoded together: the smallest batch that a network runs without padding, and all that a client who leaves
still costs."""


def film_stream(film: Film, form: Form) -> Response:
    """The film from its beginning, or from the frame after the one that the client had last."""
    request = film.exchange.request
    first = resume_after(request, len(film.times))
    if first == len(film.times):
        return finished()
    headers = {"Model-Version": film.exchange.model.digest}
    return stream(_events(film, first), form, request, headers)


async def _events(film: Film, first: int) -> AsyncIterator[Event]:
    """A start, a frame for each that is left, numbered by its index, and the end. Raises what decoding raises."""
    count = len(film.times)
    yield Event("start", {"frames": count, "shape": film.shape, "first": first})
    for start in range(first, count, MICRO_BATCH):
        if film.exchange.engine.draining:
            raise ShuttingDown(
                "the server is shutting down and takes no new work",
                hint="come back with Last-Event-ID for the frames after it",
            )
        for content in await _frames(film, range(start, min(start + MICRO_BATCH, count))):
            yield Event("frame", content, number=content["index"])
    yield Event("done", {"frames": count})


async def _frames(film: Film, numbers: range) -> list[dict[str, Any]]:
    """The frames with these numbers, each with the PNG of its own address, unless only addresses are wanted."""
    latents = film.path.at(film.times[numbers.start : numbers.stop])
    entries = film.entries(numbers, latents)
    if film.parameters.images == "url":
        return entries
    images = await film.exchange.engine.decode(film.exchange.model, latents)
    recipes = film.frame_recipes(numbers, latents)

    def encode() -> list[dict[str, Any]]:
        pictures = zip(entries, recipes, tiles(images, size=film.parameters.size), strict=True)
        return [{**entry, "data": as_base64(encode_png(picture, recipe))} for entry, recipe, picture in pictures]

    height, width, _ = film.shape
    return await film.exchange.pool.run(encode, pixels=len(numbers) * height * width)
