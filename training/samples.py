"""Samples of a model, by which it is judged."""

import torch
from torch import Tensor

from models_store.base import LatentModel
from training.data import Split
from training.objective import noise_of

SAMPLES = 10_000
BATCH = 500


def samples_of(network: LatentModel, *, seed: int, device: torch.device, count: int = SAMPLES) -> Split:
    """So many of them, from z ~ N(0, I)."""
    return made_from(
        network, torch.randn((count, network.latent_dim), generator=noise_of(seed, 1, device), device=device)
    )


@torch.no_grad()
def made_from(network: LatentModel, latents: Tensor) -> Split:
    """Decoder means of latents (N, latent_dim), rounded to bytes, as every real image is."""
    parts = latents.split(BATCH)
    return Split(torch.cat([(network.decode(part) * 255).round().byte() for part in parts]), None)
