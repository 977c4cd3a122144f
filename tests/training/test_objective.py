"""What all objectives share."""

import torch

from training.objective import noise_of

CPU = torch.device("cpu")


def test_each_seed_and_step_has_noise_of_its_own() -> None:
    """Thirty seeds times two hundred steps draw six thousand different numbers, and each the same one again."""
    pairs = [(seed, step) for seed in range(30) for step in range(200)]

    drawn = [float(torch.rand(1, generator=noise_of(seed, step, CPU), dtype=torch.float64)) for seed, step in pairs]

    assert len(set(drawn)) == len(pairs)
    assert drawn[-1] == float(torch.rand(1, generator=noise_of(29, 199, CPU), dtype=torch.float64))
