"""Estimates of log p(x) from importance weights, each with its standard error.

A weight is w = p(x|z) p(z) / q(z|x) for z ~ q(z|x). Everything is accumulated in float64: a mean of exponentials of
numbers near -230 has no digits to spare.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models_store.posteriors import DiagonalNormal


@dataclass(frozen=True)
class Estimate:
    """Values (B,) with standard errors (B,) over the Monte-Carlo draws, in nats; NaN error means one draw only."""

    value: Tensor
    standard_error: Tensor


@dataclass(frozen=True)
class ImportanceBound(Estimate):
    """The importance-weighted bound L_K (Burda et al. 2016): ELBO at K = 1, non-decreasing in K, at most log p(x)."""

    draws: int
    effective_sample_size: Tensor
    """(Σw)² / Σw², (B,), between 1 and K: how many draws really carry the estimate."""


def monte_carlo_mean(draws: Tensor) -> Estimate:
    """Draws (K, B) in nats -> their mean over K with its standard error sd / √K."""
    exact = draws.detach().double()
    error = exact.std(0) / math.sqrt(len(exact)) if len(exact) > 1 else exact[0] * math.nan
    return Estimate(exact.mean(0), error)


def elbo_monte_carlo(log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor) -> Estimate:
    """L^A of Kingma & Welling 2014, eq. 6: every term sampled. All three are (K, B)."""
    return monte_carlo_mean(log_likelihood + log_prior - log_posterior)


def elbo_analytic(log_likelihood: Tensor, posterior: DiagonalNormal) -> Estimate:
    """L^B of Kingma & Welling 2014, eq. 7: the KL in closed form. `log_likelihood` is (K, B)."""
    reconstruction = monte_carlo_mean(log_likelihood)
    divergence = posterior.divergence.double().sum(1)
    return Estimate(reconstruction.value - divergence, reconstruction.standard_error)


def importance_weighted(log_weights: Tensor) -> ImportanceBound:
    """log(1/K Σ w) within each image, from log-weights (K, B), by the delta method se = sd(w) / (√K mean(w))."""
    accumulator = WeightAccumulator(log_weights.shape[1])
    accumulator.add(log_weights)
    return accumulator.bound()


class WeightAccumulator:
    """A running log Σw and log Σw², so that K may be larger than memory."""

    def __init__(self, images: int) -> None:
        self.draws = 0
        self.log_sum = torch.full((images,), -math.inf, dtype=torch.float64)
        self.log_sum_of_squares = self.log_sum.clone()

    def add(self, log_weights: Tensor) -> None:
        """Takes K more draws, (K, B)."""
        exact = log_weights.detach().cpu().double()
        self.draws += len(exact)
        self.log_sum = torch.logaddexp(self.log_sum, exact.logsumexp(0))
        self.log_sum_of_squares = torch.logaddexp(self.log_sum_of_squares, (2 * exact).logsumexp(0))

    def bound(self) -> ImportanceBound:
        if not self.draws:
            raise ValueError("no draws were added: nothing can be said")
        count = self.draws
        # Where every weight is zero, no draw carries anything.
        effective = (2 * self.log_sum - self.log_sum_of_squares).exp().nan_to_num(0.0)
        # Relative variance of the mean weight: (K/ESS - 1) / (K - 1), sd with K - 1 in its denominator.
        relative = ((count / effective - 1).clamp(min=0) / (count - 1)) if count > 1 else effective * math.nan
        return ImportanceBound(
            value=self.log_sum - math.log(count),
            standard_error=relative.sqrt(),
            draws=count,
            effective_sample_size=effective,
        )


def bits_per_dimension(nats: Tensor, dimensions: int) -> Tensor:
    """Log-probabilities in nats -> code length in bits for each pixel and channel."""
    return -nats / (dimensions * math.log(2))
