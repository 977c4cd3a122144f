"""A convolutional variational autoencoder (Kingma & Welling 2014), its prior normal or a RealNVP."""

from dataclasses import dataclass
from typing import Literal, cast

from torch import Tensor, nn

from models_store.base import Autoencoder
from models_store.bounds import require_whole_numbers
from models_store.flow import RealNVP
from models_store.likelihoods import LIKELIHOODS, Likelihood
from models_store.posteriors import DiagonalNormal, FlowNormal, Posterior

DEEPEST = 12
MOST_COUPLINGS = 128


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """`widths` are the channels after each halving of the image; `couplings` and `flow_hidden` shape the RealNVP."""

    image_size: int = 28
    channels: int = 1
    latent_dim: int = 40
    widths: tuple[int, ...] = (32, 64)
    hidden: int = 256
    likelihood: Literal["bernoulli", "logistic", "categorical"] = "bernoulli"
    prior: Literal["normal", "realnvp"] = "realnvp"
    couplings: int = 8
    flow_hidden: int = 128

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        if len(self.widths) > DEEPEST or self.couplings > MOST_COUPLINGS:
            raise ValueError(f"at most {DEEPEST} widths and {MOST_COUPLINGS} couplings")
        if self.image_size % 2 ** len(self.widths):
            raise ValueError(f"image_size {self.image_size} cannot be halved {len(self.widths)} times (widths)")
        if self.likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood {self.likelihood!r} is none of {', '.join(LIKELIHOODS)}")
        if self.prior not in ("normal", "realnvp"):
            raise ValueError(f"prior {self.prior!r} is neither 'normal' nor 'realnvp'")


class Residual(nn.Module):
    """x + f(x), f of two 3x3 convolutions; f starts at zero, so a deep stack starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast("Tensor", last.bias))
        self.branch = nn.Sequential(nn.ELU(), nn.Conv2d(width, width, 3, padding=1), nn.ELU(), last)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.branch(features)


class VAE(Autoencoder):
    """With the RealNVP prior the decoder reads flow(z) and the posterior is normal there; z itself stays N(0, I)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.latent_dim
        self.image_shape = (config.channels, config.image_size, config.image_size)
        self.likelihood_family = LIKELIHOODS[config.likelihood]
        self.encoder = _encoder(config)
        self.decoder = _decoder(config, self.likelihood_family.maps * config.channels)
        self.flow = (
            RealNVP(config.latent_dim, couplings=config.couplings, hidden=config.flow_hidden)
            if config.prior == "realnvp"
            else None
        )

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(2.0 * images - 1.0)

    def posterior(self, statistics: Tensor) -> Posterior:
        mean, log_scale = statistics.chunk(2, dim=1)
        # Bounded: an unbounded exponential is the usual NaN of a VAE.
        normal = DiagonalNormal(mean, log_scale.clamp(-7.0, 2.0))
        return normal if self.flow is None else FlowNormal(normal, self.flow)

    def likelihood(self, latents: Tensor) -> Likelihood:
        hidden = latents if self.flow is None else self.flow(latents)
        return self.likelihood_family.of(self.decoder(hidden))


def _encoder(config: VAEConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = config.channels
    for width in config.widths:
        layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), Residual(width), nn.ELU()]
        channels = width
    size = config.image_size // 2 ** len(config.widths)
    layers += [nn.Flatten(), nn.Linear(channels * size * size, config.hidden), nn.ELU()]
    return nn.Sequential(*layers, nn.Linear(config.hidden, 2 * config.latent_dim))


def _decoder(config: VAEConfig, outputs: int) -> nn.Sequential:
    size = config.image_size // 2 ** len(config.widths)
    top = config.widths[-1]
    layers: list[nn.Module] = [
        nn.Linear(config.latent_dim, config.hidden),
        nn.ELU(),
        nn.Linear(config.hidden, top * size * size),
        nn.Unflatten(1, (top, size, size)),
    ]
    targets = (*reversed(config.widths[:-1]), config.widths[0])
    for width, target in zip(reversed(config.widths), targets, strict=True):
        layers += [Residual(width), nn.ELU(), nn.ConvTranspose2d(width, target, 4, stride=2, padding=1)]
    return nn.Sequential(*layers, nn.ELU(), nn.Conv2d(config.widths[0], outputs, 3, padding=1))
