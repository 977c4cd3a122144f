"""Pictures in requests, in any of four forms: a multipart form, the bare file, JSON with base64, or npy."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
from PIL.Image import Image

from models_store.latents import Floats
from models_store.pixels import from_bytes
from service.body import JSON, MULTIPART, media_type, parse_large_json, read_body, read_form
from service.errors import (
    ContentTooLarge,
    ImageTooLarge,
    InvalidParameter,
    MalformedRequest,
    ServiceError,
    UnsupportedMediaType,
    shown,
)
from service.limits import Limits
from service.media import pictures
from service.media.npy import decode_pixels
from service.routes.exchange import Exchange
from service.routes.parameters import PictureParameters

NPY = "application/x-npy"
ACCEPTED = (MULTIPART, *pictures.MEDIA_TYPES, JSON, NPY)
# curl calls whatever --data-binary sends a form.
NAME_THE_TYPE = "name the picture's type: curl -H 'Content-Type: image/png' --data-binary @FILE; or curl -F image=@FILE"
Options = TypeVar("Options", bound=PictureParameters)
Given = TypeVar("Given")
Read = TypeVar("Read")


@dataclass(frozen=True)
class Upload(Generic[Options]):
    """Model pixels (N, C, H, W) in [0, 1], where each came from, and the options with those of the body."""

    images: Floats
    pictures: list[pictures.Picture]
    options: Options

    @property
    def steps(self) -> list[tuple[str, ...]]:
        """What was done to each picture."""
        return [picture.steps for picture in self.pictures]


async def read_upload(exchange: Exchange, options: Options) -> Upload[Options]:
    """The pictures in the body; options in a form or in JSON override those of the query."""
    request, limits = exchange.request, exchange.limits
    kind = media_type(request)
    if kind == MULTIPART:
        files, fields = await read_form(request, limits)
        return await _decoded(exchange, files, options.updated(fields, strict=False))
    if kind not in ACCEPTED:
        detail = f"Content-Type {shown(kind)!r} is not read here"
        raise UnsupportedMediaType(detail, allowed=list(ACCEPTED), hint=NAME_THE_TYPE)
    content = await read_body(request, limit=limits.upload_bytes, limits=limits)
    if kind == NPY:
        images = _from_npy(content, exchange)
        return Upload(images, [pictures.Picture(row) for row in images], options)
    if kind == JSON:
        return await upload_of(exchange, await parse_large_json(content, limits), options)
    return await _decoded(exchange, [content], options)


async def upload_of(exchange: Exchange, values: Mapping[str, Any], options: Options) -> Upload[Options]:
    """The pictures in a JSON body that is read already."""
    images = values.get("images")
    length = sum(len(text) for text in images if isinstance(text, str)) if isinstance(images, list) else 0
    files = await exchange.pool.run(lambda: _from_base64(images, exchange.limits), pixels=length)
    others = {name: value for name, value in values.items() if name != "images"}
    return await _decoded(exchange, files, options.updated(others, strict=True))


async def _decoded(exchange: Exchange, files: Sequence[bytes], options: Options) -> Upload[Options]:
    limits, shape = exchange.limits, exchange.model.image_shape
    if not files:
        raise MalformedRequest("the request has no picture", hint="send it as a form file named 'image'")

    def open_all() -> list[Image]:
        return _each(partial(pictures.open_picture, limits=limits), files)

    opened = await exchange.pool.run(open_all, pixels=sum(len(file) for file in files))
    pixels = sum(image.width * image.height for image in opened)
    if pixels > limits.request_pixels:
        raise ImageTooLarge(f"the pictures have {pixels} pixels together", limit=limits.request_pixels)

    light = _on_light_ground(exchange.model.card.data.get("border"))
    read = partial(pictures.read_picture, shape=shape, fit=options.fit, invert=options.invert, light=light)

    def decode() -> list[pictures.Picture]:
        return _each(read, opened)

    found = await exchange.pool.run(decode, pixels=pixels)
    return Upload(np.stack([picture.pixels for picture in found]), found, options)


def _each(read: Callable[[Given], Read], given: Sequence[Given]) -> list[Read]:
    """Of one request, in order; what is wrong with a picture says which of them it was, counted from 0."""
    found = []
    for number, picture in enumerate(given):
        try:
            found.append(read(picture))
        except ServiceError as error:
            error.facts = {**error.facts, "picture": number}
            raise
    return found


def _on_light_ground(border: Any) -> bool:
    """Whether the border of the training pictures, whose mean level the card may tell, was nearer to white."""
    return isinstance(border, int | float) and border > 0.5


def _from_npy(content: bytes, exchange: Exchange) -> Floats:
    channels, height, width = exchange.model.image_shape
    array = decode_pixels(content)
    if array.ndim != 4 or array.shape[1:] != (height, width, channels) or not len(array):
        allowed = f"(n, {height}, {width}, {channels}), n at least 1"
        raise InvalidParameter(f"pixels of shape {shown(array.shape)}", allowed=allowed)
    exchange.limits.check_cost(rows=len(array))
    if array.dtype == np.uint8:
        return from_bytes(array.astype(np.uint8, copy=False))
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2).astype(np.float32, copy=False))


def _from_base64(images: Any, limits: Limits) -> list[bytes]:
    if not isinstance(images, list) or not all(isinstance(text, str) for text in images):
        raise InvalidParameter("/body/images: not a list of base64 texts", hint='send {"images": ["iVBORw0…"]}')
    if len(images) > limits.files:
        raise ContentTooLarge(f"{len(images)} pictures in one request", limit=limits.files)
    try:
        files = [base64.b64decode(text, validate=True) for text in images]
    except (binascii.Error, ValueError):
        raise MalformedRequest("/body/images holds a text that is not base64") from None
    if any(len(file) > limits.file_bytes for file in files):
        raise ContentTooLarge("a picture is too large", limit=limits.file_bytes)
    return files
