"""The picture that a plain address means; a pure function of the address."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from pydantic import ValidationError

from service.engine.catalog import Catalog
from service.engine.rows import Draw
from service.errors import ServiceError
from service.limits import LIMITS
from service.media.pool import FEW_PIXELS
from service.routes.exchange import label_of
from service.routes.samples import SampleParameters, fixed_by, recipe_of
from service.routes.seeds import RANDOM, parse_seeds, seed_headers
from service.routes.target import MEDIA_TYPES, Headers, Recipe, Target

EXTENSION = "png"
PINNED = re.compile(rb"/v1/models/([^/%]+)/samples/([^/%,]+)\.png")
SHORTEST = re.compile(rb"/([^/%,]+)\.png")
"""Of the default model."""
ROUTE, SHORTEST_ROUTE = "/v1/models/{m}/samples/{seeds}.{extension}", "/{seeds}.png"
"""As the framework has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One small PNG of one seed, and all that its answer says beside it."""

    target: Target
    route: str
    draw: Draw
    options: SampleParameters
    recipe: Recipe
    headers: Headers

    @property
    def etag(self) -> str:
        return self.headers["ETag"]

    def lines(self, length: int) -> bytes:
        """The headers of the answer as they are sent; `length` is that of the file in bytes."""
        headers = {**self.headers, "Content-Length": str(length), "Content-Type": MEDIA_TYPES[EXTENSION]}
        return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")


def picture_of(catalog: Catalog, path: bytes, query: bytes) -> Picture | None:
    """What the address means, if it is as plain as that; nothing is said of what is wrong with it."""
    found = PINNED.fullmatch(path) or SHORTEST.fullmatch(path)
    options = _parameters(query) if found else None
    if found is None or options is None or options.label is not None:
        return None
    *named, text = (part.decode("latin-1") for part in found.groups())
    reference = named[0] if named else catalog.default
    try:
        model = catalog.find(reference)
        seeds = parse_seeds(text, limit=LIMITS.tiles) if text != RANDOM else ()
    except ServiceError:
        return None
    if len(seeds) != 1 or (options.size or max(model.image_shape[1:])) ** 2 > FEW_PIXELS:
        return None
    place, draw = f"samples/{text}.{EXTENSION}", (seeds[0], options.index)
    target = Target(reference=reference, place=place, query=query.decode("latin-1"), model=model)
    recipe = recipe_of(target, [draw], options)
    cached = target.cache_headers(fixed_by(recipe, options), EXTENSION)
    return Picture(
        target=target,
        route=ROUTE if named else SHORTEST_ROUTE,
        draw=draw,
        options=options,
        recipe=recipe,
        headers={**target.file_headers(EXTENSION, label_of(seeds)), **cached, **seed_headers(seeds)},
    )


@lru_cache(maxsize=256)
def _parameters(query: bytes) -> SampleParameters | None:
    """What a query says, or None where the framework has to tell what is wrong with it."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        return None
    try:
        return SampleParameters.model_validate(dict(pairs))
    except ValidationError:
        return None
