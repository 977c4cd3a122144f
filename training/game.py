"""The game of generator and discriminator: what each pays, and who moves when (*Deep Learning*, 20.10.4)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

Judgement = Callable[[Tensor], Tensor]
"""Images (B, ...) -> logits (B,) of being real."""


def discriminator_cost(real: Tensor, fake: Tensor) -> Tensor:
    """J(D) = -½ E log D(x) - ½ E log(1 - D(G(z))) from logits; ln 2 = 0.693 where D cannot tell them apart."""
    return 0.5 * (functional.softplus(-real).mean() + functional.softplus(fake).mean())


def minimax_cost(fake: Tensor) -> Tensor:
    """J(G) = ½ E log(1 - D(G(z))): no gradient where D is sure of the fake (Goodfellow et al. 2014, eq. 1)."""
    return -0.5 * functional.softplus(fake).mean()


def non_saturating_cost(fake: Tensor) -> Tensor:
    """J(G) = -½ E log D(G(z)): the strongest gradient where D is sure of the fake (Goodfellow et al. 2014, §3)."""
    return 0.5 * functional.softplus(-fake).mean()


def maximum_likelihood_cost(fake: Tensor) -> Tensor:
    """J(G) = -½ E exp(σ⁻¹(D(G(z)))): KL(data ‖ model) if D is optimal (Goodfellow 2014, arXiv 1412.6515)."""
    return -0.5 * fake.exp().mean()


GENERATOR_COSTS = {
    "maximum-likelihood": maximum_likelihood_cost,
    "minimax": minimax_cost,
    "non-saturating": non_saturating_cost,
}


def gradient_penalty(judged: Judgement, real: Tensor) -> Tensor:
    """R1 = ½ E ‖∂D(x)/∂x‖² on real images: with it the game converges near its equilibrium (Mescheder et al. 2018)."""
    real = real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(judged(real).sum(), real, create_graph=True)
    return 0.5 * slope.square().flatten(1).sum(1).mean()


def separate_logits(judged: Judgement, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of the real and of the fake images, each half a batch of its own."""
    return judged(real), judged(fake)


def mixed_logits(judged: Judgement, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The same from one batch of both, as Chollet 2021 has it: batch norm then carries news from half to half."""
    real_logits, fake_logits = judged(torch.cat([real, fake])).split([len(real), len(fake)])
    return real_logits, fake_logits


DISCRIMINATOR_BATCHES = {"separate": separate_logits, "mixed": mixed_logits}


@dataclass(frozen=True)
class Game:
    """Two players, any networks, and the rules between them; a round is the six steps of the lecture."""

    generator: nn.Module
    """Latents (B, latent_dim) -> images (B, ...) like the real ones."""
    discriminator: nn.Module
    """Images -> logits (B,) of being real."""
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    cost: Callable[[Tensor], Tensor] = non_saturating_cost
    logits: Callable[[Judgement, Tensor, Tensor], tuple[Tensor, Tensor]] = separate_logits

    def play(
        self, real: Tensor, latents: Tensor, *, judged: Judgement | None = None, penalty: float = 0.0
    ) -> dict[str, Tensor]:
        """One round with real images (B, ...) and latents (B, latent_dim): (1) z ~ N(0, I), drawn by the caller.

        `judged` is how D sees an image in this round, if it is not shown as it is; `penalty` weighs R1.

        The lecture draws z anew before (5). The fakes of (2) serve twice here, as in the usual code: one pass through
        G less, and at step (6) D has seen these very fakes once.
        """
        fake = self.generator(latents)  # (2) generate
        judged = judged or self.discriminator
        terms = self.discriminator_step(real, fake.detach(), judged, penalty)  # (3), (4): no gradient reaches G
        return terms | {"generator": self.generator_step(fake, judged)}  # (5) and (6)

    def discriminator_step(
        self, real: Tensor, fake: Tensor, judged: Judgement | None = None, penalty: float = 0.0
    ) -> dict[str, Tensor]:
        """(3) Real and fake images through D; (4) J(D) and its step, which moves D alone."""
        judged = judged or self.discriminator
        self.discriminator.requires_grad_(requires_grad=True)
        real_logits, fake_logits = self.logits(judged, real, fake)
        cost = discriminator_cost(real_logits, fake_logits)
        total = cost + penalty * gradient_penalty(judged, real) if penalty else cost
        self.discriminator_optimizer.zero_grad()
        total.backward()
        self.discriminator_optimizer.step()
        return {
            "discriminator": cost.detach(),
            "D(x)": real_logits.detach().sigmoid().mean(),
            "D(G(z))": fake_logits.detach().sigmoid().mean(),
        }

    def generator_step(self, fake: Tensor, judged: Judgement | None = None) -> Tensor:
        """(5) D is frozen: gradients pass through it to the images, none is kept; (6) J(G) and its step."""
        self.discriminator.requires_grad_(requires_grad=False)
        cost = self.cost((judged or self.discriminator)(fake))
        self.generator_optimizer.zero_grad()
        cost.backward()
        self.generator_optimizer.step()
        return cost.detach()
