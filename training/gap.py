"""How far the ELBO of a finished network lies below log p(x), as far as stronger estimates can tell."""

import math
from typing import Any

import torch
from torch import Tensor

from models_store.base import Autoencoder
from models_store.estimators import WeightAccumulator
from models_store.likelihoods import Bernoulli, binarize, to_domain
from training.annealing import Schedule, Start, annealed, matched_normal, sandwiched
from training.data import Split
from training.weights import drawn_log_weights

Table = dict[str, Any]


def gap_table(
    network: Autoencoder,
    test: Split,
    *,
    images: int,
    draws: int,
    seed: int,
    temperatures: int = 50,
    chains: int = 4,
) -> Table:
    """Three lower bounds on log p(x) of some of the test images: ELBO, IWAE-K and annealed importance sampling (AIS).

    AIS starts from q(z|x), or from a normal with its moments where a draw from q does not give back its noise. All
    three see the same bits; differences are paired, image by image, so that their errors are far smaller than those of
    the bounds. On as many images of the model's own, where exact draws of p(z|x) exist, AIS is held between both bounds
    of bidirectional Monte Carlo: `simulated` says how far the walk can be from the truth. It is left out for
    likelihoods from which no exact image can be drawn here.

    Values are nats an image; raises ValueError unless there are 2 images or more, and so many in the test set.
    """
    if not 2 <= images <= len(test):
        raise ValueError(f"{images} images: want 2 to {len(test)}, the number of test images")
    device = test.images.device
    noise = torch.Generator(device).manual_seed(seed)
    pixels = test.shuffled().take(torch.arange(images, device=device)).pixels()
    data = to_domain(pixels, network.domain, torch.rand(pixels.shape, generator=noise, device=device))
    schedule = Schedule(temperatures=temperatures, chains=chains)
    elbo, importance = _by_draws(network, data, draws, noise)
    walk = annealed(network, data, schedule, noise, start=_start(network, data, noise))
    value = walk.bound.value.cpu()
    table: Table = {
        "elbo": _mean(elbo),
        f"importance_weighted_{draws}": _mean(importance),
        "annealed": _mean(value)
        | {
            "standard_error_of_the_walks": float(walk.bound.standard_error.square().mean().sqrt()) / math.sqrt(images),
            "mean_effective_chains": float(walk.bound.effective_sample_size.mean()),
            "acceptance": round(float(walk.acceptance.mean()), 3),
        },
        "annealed_less_elbo": _mean(value - elbo),
        f"importance_weighted_{draws}_less_elbo": _mean(importance - elbo),
        f"annealed_less_importance_weighted_{draws}": _mean(value - importance),
        "protocol": (
            f"{images} test images, shuffled once, {network.domain}, {draws} draws from q(z|x); "
            f"{temperatures} temperatures, {chains} chains, {schedule.leaps} leapfrog steps, from q(z|x); seed {seed}"
        ),
    }
    simulated = _simulated(network, images, schedule, noise)
    return table if simulated is None else table | {"simulated": simulated}


@torch.no_grad()
def _by_draws(network: Autoencoder, data: Tensor, draws: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """ELBO and importance-weighted bound of each image from the same draws, (B,) both, in float64."""
    statistics = network.encode(data)
    weights = WeightAccumulator(len(data))
    total = torch.zeros(len(data), dtype=torch.float64)
    for _ in range(draws):
        log_weight = drawn_log_weights(network, data, statistics, noise)
        weights.add(log_weight[None])
        total += log_weight
    return total / draws, weights.bound().value


@torch.no_grad()
def _start(network: Autoencoder, data: Tensor, noise: torch.Generator) -> Start:
    posterior = network.posterior(network.encode(data))
    return posterior if isinstance(posterior, Start) else matched_normal(network, data, noise)


def _simulated(network: Autoencoder, images: int, schedule: Schedule, noise: torch.Generator) -> Table | None:
    """Both bounds on images that the network drew itself."""
    device = noise.device
    latents = torch.randn((images, network.latent_dim), generator=noise, device=device)
    with torch.no_grad():
        likelihood = network.likelihood(latents)
        if not isinstance(likelihood, Bernoulli):
            return None
        mean = likelihood.mean
        data = binarize(mean, torch.rand(mean.shape, generator=noise, device=device))
    found = sandwiched(network, latents, data, schedule, noise, start=_start(network, data, noise))
    lower, upper = found.lower.value.cpu(), found.upper.value.cpu()
    return {"lower": _mean(lower), "upper": _mean(upper), "upper_less_lower": _mean(upper - lower)}


def _mean(values: Tensor) -> Table:
    return {
        "value": float(values.mean()),
        "standard_error": float(values.std()) / math.sqrt(len(values)),
        "unit": "nats",
    }
