"""The shapes of JSON answers, for the API's description: a client that is generated from it knows every field."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from models_store.likelihoods import Domain
from service.engine.scoring import Score
from service.limits import Limits

Capability = Literal["sample", "decode", "interpolate", "encode", "reconstruct", "score", "stage"]


class ImageShape(BaseModel):
    """In pixels."""

    channels: int
    height: int
    width: int


class ModelCard(BaseModel):
    """What a model is and can do."""

    name: str
    digest: str = Field(description="SHA-256 of the weights' file, in hex")
    pinned: str = Field(description="name@digest, for addresses that never change")
    kind: str
    image: ImageShape
    latent_dim: int
    capabilities: list[Capability]
    likelihood_domain: Domain | None
    summary: str
    data: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]
    labels: list[str]
    limits: Limits
    numerics: dict[str, Any]
    examples: list[str] = Field(description="addresses to try")


class ModelList(BaseModel):
    """The models that are served, and why others are not."""

    data: list[ModelCard]
    rejected: dict[str, str]


class Sample(BaseModel):
    """An image of a seed."""

    seed: int
    index: int
    url: str
    z64: str
    image: str | None = Field(None, description="a PNG in base64, where it was asked for")


class SampleList(BaseModel):
    """As many as there are seeds."""

    data: list[Sample]
    next: str | None = Field(None, description="the address of the range that follows, after a range")


class SeedLatents(BaseModel):
    """The latents of a seed; `log_prior` is log p(z) in nats."""

    latents: list[float]
    z64: str
    log_prior: float
    seed: int
    index: int
    url: str
    source: Literal["seed"]


class SeedLatentsList(BaseModel):
    """As many as there are seeds."""

    data: list[SeedLatents]


class Residual(BaseModel):
    """What decoding leaves of a picture."""

    rmse: float = Field(description="root of the mean squared error of pixels in [0, 1]")
    psnr: float | None = Field(description="peak signal-to-noise ratio in dB; null where nothing is left")


class PictureLatents(BaseModel):
    """The latents of a picture, from its recipe or from the encoder."""

    latents: list[float]
    z64: str
    log_prior: float
    scale: list[float] | None = Field(description="standard deviations, where the encoder found a diagonal normal")
    url: str
    source: Literal["recipe", "posterior"]
    exact: bool
    reason: str | None
    recipe: dict[str, Any] | None
    residual: Residual
    steps: list[str] = Field(description="what was done to the picture")
    encode: Literal["mean", "sample"]


class PictureLatentsList(BaseModel):
    """As many as there are pictures."""

    data: list[PictureLatents]


class PointImage(BaseModel):
    """The image of a point."""

    z64: str
    url: str
    image: str = Field(description="a PNG in base64")


class PointImageList(BaseModel):
    """As many as there are points."""

    data: list[PointImage]


class PathFrame(BaseModel):
    """A frame of an interpolation; `t` is the part of the whole way, 0 … 1."""

    index: int
    t: float
    z64: str
    url: str
    image: str | None = Field(None, description="a PNG in base64, where it was asked for")


class PathFrameList(BaseModel):
    """All frames, in order."""

    data: list[PathFrame]


class Reconstruction(BaseModel):
    """What a model makes of a picture."""

    mse: float = Field(description="mean squared error of pixels in [0, 1]")
    steps: list[str] = Field(description="what was done to the picture")
    image: str = Field(description="a PNG in base64")


class ReconstructionList(BaseModel):
    """As many as there are pictures."""

    data: list[Reconstruction]


@dataclass(frozen=True)
class PictureScore(Score):
    """The score of one picture in nats; elbo = reconstruction - kl."""

    steps: list[str]


class PictureScoreList(BaseModel):
    """Scores of pictures, and how these were brought into the domain of the likelihood."""

    units: Literal["nats"]
    domain: Domain
    brought_into_domain: str
    seed: int
    data: list[PictureScore]


class PointDensity(BaseModel):
    """log p(z) under the model's prior, in nats."""

    log_prior: float


class PointDensityList(BaseModel):
    """As many as there are points."""

    units: Literal["nats"]
    data: list[PointDensity]


class PlanePoint(BaseModel):
    """An image on the seed plane; with a seed where it is one, and else a blend."""

    column: int
    row: int
    x: float
    y: float
    z64: str
    url: str
    seed: int | None = None
    index: int | None = None


class PlaneTile(BaseModel):
    """A tile: `columns` images along a side, `cell` pixels each, over `span` cells of the lattice."""

    columns: int
    cell: int
    span: float
    data: list[PlanePoint]


class ManifoldPoint(BaseModel):
    """An image of the grid, counted from its upper left."""

    column: int
    row: int
    z64: str
    url: str


class Manifold(BaseModel):
    """The grid over the first two dimensions."""

    quantiles: list[float]
    data: list[ManifoldPoint]


class TraversalFrame(BaseModel):
    """The image with one dimension set to `value`."""

    value: float
    z64: str
    url: str


class TraversalRow(BaseModel):
    """One dimension, and how much the picture changes with it."""

    dimension: int
    variance: float
    value: float
    frames: list[TraversalFrame]


class Traversal(BaseModel):
    """The most active dimensions first."""

    ranked_by: Literal["variance"]
    data: list[TraversalRow]
