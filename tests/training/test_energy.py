"""Noise-contrastive estimation on codes: its cost against what is known, its objective against quadrature."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models_store import Card, write_checkpoint
from models_store.energy_vae import EnergyVAE, EnergyVAEConfig
from models_store.vae import VAE, VAEConfig
from tests.conftest import tiny_dcgan
from tests.training.interruption import same_files, whole_and_interrupted
from training.base import stored_base
from training.config import EnergyRun
from training.data import ImageSet
from training.energy import (
    EnergyObjective,
    contrastive_cost,
    log_normalizer,
    tilted,
    tilted_draws,
)
from training.kinds import KINDS
from training.loop import fit
from training.run import Run

CPU = torch.device("cpu")
SHAPE = {"image_size": 8, "latent_dim": 2, "widths": (4,), "hidden": 8, "prior": "normal"}
CONFIG = EnergyRun(
    model=EnergyVAEConfig(**SHAPE, energy_hidden=8),  # type: ignore[arg-type]  # a test's own keywords
    base="base",
    batch_size=16,
    steps=130,
    validate_every=50,
    threads=1,
    learning_rate=1e-2,
    average=0.9,
)


def base() -> VAE:
    """Two latents, normal prior, codes that are far from it: their means lie on one side, their scales are small."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = VAE(VAEConfig(**SHAPE))  # type: ignore[arg-type]  # a test's own keywords
    last = network.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    last.bias.data = torch.tensor([1.0, 0.5, -0.7, -0.7])
    return network.eval()


def objective() -> EnergyObjective:
    """With freshly drawn weights, the same ones each time."""
    torch.manual_seed(0)
    return EnergyObjective(CONFIG, base(), CPU)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Standard normals."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("ratio", [1, 4, 9])
def test_guessing_costs_the_entropy_of_the_two_shares(ratio: int) -> None:
    """Logits of 0 say that data and noise have one density: nothing can be told but which is more frequent."""
    share = 1 / (1 + ratio)
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)

    cost = contrastive_cost(torch.zeros(5), torch.zeros(7), ratio=ratio)

    assert float(cost) == pytest.approx(entropy)


@pytest.mark.parametrize("ratio", [1, 4])
def test_the_cost_is_least_at_the_true_log_ratio(ratio: int) -> None:
    """Between N(1, 1) and N(0, 1) it is x - ½: slope and constant have a gradient of 0 there, and only there."""
    points = {"data": 1 + noise(200_000, seed=1).double(), "noise": noise(ratio * 200_000, seed=2).double()}
    gradients = {}
    for constant in (-0.5, -0.2):
        slope, offset = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (1.0, constant))
        logits = {name: slope * each + offset for name, each in points.items()}
        contrastive_cost(logits["data"], logits["noise"], ratio=ratio).backward()
        gradients[constant] = (slope.grad, offset.grad)

    for gradient in gradients[-0.5]:
        assert gradient is not None
        assert gradient.abs() < 4 / math.sqrt(200_000)
    assert all(gradient is not None and gradient.abs() > 0.01 for gradient in gradients[-0.2])


def test_log_z_by_draws_is_that_by_quadrature() -> None:
    """Within 4 of its own standard errors, and the effective sample size between 1 and the number of draws."""
    model = wavy(tilted(base(), CONFIG))
    step = 0.05
    line = torch.arange(-8, 8, step)
    plane = torch.cartesian_prod(line, line)
    with torch.no_grad():
        exact = float((VAE.log_prior(model, plane) + model.tilt(plane)).double().logsumexp(0)) + 2 * math.log(step)

    estimate = log_normalizer(model, noise(50_000, 2))

    assert abs(float(estimate.value) - exact) < 4 * float(estimate.standard_error)
    assert 0 < float(estimate.standard_error) < 0.02
    assert 1 < float(estimate.effective_sample_size) < 50_000


def test_draws_by_rejection_have_the_moments_of_the_tilted_prior() -> None:
    """Their mean is E[z exp h(z)] / E[exp h(z)] within 4 standard errors, which that of the prior is not."""
    model = wavy(tilted(base(), CONFIG))
    every = noise(400_000, 2)
    with torch.no_grad():
        expected = (model.tilt(every).softmax(0)[:, None] * every).sum(0)

    draws = tilted_draws(model, torch.Generator().manual_seed(5), 4_000)

    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - expected).abs() < 4 * error).all()
    assert (expected.abs() > 10 * error).any()


def wavy(model: EnergyVAE) -> EnergyVAE:
    """A tilt of about a nat this way or that."""
    with torch.no_grad():
        for index, parameter in enumerate(model.tilt.parameters()):
            parameter.copy_(0.8 * noise(*parameter.shape, seed=index + 7))
    return model


def test_training_moves_the_tilt_alone_and_finds_its_normalizer(little_world: ImageSet, tmp_path: Path) -> None:
    """The VAE keeps its bits; codes are told from the prior, their ELBO gains, c ends near -log Z."""
    before = base().state_dict()
    learning = objective()

    fit(Run.create(tmp_path, "energy", CONFIG), learning, little_world)
    found = learning.validate(little_world)

    after = learning.network().state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert found["score"] < math.log(9) - 8 / 9 * math.log(8)
    assert found["elbo_gain"] > 0.3
    assert abs(found["log_z_error"]) < 0.1


def test_an_interrupted_run_ends_bit_identical(tmp_path: Path, little_world: ImageSet) -> None:
    """Stopped within a tick, at a tick and at a validation, each time continued by a process that knows nothing."""
    runs = whole_and_interrupted("energy", CONFIG, lambda: EnergyObjective(CONFIG, base(), CPU), tmp_path, little_world)

    assert same_files(*runs, "samples/000130.png")


def test_the_kind_takes_its_base_from_the_store(tmp_path: Path) -> None:
    """Encoder and decoder are those of the stored VAE."""
    write_checkpoint(tmp_path, "base", base(), Card(summary="a base"))

    made = KINDS["energy"].objective(CONFIG, CPU, tmp_path).network()

    assert isinstance(made, EnergyVAE)
    assert all(torch.equal(made.state_dict()[key], value) for key, value in base().state_dict().items())


def test_a_base_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """The error names what is missing, what it is instead, or the flag to be given."""
    write_checkpoint(tmp_path, "gan", tiny_dcgan(), Card(summary="no VAE"))
    with pytest.raises(ValueError, match="--base nothing"):
        stored_base(tmp_path, "nothing", VAE)
    with pytest.raises(ValueError, match="DCGAN"):
        stored_base(tmp_path, "gan", VAE)
    with pytest.raises(ValueError, match=r"--image-size 28: --base fashion-vae has 8"):
        tilted(base(), EnergyRun())
    with pytest.raises(ValueError, match="noise_ratio 0"):
        EnergyRun(noise_ratio=0)
