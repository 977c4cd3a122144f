"""Importance weights of a finished network, one draw an image at a time."""

import torch
from torch import Tensor

from models_store.base import Autoencoder

FORWARD = 125
"""Images that go through a network together, which is as many as a CPU's cache can take."""


@torch.no_grad()
def drawn_log_weights(network: Autoencoder, data: Tensor, statistics: Tensor, noise: torch.Generator) -> Tensor:
    """The log of p(x|z) p(z) / q(z|x) in nats for one fresh z ~ q(z|x) an image, (B,) in float64 on the CPU.

    `data` (B, C, H, W) lies in the likelihood's domain, `statistics` are what the network's `encode` gave for it.
    """
    draws = torch.randn((len(data), network.latent_dim), generator=noise, device=data.device)
    parts = zip(*(each.split(FORWARD) for each in (data, statistics, draws)), strict=True)
    terms = torch.cat([network.log_weights(*part) for part in parts]).double().cpu()
    return terms[:, 0] + terms[:, 1] - terms[:, 2]
