"""What all objectives share."""

from typing import get_args, get_type_hints

import pytest
import torch
from torch import nn

from models_store.store import SHIPPED
from training.data import Split
from training.flags import build
from training.kinds import KINDS
from training.objective import noise_of

CPU = torch.device("cpu")


def test_each_seed_and_step_has_noise_of_its_own() -> None:
    """Thirty seeds times two hundred steps draw six thousand different numbers, and each the same one again."""
    pairs = [(seed, step) for seed in range(30) for step in range(200)]

    drawn = [float(torch.rand(1, generator=noise_of(seed, step, CPU), dtype=torch.float64)) for seed, step in pairs]

    assert len(set(drawn)) == len(pairs)
    assert drawn[-1] == float(torch.rand(1, generator=noise_of(29, 199, CPU), dtype=torch.float64))


MIXED = [kind for kind in KINDS if "bf16" in get_args(get_type_hints(KINDS[kind].config)["precision"])]


@pytest.mark.parametrize("kind", MIXED)
def test_precision_is_what_the_networks_run_in(kind: str) -> None:
    """A step with `--precision bf16` runs its convolutions so, and one with fp32 does not: no flag without effect."""
    seen: set[torch.dtype] = set()
    batch = Split(torch.randint(0, 256, (8, 1, 28, 28), dtype=torch.uint8), torch.arange(8) % 4)

    def note(module: nn.Module, _given: object, made: object) -> None:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and isinstance(made, torch.Tensor):
            seen.add(made.dtype)

    for precision, expected in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        objective = KINDS[kind].objective(build(KINDS[kind].config, {"precision": precision}), CPU, SHIPPED)
        seen.clear()
        with nn.modules.module.register_module_forward_hook(note):
            objective.step(batch, 0, noise_of(0, 0, CPU))
        assert seen == {expected}
