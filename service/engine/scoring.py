"""From importance weights to scores with their errors: pure functions, everything in nats unless it says bits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from models_store.estimators import (
    Estimate,
    bits_per_dimension,
    elbo_monte_carlo,
    importance_weighted,
    monte_carlo_mean,
)
from models_store.latents import Floats, Stream, uniforms
from models_store.likelihoods import Domain, to_domain
from service.engine.catalog import ServedModel

QUANTILES = 101


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """How many draws, from which noise, and how a picture is brought into the likelihood's domain."""

    seed: int = 0
    mc: int = 16
    k: int = 16
    binarize: Literal["sample", "threshold"] = "sample"
    per_dimension: bool = False

    @property
    def draws(self) -> int:
        """One set of draws serves both estimates."""
        return max(self.mc, self.k)


@dataclass(frozen=True)
class Mean:
    """A Monte-Carlo mean in nats; no error can be had from a single draw."""

    value: float
    standard_error: float | None
    draws: int


@dataclass(frozen=True)
class Bound:
    """The importance-weighted bound on log p(x) in nats; `effective_sample_size` lies between 1 and `draws`."""

    value: float
    standard_error: float | None
    draws: int
    effective_sample_size: float


@dataclass(frozen=True)
class Score:
    """The score of one picture; elbo = reconstruction - kl."""

    elbo: Mean
    reconstruction: Mean
    kl: Mean
    importance_weighted: Bound
    bits_per_dim: dict[str, float]
    percentile: float | None
    """Share of the test set, in percent, with a lower ELBO; None if the card has no quantiles."""
    kl_per_dimension: list[float] | None
    """In closed form, (latent_dim,); None unless asked for and the posterior is a diagonal normal."""


def data_of(images: Floats, domain: Domain, options: ScoreOptions) -> tuple[Floats, str]:
    """Pixels (N, C, H, W) in [0, 1] -> data of the domain, and how. A picture's bits do not depend on the others."""
    if domain == "binarized" and options.binarize == "threshold":
        return (images > 0.5).astype(np.float32), "binarized: 1 where the pixel is above 0.5"
    shape = images.shape[1:]
    noise = uniforms(options.seed, [0], int(np.prod(shape)), stream=Stream.BINARIZATION).reshape(shape)
    data = to_domain(torch.from_numpy(images), domain, torch.from_numpy(noise))
    return data.numpy(), HOW[domain].format(seed=options.seed)


HOW: dict[Domain, str] = {
    "binarized": "binarized: a pixel is the probability of a 1; Philox stream 2 of seed {seed}",
    "8-bit": "8-bit: rounded to the levels 0/255 … 255/255",
}


def summarize(terms: Floats, model: ServedModel, options: ScoreOptions, divergence: Floats | None) -> Score:
    """The terms (draws, 3) of one picture's weights, in the order of `Autoencoder.log_weights`, -> its score.

    One picture at a time: a sum over several at once would round a picture's last digits by its neighbours.
    """
    columns = torch.from_numpy(np.ascontiguousarray(terms.T, dtype=np.float64))[:, :, None]
    log_likelihood, log_prior, log_posterior = columns
    first = slice(options.mc)
    elbo = elbo_monte_carlo(log_likelihood[first], log_prior[first], log_posterior[first])
    bound = importance_weighted((log_likelihood + log_prior - log_posterior)[: options.k])
    dimensions = int(np.prod(model.image_shape))
    return Score(
        elbo=_mean(elbo, options.mc),
        reconstruction=_mean(monte_carlo_mean(log_likelihood[first]), options.mc),
        kl=_mean(monte_carlo_mean((log_posterior - log_prior)[first]), options.mc),
        importance_weighted=Bound(
            value=float(bound.value),
            standard_error=_known(bound.standard_error),
            draws=bound.draws,
            effective_sample_size=float(bound.effective_sample_size),
        ),
        bits_per_dim={
            "elbo": float(bits_per_dimension(elbo.value, dimensions)),
            "importance_weighted": float(bits_per_dimension(bound.value, dimensions)),
        },
        percentile=percentile(float(elbo.value), model.card.metrics),
        kl_per_dimension=None if divergence is None else divergence.tolist(),
    )


def percentile(elbo: float, metrics: Mapping[str, Any]) -> float | None:
    """Where an ELBO lies among those of the test set, by the card's 101 ascending quantiles."""
    protocol = metrics.get("elbo")
    quantiles = protocol.get("quantiles") if isinstance(protocol, Mapping) else None
    if not isinstance(quantiles, list) or len(quantiles) != QUANTILES:
        return None
    if not all(isinstance(quantile, int | float) for quantile in quantiles):
        return None
    return float(np.interp(elbo, quantiles, np.arange(QUANTILES)))


def _mean(estimate: Estimate, draws: int) -> Mean:
    return Mean(float(estimate.value), _known(estimate.standard_error), draws)


def _known(error: Tensor) -> float | None:
    return None if error.isnan() else float(error)
