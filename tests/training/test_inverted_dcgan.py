"""The encoder of a finished DCGAN: it learns around a generator that stays, and is measured by what it finds."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models_store import Card, write_checkpoint
from models_store.base import LatentModel
from models_store.dcgan import DCGAN
from models_store.inverted_dcgan import InvertedDCGAN, InvertedDCGANConfig
from tests.conftest import tiny_dcgan, tiny_vae
from tests.training.interruption import same_files, whole_and_interrupted
from training.base import stored_base
from training.config import InvertedDCGANRun
from training.data import ImageSet, Split
from training.evaluate import evaluate
from training.inversion import errors_of, inversion, psnr
from training.inverted_dcgan import DAMPING, InvertedDCGANObjective, even_coordinates, inverted
from training.kinds import KINDS
from training.loop import fit
from training.run import Run

CPU = torch.device("cpu")
CONFIG = InvertedDCGANRun(
    model=InvertedDCGANConfig(
        image_size=8, latent_dim=4, width=4, encoder_widths=(4,), encoder_hidden=16, evaluations=8
    ),
    base="base",
    batch_size=16,
    steps=130,
    validate_every=50,
    threads=1,
    learning_rate=1e-2,
    warm_up=10,
    kl_warm_up=20,
    average=0.9,
)


def base() -> DCGAN:
    """Of the size of the little world, its pictures as different as random weights can make them."""
    network = tiny_dcgan(image_size=8, latent_dim=4)
    for parameter in network.parameters():
        parameter.data *= 2.0
    return network


def objective() -> InvertedDCGANObjective:
    """With freshly drawn weights, the same ones each time."""
    torch.manual_seed(0)
    return InvertedDCGANObjective(CONFIG, base(), CPU)


class Linear(LatentModel):
    """A generator whose slopes are the same everywhere."""

    latent_dim = 3

    def __init__(self, slopes: Tensor) -> None:
        super().__init__()
        self.slopes = slopes

    def decode(self, latents: Tensor) -> Tensor:
        return (latents @ self.slopes.T).unflatten(1, (1, 1, -1))


def test_a_step_in_even_coordinates_undoes_the_slopes() -> None:
    """Coordinates² · (H / d + 1) = 1: steep directions are shortened by their slope, and flat ones stay as they are."""
    slopes = torch.diag(torch.tensor([10.0, 1.0, 0.001]))
    curvature = slopes.double().square()

    coordinates = even_coordinates(Linear(slopes), torch.zeros(2, 3)).double()

    damped = curvature / (DAMPING * curvature.diagonal().mean()) + torch.eye(3)
    torch.testing.assert_close(coordinates @ damped @ coordinates, torch.eye(3).double(), atol=1e-4, rtol=1e-4)
    assert torch.equal(coordinates, coordinates.T)
    assert coordinates[2, 2] == pytest.approx(1.0, abs=1e-3)


def test_training_moves_the_encoder_and_the_noise_alone(little_world: ImageSet, tmp_path: Path) -> None:
    """The generator keeps its bits and statistics; the bound of images rises, guesses of own samples come nearer."""
    learning = objective()
    before = learning.validate(little_world)

    fit(Run.create(tmp_path, "inverted-dcgan", CONFIG), learning, little_world)

    network, after = learning.network(), learning.validate(little_world)
    latents = torch.randn((8, 4), generator=torch.Generator().manual_seed(0))
    assert all(torch.equal(network.state_dict()[key], value) for key, value in base().state_dict().items())
    assert torch.equal(network.decode(latents), base().decode(latents))
    assert after["elbo"] > before["elbo"] + 10
    assert after["own_guess_psnr"] > before["own_guess_psnr"] + 1
    assert after["own_found_psnr"] >= after["own_guess_psnr"]
    assert after["image_found_psnr"] >= after["image_guess_psnr"]


def test_an_interrupted_run_ends_bit_identical(tmp_path: Path, little_world: ImageSet) -> None:
    """Stopped within a tick, at a tick and at a validation, each time continued by a process that knows nothing."""

    def make() -> InvertedDCGANObjective:
        return InvertedDCGANObjective(CONFIG, base(), CPU)

    runs = whole_and_interrupted("inverted-dcgan", CONFIG, make, tmp_path, little_world)

    assert same_files(*runs, "reconstructions/000130.png")


def test_the_kind_takes_its_base_from_the_store(tmp_path: Path) -> None:
    """The generator is the stored one."""
    write_checkpoint(tmp_path, "base", base(), Card(summary="a base"))

    made = KINDS["inverted-dcgan"].objective(CONFIG, CPU, tmp_path).network()

    assert isinstance(made, InvertedDCGAN)
    assert all(torch.equal(made.state_dict()[key], value) for key, value in base().state_dict().items())


def test_a_base_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """The error names what it is instead, or the flag to be given."""
    write_checkpoint(tmp_path, "vae", tiny_vae(), Card(summary="no DCGAN"))
    with pytest.raises(ValueError, match="--base vae is a VAE, not a DCGAN"):
        stored_base(tmp_path, "vae", DCGAN)
    with pytest.raises(ValueError, match=r"--image-size 28: --base fashion-dcgan has 8"):
        inverted(base(), InvertedDCGANRun())


def test_the_psnr_of_a_tenth_is_twenty() -> None:
    """Of a root mean squared error of 0.1, in dB; ten times less is twenty more."""
    network, latents = base(), torch.zeros(2, 4)
    shifts = torch.tensor([0.1, 0.01])[:, None, None, None]

    errors = errors_of(network, latents, network.decode(latents) + shifts)

    torch.testing.assert_close(psnr(errors), torch.tensor([20.0, 40.0]), atol=1e-3, rtol=0.0)


def test_the_inversion_is_what_decoding_leaves(little_world: ImageSet) -> None:
    """Quartiles in order; those of images are the residuals of the very latents that are found for them."""
    network = objective().network()
    images = little_world.test.pixels()
    left = errors_of(network, network.posterior(network.encode(images)).center, images).sqrt().double()

    found = inversion(network, little_world.test, seed=0)["inversion"]

    for name in ("own_samples", "test_images"):
        rmse, decibels = (torch.tensor(found[name][unit]) for unit in ("rmse", "psnr"))
        assert (rmse.diff() >= 0).all()
        assert (decibels.diff() >= 0).all()
    quartiles = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    torch.testing.assert_close(
        torch.tensor(found["test_images"]["rmse"]).double(), torch.quantile(left, quartiles), atol=1e-4, rtol=0.0
    )
    assert found["value"] == found["own_samples"]["psnr"][1] > found["test_images"]["psnr"][1]
    assert "1000 own samples as bytes" in found["protocol"]
    assert "64 test images" in found["protocol"]


def test_evaluation_reports_it_beside_the_likelihood(little_world: ImageSet) -> None:
    """Of as many test images as were asked for; in the domain in which the noise is a probability."""
    metrics = evaluate(objective().network(), little_world, [], draws=2, images=16).metrics

    assert "16 test images" in metrics["inversion"]["protocol"]
    assert "16 test images, 8-bit, 2 draws" in metrics["elbo"]["protocol"]
    assert metrics["elbo"]["value"] <= metrics["importance_weighted"]["value"]


def test_own_samples_are_seen_as_a_file_holds_them() -> None:
    """At the levels of a byte, like every image of the data."""
    made = objective()._own(16, torch.Generator().manual_seed(0))

    bytes_of_them = Split((made * 255).round().byte(), None)
    torch.testing.assert_close(bytes_of_them.pixels(), made, atol=1e-7, rtol=0.0)
