"""Model images -> the files and the JSON that requests ask for."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from models_store.latents import Floats
from models_store.pixels import Bytes
from service.errors import InvalidParameter, RequestTooCostly
from service.media.archive import encode_zip
from service.media.gif import FASTEST
from service.media.npy import encode_npy
from service.media.png import encode_png
from service.media.tiles import contact_sheet, tiles
from service.media.webp import encode_webp
from service.routes.exchange import Exchange
from service.routes.parameters import SheetParameters
from service.routes.target import Recipe


def check_images(exchange: Exchange, count: int, size: int | None, *, one_picture: bool) -> None:
    """Refuses more images than one picture or one request may have, before any of them is made."""
    limit = exchange.limits.tiles
    if one_picture and count > limit:
        raise InvalidParameter(f"{count} images in one picture", limit=limit, hint="ask for json or npy, or for fewer")
    exchange.limits.check_cost(rows=count, pixels=_pixels(exchange, count, size))


def check_webp(exchange: Exchange, count: int, size: int | None) -> None:
    """Refuses what would take seconds to compress. Raises RequestTooCostly."""
    exchange.limits.check_webp(_pixels(exchange, count, size))


def check_animation(exchange: Exchange, frames: int, extension: str, size: int | None, fps: int) -> None:
    """Refuses what would take seconds to compress, or what GIF cannot time."""
    exchange.limits.check_animation(extension, _pixels(exchange, frames, size))
    seconds, limit = frames / min(fps, FASTEST), exchange.limits.animation_s
    if extension == "gif" and seconds > limit:
        detail = f"the GIF would last {seconds:.0f} s, the limit is {limit}"
        raise RequestTooCostly(detail, cost=seconds, limit=limit, hint="ask for a higher fps, or for fewer steps")


def _side(exchange: Exchange, size: int | None) -> int:
    return size or max(exchange.model.image_shape[1:])


async def render(
    exchange: Exchange, images: Floats | Bytes, extension: str, parameters: SheetParameters, recipe: Recipe
) -> bytes:
    """Images, as `tiles` takes them, as one picture, or as npy of uint8 (N, h, w, C)."""

    def encode() -> bytes:
        return file_of(images, extension, parameters, recipe)

    return await exchange.pool.run(encode, pixels=_pixels(exchange, len(images), parameters.size))


def file_of(images: Floats | Bytes, extension: str, parameters: SheetParameters, recipe: Recipe) -> bytes:
    """As `render`, at once."""
    if extension == "npy":
        return encode_npy(tiles(images, size=parameters.size))
    picture = contact_sheet(images, size=parameters.size, columns=parameters.columns, gap=parameters.gap)
    return encode_webp([picture], recipe) if extension == "webp" else encode_png(picture, recipe)


async def render_zip(
    exchange: Exchange,
    entries: Sequence[Mapping[str, Any]],
    recipes: Sequence[Recipe],
    images: Floats,
    size: int | None,
) -> bytes:
    """Images (N, C, H, W) in [0, 1] as PNGs, each with its recipe, and a manifest that says what each is."""

    def encode() -> bytes:
        files = [
            (f"{number:04}-seed{entry['seed']}-{entry['index']}.png", encode_png(picture, recipe))
            for number, (entry, recipe, picture) in enumerate(
                zip(entries, recipes, tiles(images, size=size), strict=True)
            )
        ]
        data = [
            {"file": name, **entry, "sha256": hashlib.sha256(content).hexdigest()}
            for (name, content), entry in zip(files, entries, strict=True)
        ]
        return encode_zip(files, {"model": exchange.model.name, "digest": exchange.model.digest, "data": data})

    return await exchange.pool.run(encode, pixels=_pixels(exchange, len(images), size))


async def with_pictures(
    exchange: Exchange,
    entries: Sequence[Mapping[str, Any]],
    recipes: Sequence[Recipe],
    images: Floats,
    size: int | None,
) -> list[dict[str, Any]]:
    """The entries of a JSON answer, each with its own image (C, H, W) as a PNG in base64."""

    def encode() -> list[dict[str, Any]]:
        rows = zip(entries, recipes, tiles(images, size=size), strict=True)
        return [{**entry, "image": as_base64(encode_png(picture, recipe))} for entry, recipe, picture in rows]

    return await exchange.pool.run(encode, pixels=_pixels(exchange, len(images), size))


def as_base64(content: bytes) -> str:
    """A file as JSON carries it."""
    return base64.b64encode(content).decode()


def _pixels(exchange: Exchange, count: int, size: int | None) -> int:
    return count * _side(exchange, size) ** 2
