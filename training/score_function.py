"""Gradients of E[f(b)] with respect to the logits of q(b) = Π Bernoulli(σ(ℓ)), where no path leads through b.

An estimator takes `logits` (B, D), a `cost` that maps bits (K, B, D) to f (K, B), a generator and the number K of
draws, which is the number of evaluations of f an image. It returns a surrogate (B,): its value is the mean of f over
the draws, its gradient with respect to the logits is the estimate, and that with respect to the parameters of f is the
ordinary one.

The score of a bit is ∂ log q(b)/∂ℓ = b - σ(ℓ). Unbiased are `reinforce`, `nvil`, `leave_one_out`, `disarm` and, for its
own bound, `vimco`; biased are `straight_through` and `gumbel_softmax`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Cost = Callable[[Tensor], Tensor]

TEMPERATURE = 0.5
"""Of `gumbel_softmax`."""


def reinforce(logits: Tensor, cost: Cost, noise: torch.Generator, draws: int) -> Tensor:
    """f(b) ∂ log q(b)/∂ℓ (Williams 1992)."""
    bits = _bits(logits, noise, draws)
    values = cost(bits)
    return _surrogate(values, logits, _scored(values, bits, logits))


def nvil(
    logits: Tensor, cost: Cost, noise: torch.Generator, draws: int, *, baseline: Tensor, scale: Tensor | float = 1.0
) -> Tensor:
    """(f(b) - baseline) / scale · ∂ log q(b)/∂ℓ (Mnih & Gregor 2014): the gradient's mean is the true one over `scale`.

    Neither `baseline` (B,) nor `scale` may have seen these draws.
    """
    bits = _bits(logits, noise, draws)
    values = cost(bits)
    return _surrogate(values, logits, _scored((values - baseline) / scale, bits, logits))


def leave_one_out(logits: Tensor, cost: Cost, noise: torch.Generator, draws: int) -> Tensor:
    """REINFORCE where each draw has the mean of the others as its baseline (Kool et al. 2019); two draws or more."""
    bits = _bits(logits, noise, _at_least_two(draws))
    values = cost(bits)
    # f_k less the mean of the others.
    signals = (values - values.mean(0)) * (draws / (draws - 1))
    return _surrogate(values, logits, _scored(signals, bits, logits))


def disarm(logits: Tensor, cost: Cost, noise: torch.Generator, draws: int) -> Tensor:
    """Antithetic pairs, integrated over what both bits leave open (Dong et al. 2020; U2G of Yin et al. 2020).

    With u uniform, b = 1[u < σ(ℓ)] and b' = 1[1 - u < σ(ℓ)], a pair gives ½ (f(b) - f(b')) (b - b') σ(|ℓ|).
    """
    if draws % 2 or not draws:
        raise ValueError(f"draws {draws}: DisARM takes them in pairs")
    probabilities = torch.sigmoid(logits.detach())
    uniforms = torch.rand((draws // 2, *logits.shape), generator=noise, device=logits.device)
    bits = (uniforms < probabilities).to(logits.dtype)
    opposite = (1 - uniforms < probabilities).to(logits.dtype)
    values = cost(torch.cat([bits, opposite]))
    first, second = values.detach().chunk(2)
    halves = 0.5 * (first - second)[..., None] * (bits - opposite)
    return _surrogate(values, logits, halves.mean(0) * torch.sigmoid(logits.detach().abs()))


def vimco(logits: Tensor, log_joint: Cost, noise: torch.Generator, draws: int) -> Tensor:
    """The bound log 1/K Σ p(x, b) / q(b|x), each draw with a baseline from the others (Mnih & Rezende 2016, eq. 9-11).

    `log_joint` gives log p(x, b). Unlike the others, the value is the whole bound, the entropy of q in it.
    """
    bits = _bits(logits, noise, _at_least_two(draws))
    log_probability = (bits * logits - functional.softplus(logits)).sum(-1)
    log_weights = log_joint(bits) - log_probability
    bound = log_weights.logsumexp(0) - math.log(draws)
    fixed = log_weights.detach()
    # In the baseline of a draw the geometric mean of the other weights stands in its own place.
    others = (fixed.sum(0) - fixed) / (draws - 1)
    same = torch.eye(draws, dtype=torch.bool, device=logits.device)[..., None]
    baselines = torch.where(same, others, fixed).logsumexp(1) - math.log(draws)
    score = ((bound.detach() - baselines) * log_probability).sum(0)
    return bound + score - score.detach()


def straight_through(logits: Tensor, cost: Cost, noise: torch.Generator, draws: int) -> Tensor:
    """f'(b) as if b were σ(ℓ) (Bengio et al. 2013). Biased."""
    probabilities = torch.sigmoid(logits)
    bits = _bits(logits, noise, draws)
    return cost(bits + probabilities - probabilities.detach()).mean(0)


def gumbel_softmax(
    logits: Tensor, cost: Cost, noise: torch.Generator, draws: int, *, temperature: float = TEMPERATURE
) -> Tensor:
    """The gradient through σ((ℓ + logistic noise) / τ), in (0, 1) (Jang et al. 2017; Maddison et al. 2017). Biased."""
    uniforms = torch.rand((draws, *logits.shape), generator=noise, device=logits.device).clamp(1e-6, 1 - 1e-6)
    return cost(torch.sigmoid((logits + torch.logit(uniforms)) / temperature)).mean(0)


ESTIMATORS: dict[str, Callable[[Tensor, Cost, torch.Generator, int], Tensor]] = {
    "reinforce": reinforce,
    "leave-one-out": leave_one_out,
    "disarm": disarm,
    "straight-through": straight_through,
    "gumbel-softmax": gumbel_softmax,
}
"""Those of E[f(b)] that need nothing but f."""


class LearnedBaseline(nn.Module):
    """What NVIL subtracts and divides by: C(x) + c and max(1, √v), c and v moving averages of the centred cost."""

    mean: Tensor
    variance: Tensor

    def __init__(self, pixels: int, *, hidden: int = 100, decay: float = 0.9) -> None:
        super().__init__()
        self.decay = decay
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, hidden), nn.ELU(), nn.Linear(hidden, 1))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> baselines (B,)."""
        return self.mean + self.layers(images).squeeze(1)

    @property
    def scale(self) -> Tensor:
        """At least 1, so that small signals are not blown up."""
        return self.variance.sqrt().clamp(min=1.0)

    @torch.no_grad()
    def observe(self, errors: Tensor) -> None:
        """Moves both averages by f - baseline of a batch, (B,), after its use."""
        if errors.isfinite().all():
            self.mean.add_((1 - self.decay) * errors.mean())
            self.variance.lerp_(errors.square().mean(), 1 - self.decay)


def _bits(logits: Tensor, noise: torch.Generator, draws: int) -> Tensor:
    """(K, B, D) of 0.0 and 1.0."""
    uniforms = torch.rand((draws, *logits.shape), generator=noise, device=logits.device)
    return (uniforms < torch.sigmoid(logits.detach())).to(logits.dtype)


def _scored(signals: Tensor, bits: Tensor, logits: Tensor) -> Tensor:
    """Signals (K, B) times the scores of the bits (K, B, D), averaged over the draws, (B, D)."""
    return (signals.detach()[..., None] * (bits - torch.sigmoid(logits.detach()))).mean(0)


def _surrogate(values: Tensor, logits: Tensor, gradient: Tensor) -> Tensor:
    """The mean of the values (K, B), with that gradient (B, D) for the logits."""
    carrier = (gradient * logits).sum(1)
    return values.mean(0) + carrier - carrier.detach()


def _at_least_two(draws: int) -> int:
    if draws < 2:
        raise ValueError(f"draws {draws}: want two or more, one is the baseline of another")
    return draws
