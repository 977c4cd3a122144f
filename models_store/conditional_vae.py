"""A VAE that can be asked for a class (Kingma et al. 2014, M2): p(x) = Σ_y p(y) ∫ p(x|y, v) p(v) dv.

The public z is v and a latent for each class, of which the largest is y. The encoder takes the likeliest class for
certain, so the ELBO pays log(classes) for having guessed it, and covers pictures without a label.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models_store.base import Autoencoder
from models_store.choice import choose, read_choice
from models_store.likelihoods import LIKELIHOODS, Likelihood
from models_store.posteriors import LOG_2_PI, DiagonalNormal, FlowNormal, Posterior
from models_store.vae import VAEConfig, networks_of


@dataclass(frozen=True, kw_only=True)
class ConditionalVAEConfig(VAEConfig):
    """`latent_dim` is that of v; `classes` more latents choose the class."""

    classes: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes < 2:
            raise ValueError(f"classes {self.classes}: one alone is no choice")


@dataclass(frozen=True)
class ClassPosterior(Posterior):
    """q(z|x): v as the posterior of a VAE has it, and the latents of the classes as the prior has them, given y."""

    style: Posterior
    """Of v, (B, D - classes)."""
    labels: Tensor
    """(B,)."""
    classes: int

    @property
    def center(self) -> Tensor:
        """The center of v, and 1 for the class among zeros, (B, D)."""
        center = self.style.center
        return torch.cat([center, functional.one_hot(self.labels, self.classes).to(center.dtype)], dim=1)

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        free, choice = noise.split([noise.shape[1] - self.classes, self.classes], dim=1)
        style, log_density = self.style.draw(free)
        chosen = choose(choice, self.labels)
        # A part of the normal that has 1/classes of its mass, and so as many times its density.
        log_choice = -0.5 * (chosen.square() + LOG_2_PI).sum(1) + math.log(self.classes)
        return torch.cat([style, chosen], dim=1), log_density + log_choice


class ConditionalVAE(Autoencoder):
    """The networks of a VAE; the decoder reads the class beside v, the encoder guesses it beside q(v|x)."""

    def __init__(self, config: ConditionalVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.classes = config.classes
        self.latent_dim = config.latent_dim + config.classes
        self.image_shape = (config.channels, config.image_size, config.image_size)
        self.likelihood_family = LIKELIHOODS[config.likelihood]
        self.domain = self.likelihood_family.domain
        self.encoder, self.decoder, self.flow = networks_of(
            config, inputs=self.latent_dim, outputs=2 * config.latent_dim + config.classes
        )

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(2.0 * images - 1.0)

    def posterior(self, statistics: Tensor) -> ClassPosterior:
        return self.posterior_given(statistics, self.class_logits(statistics).argmax(1))

    def posterior_given(self, statistics: Tensor, labels: Tensor) -> ClassPosterior:
        """Of pictures whose labels (B,) are known."""
        mean, log_scale, _ = statistics.split([self.config.latent_dim] * 2 + [self.classes], dim=1)
        normal = DiagonalNormal(mean, log_scale.clamp(-7.0, 2.0))
        style = normal if self.flow is None else FlowNormal(normal, self.flow)
        return ClassPosterior(style, labels, self.classes)

    def class_logits(self, statistics: Tensor) -> Tensor:
        """What `encode` gave -> the logits of the class, (B, classes)."""
        return statistics[:, 2 * self.config.latent_dim :]

    def likelihood(self, latents: Tensor) -> Likelihood:
        free, choice = read_choice(latents, self.classes)
        hidden = free if self.flow is None else self.flow(free)
        return self.likelihood_family.of(self.decoder(torch.cat([hidden, choice], dim=1)))
