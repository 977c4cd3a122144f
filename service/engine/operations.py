"""What can be asked of a network: a small table of named functions whose inputs and outputs are batches.

Sampling, interpolation, reconstruction and scoring are made of these by the engine.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from models_store import Autoencoder, LatentModel
from models_store.posteriors import DiagonalNormal


@dataclass(frozen=True)
class Operation:
    """`inputs` are the shapes of one row of each argument, without the batch dimension."""

    forward: Callable[..., Tensor]
    inputs: tuple[tuple[int, ...], ...]


def operations_of(network: LatentModel) -> dict[str, Operation]:
    """Everything this network can do; what it cannot do is not in the table."""
    latents = (network.latent_dim,)
    table = {"decode": Operation(network.decode, (latents,))}
    if isinstance(network, Autoencoder):
        table |= _inference_operations(network, latents, network.image_shape)
    return table


def _inference_operations(
    network: Autoencoder, latents: tuple[int, ...], images: tuple[int, ...]
) -> dict[str, Operation]:
    """encode: images -> statistics · center: statistics -> latents · draw: statistics, noise -> latents ·
    log_weights: data, statistics, noise -> (3,) nats · divergence: statistics -> KL of each dimension in nats.
    """

    def center(statistics: Tensor) -> Tensor:
        return network.posterior(statistics).center

    def draw(statistics: Tensor, noise: Tensor) -> Tensor:
        return network.posterior(statistics).draw(noise)[0]

    def divergence(statistics: Tensor) -> Tensor:
        posterior = network.posterior(statistics)
        assert isinstance(posterior, DiagonalNormal)  # noqa: S101  # the table offers it for no other
        return posterior.divergence

    example = network.encode(torch.zeros(1, *images, device=_device(network)))
    statistics = tuple(example.shape[1:])
    table = {
        "encode": Operation(network.encode, (images,)),
        "center": Operation(center, (statistics,)),
        "draw": Operation(draw, (statistics, latents)),
        "log_weights": Operation(network.log_weights, (images, statistics, latents)),
    }
    if isinstance(network.posterior(example), DiagonalNormal):
        table["divergence"] = Operation(divergence, (statistics,))
    return table


def _device(network: LatentModel) -> torch.device:
    return next(network.parameters()).device
