"""A GAN needs a continuous x, a VAE a continuous z: where a draw is a threshold, no gradient comes through.

Four games with the same little networks. A GAN that thresholds its output and a VAE that thresholds its code hand back
a gradient that is exactly zero, for a step function is flat wherever it has a slope. A GAN with a discrete z and a VAE
with a discrete x train as ever: what is discrete there is never differentiated. The cures: the score function
(REINFORCE, Williams 1992), which asks for no derivative of the draw and is unbiased, or a relaxation of it (Jang et al.
2017; Maddison et al. 2017), which is biased (*Deep Learning*, 20.9.1, 20.10.3 and 20.10.4).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from training.game import discriminator_cost, non_saturating_cost
from training.lecture.figure import figure
from training.objective import noise_of

TEMPERATURE = 0.67
BATCH = 256
GANCase = Literal["threshold", "score function", "relaxation", "discrete z"]
VAECase = Literal["threshold", "score function", "relaxation", "discrete x"]
GAN_CASES: tuple[GANCase, ...] = ("threshold", "score function", "relaxation", "discrete z")
VAE_CASES: tuple[VAECase, ...] = ("threshold", "score function", "relaxation", "discrete x")
PAIRS = torch.tensor([[0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]], dtype=torch.float32)
"""What the GAN must learn to draw, each with probability 1/4: bits that agree two by two."""
CODEWORDS = PAIRS.repeat_interleave(2, dim=1)
"""What the VAE sees through noise: two bits, each written four times."""
FLIP = 0.05
"""Probability with which each written bit is flipped."""


@dataclass
class Course:
    """One training: the norm of the gradient that came through the draw, and how far from the data it was."""

    gradients: list[float] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)


def words(bits: int) -> Tensor:
    """Every word of so many bits, (2^bits, bits) of 0.0 and 1.0."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * bits).reshape(-1, bits)


def logistic(logits: Tensor, noise: torch.Generator) -> Tensor:
    """Standard logistic noise of that shape: logits + noise > 0 has probability σ(logits)."""
    uniforms = torch.rand(logits.shape, generator=noise, dtype=logits.dtype).clamp(1e-6, 1 - 1e-6)
    return torch.logit(uniforms)


def threshold(perturbed: Tensor) -> Tensor:
    """Bits 1[perturbed > 0]; a sign has the derivative 0 wherever it has one."""
    return 0.5 * (torch.sign(perturbed) + 1)


def relaxed(perturbed: Tensor) -> Tensor:
    """The same bits forwards, backwards the gradient of σ(perturbed / τ): straight-through Gumbel-softmax."""
    soft = torch.sigmoid(perturbed / TEMPERATURE)
    return threshold(perturbed).detach() + soft - soft.detach()


def log_probability(bits: Tensor, logits: Tensor) -> Tensor:
    """Log p of independent bits (…, n), summed over the last dimension; both broadcast."""
    return (bits * logits - functional.softplus(logits)).sum(-1)


def score_surrogate(costs: Tensor, log_probabilities: Tensor) -> Tensor:
    """Its gradient is REINFORCE's: each cost (B,), less the mean of the others in the batch, times ∇ log p (B,)."""
    fixed = costs.detach()
    others = (fixed.sum() - fixed) / (len(fixed) - 1)
    return ((fixed - others) * log_probabilities).mean()


def network(inputs: int, outputs: int, hidden: int = 32) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs)
    )


def gradient_norm(value: Tensor, module: nn.Module) -> float:
    """Of ∂value/∂parameters; 0 where the graph does not reach them at all."""
    gradients = torch.autograd.grad(value, list(module.parameters()), retain_graph=True, allow_unused=True)
    return math.sqrt(sum(float(each.square().sum()) for each in gradients if each is not None))


