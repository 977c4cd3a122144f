"""What can be asked of a network: a small table of named functions whose inputs and outputs are batches.

Sampling, interpolation, reconstruction and scoring are made of these by the engine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from models_store.base import Autoencoder, LatentModel, StagedModel
from models_store.latents import Stream, normals
from models_store.posteriors import DiagonalNormal

CHUNK = 64
"""Examples are encoded so many at a time."""


@dataclass(frozen=True)
class Operation:
    """A function of batches, and batches to try it on."""

    forward: Callable[..., Tensor]
    examples: Callable[[int], tuple[Tensor, ...]]
    """So many typical rows of each argument, on the network's device, always the same ones."""
    largest: int = 1024
    """Rows of the largest batch that is worth while."""
    pictures: bool = False
    """Whether its results are pictures, pixels in [0, 1], and wanted as levels most of the time."""


def operations_of(network: LatentModel) -> dict[str, Operation]:
    """Everything this network can do; what it cannot do is not in the table.

    decode: latents -> images · log_prior: latents -> nats · stages: latents -> the images on the way.
    """

    def latents(count: int) -> tuple[Tensor, ...]:
        return (_normals(network, count, network.latent_dim),)

    table = {
        "decode": Operation(network.decode, latents, pictures=True),
        "log_prior": Operation(network.log_prior, latents),
    }
    if isinstance(network, StagedModel):
        table["stages"] = Operation(network.stages, latents)
    if isinstance(network, Autoencoder):
        table |= _inference_operations(network)
    return table


def _inference_operations(network: Autoencoder) -> dict[str, Operation]:
    """encode: images -> statistics · center: statistics -> latents · draw: statistics, noise -> latents ·
    log_weights: data, statistics, noise -> (3,) nats.
    """

    def center(statistics: Tensor) -> Tensor:
        return network.posterior(statistics).center

    def draw(statistics: Tensor, noise: Tensor) -> Tensor:
        return network.posterior(statistics).draw(noise)[0]

    def images(count: int) -> tuple[Tensor, ...]:
        return (_bits(network, count),)

    def statistics(count: int) -> tuple[Tensor, ...]:
        return (torch.cat([network.encode(part) for part in _bits(network, count).split(CHUNK)]),)

    def statistics_and_noise(count: int) -> tuple[Tensor, ...]:
        return (*statistics(count), _normals(network, count, network.latent_dim))

    def weights(count: int) -> tuple[Tensor, ...]:
        return (*images(count), *statistics_and_noise(count))

    table = {
        "encode": Operation(network.encode, images),
        "center": Operation(center, statistics, network.center_rows),
        "draw": Operation(draw, statistics_and_noise),
        "log_weights": Operation(network.log_weights, weights),
    }
    return table | _normal_operations(network, statistics)


def _normal_operations(network: Autoencoder, statistics: Callable[[int], tuple[Tensor, ...]]) -> dict[str, Operation]:
    """scale: statistics -> standard deviation of each latent · divergence: statistics -> KL of each in nats.

    Only of diagonal normals. The KL in closed form is that to N(0, I), and says nothing of a prior that was learned.
    """
    if not isinstance(network.posterior(*statistics(1)), DiagonalNormal):
        return {}

    def normal(statistics: Tensor) -> DiagonalNormal:
        return cast("DiagonalNormal", network.posterior(statistics))

    table = {"scale": Operation(lambda statistics: normal(statistics).log_scale.exp(), statistics)}
    if type(network).log_prior is LatentModel.log_prior:
        table["divergence"] = Operation(lambda statistics: normal(statistics).divergence, statistics)
    return table


def _bits(network: LatentModel, count: int) -> Tensor:
    """Random pictures (count, C, H, W) of zeros and ones, which lie in the domain of every likelihood."""
    noise = normals(1, range(count), math.prod(network.image_shape), stream=Stream.POSTERIOR)
    return torch.from_numpy(noise > 0).float().reshape(count, *network.image_shape).to(_device(network))


def _normals(network: LatentModel, count: int, dim: int) -> Tensor:
    return torch.from_numpy(normals(0, range(count), dim)).to(_device(network))


def _device(network: LatentModel) -> torch.device:
    return next(network.parameters()).device
