"""The picture that a plain address means; a pure function of the address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl

import numpy as np
from pydantic import ValidationError

from models_store.pixels import Bytes
from service.engine.catalog import Catalog, ServedModel
from service.engine.rows import Draw
from service.errors import ServiceError
from service.limits import LIMITS
from service.media.npy import encode_pictures
from service.media.png import png_of
from service.media.recipes import recipe_json
from service.media.tiles import contact_sheet, tiles
from service.routes.exchange import label_of
from service.routes.samples import SampleParameters, fixed_by, recipe_of
from service.routes.seeds import RANDOM, parse_seeds, seed_headers
from service.routes.target import MEDIA_TYPES, Target, etag_of, fixed_text
from service.shelf import Answer

PINNED = re.compile(rb"/v1/models/([^/%#]+)/samples/([^/%#]+)\.(png|npy)")
SHORTEST = re.compile(rb"/([^/%#]+)\.(png)")
"""Of the default model."""
ROUTE, SHORTEST_ROUTE = "/v1/models/{m}/samples/{seeds}.{extension}", "/{seeds}.png"
"""As the framework has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What pictures have in common if their addresses differ in their seeds alone."""

    model: ServedModel
    route: str
    extension: str
    options: SampleParameters

    def pixels(self, count: int) -> int:
        """That have to be encoded for so many images: levels as they are need only be copied."""
        if self.extension == "npy" and self.options.size is None:
            return 0
        return count * (self.options.size or max(self.model.image_shape[1:])) ** 2

    def file(self, images: Sequence[Bytes], recipe: bytes) -> bytes:
        """The levels of images (H, W, C), and what made them as JSON, as one file."""
        options = self.options
        if self.extension == "npy":
            return encode_pictures(images if options.size is None else [*tiles(np.stack(images), size=options.size)])
        if len(images) == 1 and options.size is None:
            return png_of(images[0], recipe)
        return png_of(
            contact_sheet(np.stack(images), size=options.size, columns=options.columns, gap=options.gap), recipe
        )


@dataclass(slots=True)
class Picture:
    """The image of a seed, or those of a few, as one file, and all that its answer says beside it."""

    kind: Kind
    draws: Sequence[Draw]
    recipe: bytes
    """As JSON."""
    fixed: bytes
    """Its `fixed_text`."""
    head: bytes
    """The headers of its answer as they are sent, but for two."""
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        self.etag = etag_of(self.fixed)

    @property
    def cache_lines(self) -> bytes:
        """The headers of 304."""
        return Answer(self.etag, self.lines(0), self.kind.route).cache_lines

    def lines(self, length: int) -> bytes:
        """All headers of the answer with the file, which has so many bytes."""
        return b"%bETag: %b\r\nContent-Length: %d\r\n" % (self.head, self.etag.encode(), length)


def picture_of(catalog: Catalog, path: bytes, query: bytes) -> Picture | None:
    """What the address means, if it is as plain as that; nothing is said of what is wrong with it."""
    found = PINNED.fullmatch(path) or SHORTEST.fullmatch(path)
    options = _parameters(query) if found else None
    if found is None or options is None or options.label is not None:
        return None
    *named, text, extension = (part.decode("latin-1") for part in found.groups())
    reference = named[0] if named else catalog.default
    try:
        model = catalog.find(reference)
        seeds = parse_seeds(text, limit=LIMITS.tiles) if text != RANDOM else ()
    except ServiceError:
        return None
    if not seeds:
        return None
    kind = Kind(model=model, route=ROUTE if named else SHORTEST_ROUTE, extension=extension, options=options)
    draws = [(seed, options.index) for seed in seeds]
    place = f"samples/{text}.{extension}"
    target = Target(reference=reference, place=place, query=query.decode("latin-1"), model=model)
    recipe = recipe_of(target, draws, options)
    headers = {
        **target.file_headers(extension, label_of(seeds)),
        **target.lifetime_headers(),
        **seed_headers(seeds),
        "Content-Type": MEDIA_TYPES[extension],
    }
    head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("latin-1")
    return Picture(kind, draws, recipe_json(recipe), fixed_text(fixed_by(recipe, options), extension), head)


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
