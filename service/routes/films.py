"""Films: the path of one request through the latents of a model, and what each of its frames is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from models_store.latents import Floats
from models_store.paths import LatentPath, count_legs, frame_times
from service.errors import InvalidParameter
from service.media.animation import ENCODERS
from service.media.tiles import shown_shape
from service.routes.exchange import Exchange
from service.routes.labels import latents_of
from service.routes.parameters import (
    Columns,
    FramesPerSecond,
    Gap,
    Label,
    Loop,
    Parameters,
    PathEasing,
    PathMethod,
    Size,
    Steps,
    Temperature,
)
from service.routes.points import encode_z64
from service.routes.rendering import as_base64, check_animation, check_images
from service.routes.target import Recipe

STILL = ("png", "webp")
"""The forms of a single frame."""


class PathParameters(Parameters):
    """How the path goes, and how it is shown."""

    steps: Steps = 16
    method: PathMethod = "slerp"
    easing: PathEasing = "linear"
    loop: Loop = False
    temperature: Temperature = 1.0
    label: Label = None
    at: Annotated[
        float | None, Field(ge=0, le=1, description="png and webp: only the frame at this part of the whole path")
    ] = None
    fps: FramesPerSecond = 12
    size: Size = None
    columns: Columns = None
    gap: Gap = 0
    images: Annotated[
        Literal["url", "base64"] | None,
        Field(
            description="in JSON and streams: addresses alone, or PNGs in base64, too; default url, in streams base64"
        ),
    ] = None


WAY = {"method", "easing", "loop"}
ORIGIN = {"temperature", "label"}
"""Of seeds: what fixes their latents."""


@dataclass(frozen=True)
class Film:
    """A path with the times of its frames. Points that came from seeds alone have addresses for every frame."""

    exchange: Exchange
    parameters: PathParameters
    points: Floats
    """The key points, (P, D)."""
    seeds: Sequence[int] | None

    @cached_property
    def path(self) -> LatentPath:
        """Where the film goes."""
        how = self.parameters
        return LatentPath(self.points, how.method, how.easing, how.loop)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """When each frame is shown, as parts of the whole way: with `at` just one."""
        if self.parameters.at is not None:
            return np.array([self.parameters.at])
        return frame_times(self.path.legs, self.parameters.steps, loop=self.parameters.loop)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a frame as it is shown."""
        channels, height, width = self.exchange.model.image_shape
        return (*shown_shape(height, width, self.parameters.size), channels)

    @property
    def recipe(self) -> Recipe:
        """That of the whole film, which may be a single frame."""
        if self.parameters.at is not None:
            return self.frame_recipes(range(1), self.path.at(self.times))[0]
        if self.seeds is not None:
            return seeds_recipe(self.exchange, self.seeds, self.parameters)
        points = as_base64(self.points.astype("<f4").tobytes())
        return self.exchange.recipe("interpolations", points=points, **_shown(self.parameters))

    def entries(self, numbers: range, latents: Floats) -> list[dict[str, Any]]:
        """What JSON says of the frames with these numbers, whose latents (N, D) are given."""
        rows = zip(numbers, latents, strict=True)
        return [
            {"index": number, "t": float(self.times[number]), "z64": encode_z64(row), "url": self._url(number, row)}
            for number, row in rows
        ]

    def frame_recipes(self, numbers: range, latents: Floats) -> list[Recipe]:
        """Those of the frames, each as a picture of its own: of its place on the path, or else of its point."""
        size = self.parameters.model_dump(include={"size"}, exclude_none=True)
        if self.seeds is None:
            rows = (as_base64(row.astype("<f4").tobytes()) for row in latents)
            return [self.exchange.recipe("images", latents=row, **size) for row in rows]
        return [frame_recipe(self.exchange, self.seeds, self.parameters, float(self.times[each])) for each in numbers]

    def _url(self, number: int, latents: Floats) -> str:
        """For ever; exact for a path of seeds, and of the rounded point otherwise."""
        changed = self.parameters.model_dump(include={"size"}, exclude_defaults=True)
        if self.seeds is None:
            query = f"?{urlencode(changed)}" if changed else ""
            return self.exchange.url(f"images/{encode_z64(latents)}.png{query}")
        changed |= self.parameters.model_dump(include=WAY | ORIGIN, exclude_defaults=True)
        query = urlencode({"at": float(self.times[number]), **changed})
        return self.exchange.url(f"interpolations/{','.join(map(str, self.seeds))}.png?{query}")


async def film_of_seeds(exchange: Exchange, seeds: Sequence[int], parameters: PathParameters) -> Film:
    """The film through the images of seeds."""
    draws = [(seed, 0) for seed in seeds]
    points = await latents_of(exchange, draws, temperature=parameters.temperature, label=parameters.label)
    return Film(exchange, parameters, points, seeds)


def seeds_recipe(exchange: Exchange, seeds: Sequence[int], parameters: PathParameters) -> Recipe:
    """That of a film through seeds, or of the one frame that is asked for."""
    if parameters.at is not None:
        return frame_recipe(exchange, seeds, parameters, parameters.at)
    return exchange.recipe("interpolations", seeds=list(seeds), **_shown(parameters))


def frame_recipe(exchange: Exchange, seeds: Sequence[int], parameters: PathParameters, at: float) -> Recipe:
    """A frame is fixed by its place on the way: how many others there are and how fast they go is nothing to it."""
    how = parameters.model_dump(include=WAY | ORIGIN | {"size"}, exclude_none=True)
    return exchange.recipe("interpolations", seeds=list(seeds), at=at, **how)


def check_film(exchange: Exchange, points: int, extension: str, parameters: PathParameters) -> None:
    """Refuses before anything is made what would be no path, or too much of one."""
    exchange.require("interpolate")
    limit = exchange.limits.key_points
    if not 2 <= points <= limit:
        detail = f"a path has 2 to {limit} key points, and this one {points}"
        raise InvalidParameter(detail, allowed=f"2 to {limit}", hint="name two seeds, as in 42,79")
    if parameters.at is not None:
        if extension not in STILL:
            raise InvalidParameter(f"at: one frame as {extension}", allowed=list(STILL), hint="leave `at` out")
        check_images(exchange, 1, parameters.size, one_picture=False)
        return
    frames = count_legs(points, loop=parameters.loop) * parameters.steps
    check_images(exchange, frames, parameters.size, one_picture=False)
    if extension in ENCODERS:
        check_animation(exchange, frames, extension, parameters.size, parameters.fps)


def _shown(parameters: PathParameters) -> dict[str, Any]:
    return parameters.model_dump(include=set(PathParameters.model_fields), exclude={"at", "images"}, exclude_none=True)
