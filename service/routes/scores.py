"""Scores: the ELBO in its parts, and the importance-weighted bound on log p(x)."""

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from service.body import JSON, media_type, parse_large_json, read_body
from service.engine.scoring import ScoreOptions
from service.errors import (
    CapabilityNotSupported,
    ModelNotFound,
    NotAcceptable,
    QueueFull,
    RequestTooCostly,
    UnsupportedMediaType,
)
from service.limits import LIMITS
from service.routes.exchange import Exchange, ExchangeDep, list_to_json, to_json
from service.routes.openapi import answers, picture_body
from service.routes.parameters import Parameters, PictureParameters, Rows, Seed
from service.routes.points import points_of
from service.routes.shapes import PictureScoreList, PointDensityList
from service.routes.uploads import Upload, read_upload, upload_of

router = APIRouter(prefix="/v1/models/{m}/scores", tags=["scores"])

MEAN = {"value": -231.4, "standard_error": 0.6, "draws": 16}
EXAMPLE = {
    "units": "nats",
    "domain": "binarized",
    "brought_into_domain": "binarized: a pixel is the probability of a 1; Philox stream 2 of seed 0",
    "seed": 0,
    "data": [
        {
            "elbo": MEAN,
            "reconstruction": {**MEAN, "value": -212.0},
            "kl": {**MEAN, "value": 19.4},
            "importance_weighted": {**MEAN, "value": -228.9, "effective_sample_size": 2.7},
            "bits_per_dim": {"elbo": 0.426, "importance_weighted": 0.421},
            "percentile": 37.2,
            "kl_per_dimension": None,
            "steps": [],
        }
    ],
}


class ScoreParameters(PictureParameters):
    """How many draws, and from which noise."""

    seed: Seed = 0
    mc: Annotated[
        int, Field(ge=1, le=LIMITS.score_draws, description="draws for the ELBO and its parts; 16 by default")
    ] = 16
    k: Annotated[
        int, Field(ge=1, le=LIMITS.importance_draws, description="draws K of the importance-weighted bound")
    ] = 16
    binarize: Annotated[
        Literal["sample", "threshold"],
        Field(description="for a model of bits: draw them with the pixels as probabilities, or compare with 0.5"),
    ] = "sample"
    per_dimension: Annotated[
        bool, Field(description="the KL of each latent dimension in closed form; null where there is none")
    ] = False


class PointsRequest(Parameters):
    """Points of the latent space, whose density under the model's prior is asked for."""

    latents: Annotated[Rows, Field(min_length=1, max_length=LIMITS.seeds, description="(n, latent_dim)")]


@router.post(
    "",
    operation_id="score_images",
    summary="Score pictures, or points of the latent space",
    responses=answers(
        "json",
        shape=PictureScoreList | PointDensityList,
        example=EXAMPLE,
        errors=(
            ModelNotFound,
            NotAcceptable,
            UnsupportedMediaType,
            CapabilityNotSupported,
            RequestTooCostly,
            QueueFull,
        ),
    ),
    openapi_extra=picture_body(),
    response_class=Response,
)
async def score_images(exchange: ExchangeDep, parameters: Annotated[ScoreParameters, Query()]) -> Response:
    """Sums over pixels and latent dimensions, in nats, an image each; elbo = reconstruction - kl.

    One set of max(mc, k) draws serves both estimates: the first mc the ELBO, the first k the bound. The same seed gives
    the same score. `percentile` is the share of the test set with a lower ELBO, where the model's card knows it.
    A JSON body {"latents": [[...], ...]} asks for log p(z) of points instead, which every model can answer.
    """
    extension = exchange.accepted("json")
    if media_type(exchange.request) == JSON:
        limits = exchange.limits
        content = await read_body(exchange.request, limit=limits.upload_bytes, limits=limits)
        values = await parse_large_json(content, limits)
        if "latents" in values:
            return exchange.answer(await _densities(exchange, values), extension, "scores")
        exchange.require("score")
        upload = await upload_of(exchange, values, parameters)
    else:
        exchange.require("score")
        upload = await read_upload(exchange, parameters)
    return exchange.answer(await _scores(exchange, upload), extension, "scores")


async def _scores(exchange: Exchange, upload: Upload[ScoreParameters]) -> bytes:
    given = upload.options
    options = ScoreOptions(
        seed=given.seed, mc=given.mc, k=given.k, binarize=given.binarize, per_dimension=given.per_dimension
    )
    exchange.limits.check_cost(rows=len(upload.images) * (2 + options.draws))
    scores, how = await exchange.engine.score(exchange.model, upload.images, options)
    # Of many pictures and many dimensions these are a million numbers.
    dictionaries = await asyncio.to_thread(lambda: [dataclasses.asdict(score) for score in scores])
    data = [{**score, "steps": steps} for score, steps in zip(dictionaries, upload.steps, strict=True)]
    head = {"units": "nats", "domain": exchange.model.domain, "brought_into_domain": how, "seed": options.seed}
    return await list_to_json(data, head)


async def _densities(exchange: Exchange, values: Mapping[str, Any]) -> bytes:
    """The log-density of each point under the model's prior, which for most models is N(0, I)."""
    body = PointsRequest.model_validate(dict(values), strict=True)
    latents = points_of(body.latents, exchange.model.latent_dim, exchange.limits)
    log_prior = await exchange.engine.log_prior(exchange.model, latents)
    return to_json({"units": "nats", "data": [{"log_prior": value} for value in log_prior]})
