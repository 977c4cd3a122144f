"""A VAE whose prior is an energy model: the normal one, tilted by a function of z that was learned by telling apart.

The normalizer of an energy model is an integral that nobody can do; here it is a parameter c, learned with the rest by
noise-contrastive estimation (Gutmann & Hyvärinen 2010; *Deep Learning*, 18.6). That a VAE's prior may be learned so,
against codes of the training images, is Aneja et al. 2021, "A contrastive learning approach for training VAE priors".
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models_store.vae import VAE, VAEConfig

LARGEST_TILT = 6.0
"""In nats, on both sides: no single draw can then carry a whole estimate of Z."""


@dataclass(frozen=True, kw_only=True)
class EnergyVAEConfig(VAEConfig):
    """That of the VAE below, and the width of the energy's two hidden layers."""

    energy_hidden: int = 128


class Tilt(nn.Module):
    """h(z), bounded by ±6 nats. It starts at zero, where the tilted prior is the normal one."""

    def __init__(self, latent_dim: int, hidden: int) -> None:
        super().__init__()
        last = nn.Linear(hidden, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), last, nn.Flatten(0)
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (B, D) -> h in nats, (B,)."""
        return LARGEST_TILT * torch.tanh(self.layers(latents) / LARGEST_TILT)


class EnergyVAE(VAE):
    """A VAE with log p(z) = log N(z; 0, I) + h(z) + c, its encoder, decoder and flow those of the VAE it was made from.

    The density is normalized only as far as c is: c ≈ -log E[exp h(z)] over z ~ N(0, I), and whatever is wrong with it
    is wrong with every ELBO in nats. Scores use this prior; samples do not: a seed still means z ~ N(0, I), so that
    seeds, slerp and temperature are those of every model. `training/energy.py` draws from it, too.
    """

    config: EnergyVAEConfig

    def __init__(self, config: EnergyVAEConfig) -> None:
        super().__init__(config)
        self.tilt = Tilt(config.latent_dim, config.energy_hidden)
        self.constant = nn.Parameter(torch.zeros(()))

    def log_ratio(self, latents: Tensor) -> Tensor:
        """Latents (B, D) -> log p(z) - log N(z; 0, I) = h(z) + c in nats, (B,): the logit of being a code."""
        return self.tilt(latents) + self.constant

    def log_prior(self, latents: Tensor) -> Tensor:
        """Latents (B, D) -> log N(z; 0, I) + h(z) + c in nats, (B,)."""
        return super().log_prior(latents) + self.log_ratio(latents)
