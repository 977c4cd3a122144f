"""Images of points: decoding."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from models_store.latents import Floats
from service.body import media_type, read_body, read_json
from service.errors import ModelNotFound, NotAcceptable, QueueFull, UnsupportedMediaType
from service.limits import LIMITS
from service.media.npy import decode_floats
from service.routes.examples import IMAGE, LATENTS, PINNED, Z64
from service.routes.exchange import Exchange, ExchangeDep, to_json
from service.routes.openapi import answers, json_body
from service.routes.parameters import FORM, Rows, SheetParameters
from service.routes.points import checked, decode_z64, encode_z64, points_of
from service.routes.rendering import as_base64, check_images, check_webp, render, with_pictures
from service.routes.shapes import PointImageList
from service.routes.target import Recipe
from service.routes.uploads import NPY

router = APIRouter(prefix="/v1/models/{m}/images", tags=["images"])

EXAMPLE = {"data": [{"z64": Z64, "url": f"{PINNED}/images/{Z64}.png", "image": IMAGE}]}


class DecodeRequest(SheetParameters):
    """Points of the latent space, one a row."""

    latents: Annotated[
        Rows,
        Field(min_length=1, max_length=LIMITS.seeds, description="(n, latent_dim); a standard normal is typical"),
    ]


@router.get(
    "/{z64}.{extension}",
    operation_id="get_image",
    summary="The image of a point",
    responses=answers(
        "png", "webp", "npy", "json", shape=PointImageList, example=EXAMPLE, errors=(ModelNotFound, QueueFull)
    ),
    response_class=Response,
)
async def get_image(
    exchange: ExchangeDep,
    z64: Annotated[str, Path(description="base64url of latent_dim little-endian float16", examples=[Z64])],
    extension: Annotated[Literal["png", "webp", "npy", "json"], FORM],
    parameters: Annotated[SheetParameters, Query()],
) -> Response:
    """z64 is a rounded point with an image of its own; seeds and npy are exact."""
    latents = decode_z64(z64, exchange.model.latent_dim, exchange.limits)
    recipe = _recipe(exchange, latents, parameters)
    check_images(exchange, 1, parameters.size, one_picture=True)
    if extension == "webp":
        check_webp(exchange, 1, parameters.size)

    async def make() -> bytes:
        return await _file(exchange, latents, extension, parameters)

    return await exchange.conditional(recipe, extension, "image", make)


@router.post(
    "",
    operation_id="decode_latents",
    summary="The images of points",
    responses=answers(
        "json",
        "png",
        "webp",
        "npy",
        shape=PointImageList,
        example=EXAMPLE,
        errors=(ModelNotFound, NotAcceptable, UnsupportedMediaType, QueueFull),
    ),
    openapi_extra=json_body(DecodeRequest, {"latents": [LATENTS]}, npy="float16, 32 or 64 (n, latent_dim)"),
    response_class=Response,
)
async def decode_latents(exchange: ExchangeDep, parameters: Annotated[SheetParameters, Query()]) -> Response:
    """JSON holds PNGs as base64, npy uint8 (n, height, width, channels). A JSON body may hold the options, too."""
    extension = exchange.accepted("json", "png", "webp", "npy")
    latents, options = await _read(exchange, parameters)
    check_images(exchange, len(latents), options.size, one_picture=extension in ("png", "webp"))
    if extension == "webp":
        check_webp(exchange, len(latents), options.size)
    content = await _file(exchange, latents, extension, options)
    return exchange.answer(content, extension, "images")


async def _read(exchange: Exchange, parameters: SheetParameters) -> tuple[Floats, SheetParameters]:
    dim, limits = exchange.model.latent_dim, exchange.limits
    if media_type(exchange.request) == NPY:
        content = await read_body(exchange.request, limit=limits.upload_bytes, limits=limits)
        return checked(decode_floats(content), dim, limits), parameters
    values = await read_json(exchange.request, limits)
    body = DecodeRequest.model_validate(values, strict=True)
    return points_of(body.latents, dim, limits), parameters.merged(body)


def _recipe(exchange: Exchange, latents: Floats, parameters: SheetParameters) -> Recipe:
    """The latents are in it as base64 of little-endian float32, row by row: exact. One image has no layout."""
    rows = as_base64(latents.astype("<f4").tobytes())
    layout = {"columns", "gap"} if len(latents) == 1 else set()
    return exchange.recipe("images", latents=rows, **parameters.model_dump(exclude_none=True, exclude=layout))


async def _file(exchange: Exchange, latents: Floats, extension: str, parameters: SheetParameters) -> bytes:
    images = await exchange.engine.decode(exchange.model, latents)
    if extension == "json":
        entries = [_entry(exchange, row) for row in latents]
        recipes = [_recipe(exchange, row[None], parameters) for row in latents]
        return to_json({"data": await with_pictures(exchange, entries, recipes, images, parameters.size)})
    # An array carries none: the text of a thousand latents takes 50 ms.
    recipe = {} if extension == "npy" else _recipe(exchange, latents, parameters)
    return await render(exchange, images, extension, parameters, recipe)


def _entry(exchange: Exchange, latents: Floats) -> dict[str, Any]:
    z64 = encode_z64(latents)
    return {"z64": z64, "url": exchange.url(f"images/{z64}.png")}
