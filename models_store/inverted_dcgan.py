"""A DCGAN that finds latents for pictures: an encoder guesses them, and a short descent brings the guess nearer.

A GAN has neither encoder nor likelihood. The encoder is learned around the generator, which stays as it is. The
likelihood is noise put around G(z), as Wu et al. 2017 do to measure GANs ("On the quantitative analysis of
decoder-based generative models"). So an ELBO here is one of "what the generator draws, plus that noise": it tells how
far a picture is from what the generator can draw, and is no density that the game of the GAN has learned.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models_store.base import Autoencoder
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.folding import gain_of
from models_store.likelihoods import DiscretizedLogistic, Likelihood
from models_store.posteriors import DiagonalNormal, Posterior
from models_store.pyramid import encoder, require_halvings
from models_store.quasi_newton import minimize

MOST_EVALUATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class InvertedDCGANConfig(DCGANConfig):
    """That of the DCGAN below; `encoder_widths` are the encoder's channels after each halving of the picture.

    `evaluations` is how often the generator is asked on the way from the guess to the latents.
    """

    encoder_widths: tuple[int, ...] = (32, 64)
    encoder_hidden: int = 512
    evaluations: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        require_halvings(self.image_size, self.encoder_widths)
        if self.evaluations > MOST_EVALUATIONS:
            raise ValueError(f"evaluations {self.evaluations}: at most {MOST_EVALUATIONS}")


@dataclass(frozen=True)
class GuessedNormal(DiagonalNormal):
    """The normal that was guessed; what stands for a picture is `refined` from its mean."""

    refined: Callable[[Tensor], Tensor]

    @property
    def center(self) -> Tensor:
        return self.refined(self.mean)


class InvertedDCGAN(DCGAN, Autoencoder):
    """Its pictures are those of the DCGAN, bit for bit: `decode` is G(z), not the mean of the noise around it."""

    config: InvertedDCGANConfig
    domain = DiscretizedLogistic.domain
    center_rows = 16

    def __init__(self, config: InvertedDCGANConfig) -> None:
        super().__init__(config)
        self.encoder = encoder(
            config.channels,
            config.image_size,
            config.encoder_widths,
            hidden=config.encoder_hidden,
            outputs=2 * self.latent_dim,
        )
        self.log_scale = nn.Parameter(torch.tensor(-3.0))
        self.coordinates: Tensor
        self.register_buffer("coordinates", torch.zeros(self.latent_dim, self.latent_dim).fill_diagonal_(1.0))

    def encode(self, images: Tensor) -> Tensor:
        """The guess, mean and log scale of z, and the picture itself, which the descent has to meet."""
        return torch.cat([self.encoder(2.0 * images - 1.0), images.flatten(1)], dim=1)

    def posterior(self, statistics: Tensor) -> Posterior:
        mean, log_scale, pixels = statistics.split([self.latent_dim, self.latent_dim, math.prod(self.image_shape)], 1)
        images = pixels.unflatten(1, self.image_shape)
        return GuessedNormal(mean, log_scale.clamp(-7.0, 2.0), lambda guess: self.refined(guess, images))

    def likelihood(self, latents: Tensor) -> Likelihood:
        drawn = self.decode(latents)
        return DiscretizedLogistic(drawn, self._noise.expand_as(drawn))

    @property
    def _noise(self) -> Tensor:
        """The log scale of the noise, bounded: a density of no width, or of any, is of no use."""
        return self.log_scale.clamp(-8.0, 2.0)

    def refined(self, latents: Tensor, images: Tensor) -> Tensor:
        """Latents (B, latent_dim) that are nearer to images (B, C, H, W) in [0, 1], each row by itself.

        The descent goes down ‖G(z) - x‖² + v‖z‖², v the variance of the noise, in the `coordinates` in which all
        directions change a picture alike. No row ends higher than it began.
        """

        def misfit(moves: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = self.misfit(latents + moves @ self.coordinates, images)
            return value, gradient @ self.coordinates  # which are symmetric

        moves = minimize(misfit, torch.zeros_like(latents), evaluations=self.config.evaluations)
        return latents + moves @ self.coordinates

    def misfit(self, latents: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """‖G(z) - x‖² + v‖z‖², (B,), and its gradient, (B, latent_dim), for the service runs networks without autograd.

        Were the noise normal, it would be -2v log p(z|x) but for a constant.
        """
        first, *convolutions = (each for each in self.layers.modules() if isinstance(each, nn.ConvTranspose2d))
        norms = [each for each in self.layers.modules() if isinstance(each, nn.BatchNorm2d)]
        made, features = first(self._chosen(latents)[:, :, None, None]), []
        for norm, convolution in zip(norms, convolutions, strict=True):
            features.append(functional.relu(norm(made)))
            made = convolution(features[-1])
        drawn = torch.tanh(made)
        error = (drawn + 1.0) / 2.0 - images
        slope = error * (1.0 - drawn.square())
        for norm, convolution, output in zip(reversed(norms), reversed(convolutions), reversed(features), strict=True):
            slope = _pulled_back(slope, convolution) * (output > 0) * gain_of(norm)[:, None, None]
        slope = _pulled_back(slope, first).flatten(1)
        if self.classes:
            # Which latent of a class is the largest has no slope.
            slope = functional.pad(slope[:, : -self.classes], (0, self.classes))
        variance = (2.0 * self._noise).exp() * (math.pi**2 / 3.0)
        value = error.square().flatten(1).sum(1) + variance * latents.square().sum(1)
        return value, slope + 2.0 * variance * latents


def _pulled_back(slope: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """The slope with respect to a layer's output -> that with respect to its input."""
    stride, padding = (tuple(map(int, each)) for each in (layer.stride, layer.padding))
    return functional.conv2d(slope, layer.weight, stride=stride, padding=padding)
