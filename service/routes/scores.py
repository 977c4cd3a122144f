"""Scores: the ELBO in its parts, and the importance-weighted bound on log p(x)."""

import dataclasses
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

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
from service.routes.exchange import ExchangeDep, to_json
from service.routes.openapi import answers, picture_body
from service.routes.parameters import (
    PictureParameters,
    Seed,
)
from service.routes.uploads import read_upload

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


@router.post(
    "",
    operation_id="score_images",
    summary="Score pictures",
    responses=answers(
        "json",
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
    """
    extension = exchange.accepted("json")
    exchange.require("score")
    upload = await read_upload(exchange, parameters)
    given = upload.options
    options = ScoreOptions(
        seed=given.seed, mc=given.mc, k=given.k, binarize=given.binarize, per_dimension=given.per_dimension
    )
    exchange.limits.check_cost(rows=len(upload.images) * (2 + options.draws))
    scores, how = await exchange.engine.score(exchange.model, upload.images, options)
    data = [{**dataclasses.asdict(score), "steps": steps} for score, steps in zip(scores, upload.steps, strict=True)]
    head = {"units": "nats", "domain": exchange.model.domain, "brought_into_domain": how, "seed": options.seed}
    return exchange.answer(to_json({**head, "data": data}), extension, "scores")
