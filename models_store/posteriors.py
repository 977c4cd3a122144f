"""Families of q(z|x): how a draw is made from noise, and its log-density.

All draws are reparametrized, z = f(noise; x), so gradients pass through them (*Deep Learning*, 20.9).
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from models_store.flow import RealNVP

LOG_2_PI = math.log(2 * math.pi)


class Posterior(ABC):
    """One distribution over latents for each row of a batch."""

    @property
    @abstractmethod
    def center(self) -> Tensor:
        """The latents that stand for each row, (B, D): the image of the Gaussian's mean, or what is nearer."""

    @abstractmethod
    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Standard-normal noise (B, D) -> latents (B, D) and log q(z|x) in nats (B,)."""


@dataclass(frozen=True)
class DiagonalNormal(Posterior):
    """N(mean, diag(exp(log_scale)²)); `mean` and `log_scale` are (B, D)."""

    mean: Tensor
    log_scale: Tensor

    @property
    def center(self) -> Tensor:
        return self.mean

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        latents = self.mean + self.log_scale.exp() * noise
        log_density = -(0.5 * noise.square() + self.log_scale + 0.5 * LOG_2_PI).sum(1)
        return latents, log_density

    def draw_by_path(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """What `draw` gives, but log q depends on mean and scale through the draw alone (Roeder et al. 2017)."""
        latents = self.mean + self.log_scale.exp() * noise
        mean, log_scale = self.mean.detach(), self.log_scale.detach()
        standardized = (latents - mean) * (-log_scale).exp()
        return latents, -(0.5 * standardized.square() + log_scale + 0.5 * LOG_2_PI).sum(1)

    @property
    def divergence(self) -> Tensor:
        """KL(q(z|x) ‖ N(0, I)) of each dimension in nats, (B, D); Kingma & Welling 2014, appendix B."""
        variance = (2 * self.log_scale).exp()
        return 0.5 * (self.mean.square() + variance - 1) - self.log_scale


@dataclass(frozen=True)
class FlowNormal(Posterior):
    """A diagonal normal pulled back through a flow: z = flow⁻¹(u), u ~ `normal`.

    With p(z) = N(0, I) this is a VAE whose prior on u is the flow's density, seen from the flow's base space.
    """

    normal: DiagonalNormal
    flow: RealNVP

    @property
    def center(self) -> Tensor:
        return self.flow.inverse(self.normal.mean)[0]

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self._pulled_back(*self.normal.draw(noise))

    def draw_by_path(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """As of the normal; the flow belongs to the prior and keeps its whole gradient."""
        return self._pulled_back(*self.normal.draw_by_path(noise))

    def _pulled_back(self, hidden: Tensor, log_density: Tensor) -> tuple[Tensor, Tensor]:
        latents, log_determinant = self.flow.inverse(hidden)
        return latents, log_density - log_determinant