class BitGAN:
    """Generator and discriminator of words of four bits, which D sees as -1 and 1."""

    def __init__(self, case: GANCase, latent_dim: int = 8) -> None:
        self.case = case
        self.latent_dim = latent_dim
        self.generator = network(latent_dim, 4)
        self.discriminator = network(4, 1)

    def latents(self, count: int, noise: torch.Generator) -> Tensor:
        """Normal numbers, or -1 and 1 where z is the discrete one, (count, latent_dim)."""
        normals = torch.randn((count, self.latent_dim), generator=noise)
        return normals.sign() if self.case == "discrete z" else normals

    def real(self, count: int, noise: torch.Generator) -> Tensor:
        """Data (count, 4): -1 and 1 exactly, or, where x is continuous, with a little normal noise on them."""
        signs = 2 * PAIRS[torch.randint(len(PAIRS), (count,), generator=noise)] - 1
        blur = 0.2 if self.case == "discrete z" else 0.0
        return signs + blur * torch.randn((count, 4), generator=noise)

    def draw(self, logits: Tensor, noise: torch.Generator) -> Tensor:
        """The generator's output (B, 4) -> what D sees, (B, 4)."""
        if self.case == "discrete z":
            return logits
        perturbed = logits + logistic(logits, noise)
        return 2 * (relaxed(perturbed) if self.case == "relaxation" else threshold(perturbed)) - 1

    def judge(self, points: Tensor) -> Tensor:
        """D's logits (B,)."""
        return self.discriminator(points)[:, 0]

    def generator_cost(self, logits: Tensor, fake: Tensor) -> Tensor:
        """The non-saturating cost, or, by the score function, that of maximum likelihood, exp(D) over its mean.

        A word's share then grows by how much too rare it is (Hjelm et al. 2018, boundary-seeking GANs). With the
        non-saturating cost REINFORCE ends at the one word that D likes best: nothing makes z matter.
        """
        if self.case == "score function":
            costs = -len(fake) * self.judge(fake).softmax(0)
            return score_surrogate(costs, log_probability(0.5 * (fake + 1), logits))
        return non_saturating_cost(self.judge(fake))

    @torch.no_grad()
    def distance(self, noise: torch.Generator, draws: int = 4000) -> float:
        """Total variation between the signs of draws and the data's words: 0 for equal, 1 for disjoint."""
        fake = self.draw(self.generator(self.latents(draws, noise)), noise)
        index = ((fake > 0).long() * torch.tensor([8, 4, 2, 1])).sum(1)
        shares = torch.bincount(index, minlength=16) / draws
        truth = torch.zeros(16).index_fill(0, (PAIRS.long() * torch.tensor([8, 4, 2, 1])).sum(1), 1 / len(PAIRS))
        return 0.5 * float((shares - truth).abs().sum())


def train_gan(case: GANCase, *, steps: int = 800, seed: int = 0) -> Course:
    """Alternating steps, as `training/game.py` makes them; D has R1 (γ = 0.2), without which four bits oscillate."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        game = BitGAN(case)
    generator = torch.optim.Adam(game.generator.parameters(), lr=2e-3, betas=(0.5, 0.99))
    discriminator = torch.optim.Adam(game.discriminator.parameters(), lr=4e-3, betas=(0.5, 0.99))
    course = Course()
    for step, noise in _steps(steps, seed, f"GAN, {case}"):
        logits = game.generator(game.latents(BATCH, noise))
        fake = game.draw(logits, noise)
        real = game.real(BATCH, noise).requires_grad_()
        judged = game.judge(real)
        (slope,) = torch.autograd.grad(judged.sum(), real, create_graph=True)
        penalty = 0.1 * slope.square().sum(1).mean()
        discriminator.zero_grad()
        (discriminator_cost(judged, game.judge(fake.detach())) + penalty).backward()
        discriminator.step()
        cost = game.generator_cost(logits, fake)
        if step % 50 == 0:
            course.gradients.append(gradient_norm(cost, game.generator))
            course.distances.append(game.distance(noise_of(seed + 1, step, real.device)))
        generator.zero_grad()
        cost.backward()
        generator.step()
    course.distances.append(game.distance(noise_of(seed + 1, steps, PAIRS.device)))
    return course


class BitVAE(nn.Module):
    """Words of eight bits from a code of two: bits with p = ½ each, or, in the case "discrete x", normal numbers."""

    def __init__(self, case: VAECase) -> None:
        super().__init__()
        self.case = case
        self.encoder = network(8, 4 if case == "discrete x" else 2)
        self.decoder = network(2, 8)

    def terms(self, data: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """E log p(x|z) by one draw, KL(q ‖ p) exactly, log q of the drawn bits (0 for normal codes), each (B,)."""
        if self.case == "discrete x":
            mean, log_scale = self.encoder(data).chunk(2, dim=1)
            codes = mean + log_scale.exp() * torch.randn(mean.shape, generator=noise)
            divergence = (0.5 * (mean.square() + (2 * log_scale).exp() - 1) - log_scale).sum(1)
            return log_probability(data, self.decoder(codes)), divergence, torch.zeros(len(data))
        logits = self.encoder(data)
        perturbed = logits + logistic(logits, noise)
        bits = relaxed(perturbed) if self.case == "relaxation" else threshold(perturbed)
        reconstruction = log_probability(data, self.decoder(2 * bits - 1))
        return reconstruction, bit_divergence(logits), log_probability(bits.detach(), logits)

    def cost(self, data: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """What is minimized, and the part of it that must pass through the draw to reach the encoder."""
        reconstruction, divergence, log_posterior = self.terms(data, noise)
        through = -reconstruction.mean()
        if self.case == "score function":
            through = through + score_surrogate(-reconstruction, log_posterior)
        return through + divergence.mean(), through

    def exact_reconstruction(self, data: Tensor) -> Tensor:
        """E log p(x|z) of bits by enumeration of all four codes, (B,), in nats."""
        logits, codes = self.encoder(data)[:, None], words(2)
        posterior = log_probability(codes, logits).exp()
        return (posterior * log_probability(data[:, None], self.decoder(2 * codes - 1))).sum(1)

    @torch.no_grad()
    def bound(self, noise: torch.Generator, draws: int = 64) -> float:
        """The ELBO in nats over the true distribution of words: exact for bits, by draws for normal codes."""
        every, weights = words(8), word_probabilities()
        if self.case != "discrete x":
            return float(weights @ (self.exact_reconstruction(every) - bit_divergence(self.encoder(every))))
        terms = [self.terms(every, noise) for _ in range(draws)]
        return float(weights @ torch.stack([each[0] - each[1] for each in terms]).mean(0))


def bit_divergence(logits: Tensor) -> Tensor:
    """KL of independent bits with these logits (B, n) to fair coins, in nats, (B,)."""
    share = torch.sigmoid(logits)
    inside = share * functional.logsigmoid(logits) + (1 - share) * functional.logsigmoid(-logits)
    return (inside + math.log(2)).sum(1)


def word_probabilities() -> Tensor:
    """The data's distribution over all 256 words of eight bits, (256,)."""
    flips = (words(8)[:, None] != CODEWORDS[None]).sum(2)
    return (FLIP**flips * (1 - FLIP) ** (8 - flips)).mean(1)


