"""Reconstructions: encode, then decode, and see what was lost."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from models_store.latents import Floats
from service.errors import CapabilityNotSupported, ModelNotFound, NotAcceptable, QueueFull, UnsupportedMediaType
from service.routes.exchange import ExchangeDep, to_json
from service.routes.openapi import answers, picture_body
from service.routes.parameters import (
    Gap,
    PictureParameters,
    SheetParameters,
    Size,
)
from service.routes.rendering import check_images, render, with_pictures
from service.routes.shapes import ReconstructionList
from service.routes.uploads import read_upload

router = APIRouter(prefix="/v1/models/{m}/reconstructions", tags=["reconstructions"])

EXAMPLE = {"data": [{"mse": 0.0071, "steps": ["inverted", "resized 200×200 to 28×28 (contain)"], "image": "iVBORw0…"}]}


class ReconstructionParameters(PictureParameters):
    """How the answer is shown."""

    size: Size = None
    gap: Gap = 2


@router.post(
    "",
    operation_id="reconstruct_images",
    summary="What a model makes of pictures",
    responses=answers(
        "json",
        "png",
        "npy",
        shape=ReconstructionList,
        example=EXAMPLE,
        errors=(ModelNotFound, NotAcceptable, UnsupportedMediaType, CapabilityNotSupported, QueueFull),
    ),
    openapi_extra=picture_body(),
    response_class=Response,
)
async def reconstruct_images(
    exchange: ExchangeDep, parameters: Annotated[ReconstructionParameters, Query()]
) -> Response:
    """png: rows of input and output · JSON: the outputs with their mean squared error · npy: the outputs."""
    extension = exchange.accepted("json", "png", "npy")
    exchange.require("reconstruct")
    upload = await read_upload(exchange, parameters)
    options = upload.options
    check_images(exchange, 2 * len(upload.images), options.size, one_picture=extension == "png")
    outputs = await exchange.engine.reconstruct(exchange.model, upload.images)
    recipe = exchange.recipe("reconstructions", size=options.size)
    if extension == "json":
        errors = np.square(outputs - upload.images).mean(axis=(1, 2, 3))
        entries = [{"mse": float(mse), "steps": steps} for mse, steps in zip(errors, upload.steps, strict=True)]
        recipes = [recipe] * len(entries)
        content = to_json({"data": await with_pictures(exchange, entries, recipes, outputs, options.size)})
    else:
        shown = _pairs(upload.images, outputs) if extension == "png" else outputs
        layout = SheetParameters(size=options.size, columns=2, gap=options.gap)
        content = await render(exchange, shown, extension, layout, recipe)
    return exchange.answer(content, extension, "reconstructions")


def _pairs(inputs: Floats, outputs: Floats) -> Floats:
    """Input, output, input, output …, (2N, C, H, W)."""
    return np.stack([inputs, outputs], axis=1).reshape(-1, *inputs.shape[1:])
