"""A convolutional variational autoencoder (Kingma & Welling 2014), its prior normal or a RealNVP."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from models_store.base import Autoencoder
from models_store.bounds import require_whole_numbers
from models_store.flow import RealNVP
from models_store.likelihoods import LIKELIHOODS, Likelihood
from models_store.posteriors import DiagonalNormal, FlowNormal, Posterior
from models_store.pyramid import decoder, encoder, require_halvings

MOST_COUPLINGS = 128
MOST_BLOCKS = 16


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """`widths` are the channels after each halving of the image; `couplings` and `flow_hidden` shape the RealNVP.

    The decoder has `blocks` residual blocks a level, and makes its last doubling as `doubling` says.
    """

    image_size: int = 28
    channels: int = 1
    latent_dim: int = 40
    widths: tuple[int, ...] = (32, 64)
    hidden: int = 256
    blocks: int = 1
    doubling: Literal["transposed", "shuffled"] = "transposed"
    likelihood: Literal["bernoulli", "logistic", "categorical"] = "bernoulli"
    prior: Literal["normal", "realnvp"] = "realnvp"
    couplings: int = 8
    flow_hidden: int = 128

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        require_halvings(self.image_size, self.widths)
        if self.couplings > MOST_COUPLINGS:
            raise ValueError(f"couplings {self.couplings}: at most {MOST_COUPLINGS}")
        if self.blocks > MOST_BLOCKS:
            raise ValueError(f"blocks {self.blocks}: at most {MOST_BLOCKS}")
        if self.likelihood not in LIKELIHOODS:
            raise ValueError(f"likelihood {self.likelihood!r} is none of {', '.join(LIKELIHOODS)}")
        if self.doubling not in ("transposed", "shuffled"):
            raise ValueError(f"doubling {self.doubling!r} is neither 'transposed' nor 'shuffled'")
        if self.prior not in ("normal", "realnvp"):
            raise ValueError(f"prior {self.prior!r} is neither 'normal' nor 'realnvp'")


def networks_of(config: VAEConfig, *, inputs: int, outputs: int) -> tuple[nn.Sequential, nn.Sequential, RealNVP | None]:
    """The encoder, pictures -> (B, outputs); the decoder, (B, inputs) -> what fixes p(x|z); the flow of the prior."""
    read = encoder(config.channels, config.image_size, config.widths, hidden=config.hidden, outputs=outputs)
    made = decoder(
        inputs,
        LIKELIHOODS[config.likelihood].maps * config.channels,
        config.image_size,
        config.widths,
        hidden=config.hidden,
        blocks=config.blocks,
        shuffled=config.doubling == "shuffled",
    )
    if config.prior == "normal":
        return read, made, None
    return read, made, RealNVP(config.latent_dim, couplings=config.couplings, hidden=config.flow_hidden)


class VAE(Autoencoder):
    """With the RealNVP prior the decoder reads flow(z) and the posterior is normal there; z itself stays N(0, I)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.latent_dim
        self.image_shape = (config.channels, config.image_size, config.image_size)
        self.likelihood_family = LIKELIHOODS[config.likelihood]
        self.domain = self.likelihood_family.domain
        self.encoder, self.decoder, self.flow = networks_of(
            config, inputs=config.latent_dim, outputs=2 * config.latent_dim
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