def entropy() -> float:
    """-Σ p log p of those words in nats: no model's ELBO can be better than minus this."""
    weights = word_probabilities()
    return -float((weights * weights.log()).sum())


def train_vae(case: VAECase, *, steps: int = 800, seed: int = 0) -> Course:
    """The ELBO maximized; `distances` holds -ELBO less the entropy of the data, at least KL(data ‖ model)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BitVAE(case)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    course, floor = Course(), entropy()
    every, weights = words(8), word_probabilities()
    for step, noise in _steps(steps, seed, f"VAE, {case}"):
        data = every[torch.multinomial(weights, BATCH, replacement=True, generator=noise)]
        cost, through = model.cost(data, noise)
        if step % 50 == 0:
            course.gradients.append(gradient_norm(through, model.encoder))
            course.distances.append(-model.bound(noise_of(seed + 1, step, data.device)) - floor)
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    course.distances.append(-model.bound(noise_of(seed + 1, steps, every.device)) - floor)
    return course


def lesson(path: Path) -> dict[str, float]:
    """Both games in the forbidden case, in the allowed one, and with both cures."""
    gans = {case: train_gan(case) for case in GAN_CASES}
    vaes = {case: train_vae(case) for case in VAE_CASES}
    found = {}
    for kind, courses, what in (
        ("GAN", gans, "total variation from the data"),
        ("VAE", vaes, "nats above the entropy"),
    ):
        for case, course in courses.items():
            found[f"{kind}, {case}: largest gradient through the draw"] = max(course.gradients)
            found[f"{kind}, {case}: {what} at the end"] = course.distances[-1]
    _draw(path, gans, vaes)
    return found


LABELS = {
    "threshold": "forbidden: threshold",
    "score function": "cure: score function",
    "relaxation": "cure: Gumbel, straight-through",
    "discrete z": "allowed: discrete z, continuous x",
    "discrete x": "allowed: discrete x, continuous z",
}
COLORS = dict(zip(LABELS, ("tab:red", "tab:blue", "tab:cyan", "tab:green", "tab:green"), strict=True))


def _draw(path: Path, gans: dict[GANCase, Course], vaes: dict[VAECase, Course]) -> None:
    with figure(path, columns=2, width=4.4, height=3.2) as (gan, vae):
        for axes, courses in ((gan, gans), (vae, vaes)):
            for case, course in courses.items():
                ticks = [50 * index for index in range(len(course.distances))]
                axes.plot(ticks, course.distances, color=COLORS[case], label=LABELS[case])
            axes.set(xlabel="step", ylim=(0, 1.45 * max(courses["threshold"].distances)))
            axes.legend(fontsize=7, loc="upper right")
        gan.set(title="GAN of bits", ylabel="total variation from the data")
        vae.set(title="VAE of words of bits", ylabel="-ELBO above the entropy, in nats")


def _steps(steps: int, seed: int, what: str) -> Iterator[tuple[int, torch.Generator]]:
    """Each step with the noise that belongs to it."""
    for step in track(range(steps), what, transient=True):
        yield step, noise_of(seed, step, PAIRS.device)
