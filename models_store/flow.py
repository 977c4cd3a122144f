"""RealNVP on vectors (Dinh et al. 2017): an invertible map with a cheap Jacobian determinant."""

import random
from typing import cast

import torch
from torch import Tensor, nn


class Coupling(nn.Module):
    """Half the dimensions pass unchanged and choose scale and shift of the other half.

    `log_scale` is bounded by tanh times a learned limit, which keeps the inverse well conditioned.
    """

    mask: Tensor

    def __init__(self, dim: int, hidden: int, *, first_half: bool) -> None:
        super().__init__()
        mask = torch.zeros(dim)
        mask[slice(0, dim // 2) if first_half else slice(dim // 2, dim)] = 1.0
        self.register_buffer("mask", mask)
        last = nn.Linear(hidden, 2 * dim)
        # It starts at zero, so that an untrained flow only permutes.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(nn.Linear(dim, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), last)
        self.limit = nn.Parameter(torch.ones(dim))

    def forward(self, base: Tensor) -> Tensor:
        shift, log_scale = self._affine(base)
        return base * log_scale.exp() + shift

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._affine(point)
        return (point - shift) * (-log_scale).exp(), -log_scale.sum(1)

    def _affine(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Both depend on the masked half only, which the layer leaves as it is."""
        shift, raw = self.network(point * self.mask).chunk(2, dim=1)
        free = 1.0 - self.mask
        return shift * free, torch.tanh(raw) * self.limit * free


class RealNVP(nn.Module):
    """Couplings with the dimensions shuffled in between by fixed permutations stored in the checkpoint."""

    permutations: Tensor

    def __init__(self, dim: int, *, couplings: int, hidden: int) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(dim, hidden, first_half=layer % 2 == 0) for layer in range(couplings))
        shuffle = random.Random(0)
        orders = [shuffle.sample(range(dim), dim) for _ in range(couplings)]
        self.register_buffer("permutations", torch.tensor(orders))

    def forward(self, base: Tensor) -> Tensor:
        """Base points (B, D) with density N(0, I) -> points (B, D) with the flow's density."""
        point = base
        for coupling, order in zip(self._layers(), self.permutations, strict=True):
            point = coupling(point)[:, order]
        return point

    def inverse(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, D) -> base points (B, D) and log |det ∂base/∂point| in nats, (B,)."""
        log_determinant = point.new_zeros(point.shape[0])
        base = point
        for coupling, order in zip(reversed(self._layers()), self.permutations.flip(0), strict=True):
            base, change = coupling.inverse(base[:, order.argsort()])
            log_determinant = log_determinant + change
        return base, log_determinant

    def check(self) -> None:
        """Raises ValueError if loaded buffers make this no bijection."""
        every = torch.arange(self.permutations.shape[1])
        if not all(torch.equal(order.sort().values, every) for order in self.permutations):
            raise ValueError("permutations: not every row is a permutation")
        for number, layer in enumerate(self._layers()):
            if not ((layer.mask == 0) | (layer.mask == 1)).all():
                raise ValueError(f"couplings.{number}.mask: not made of zeros and ones")

    def _layers(self) -> list[Coupling]:
        return cast("list[Coupling]", list(self.couplings))
