"""The tilted prior: a VAE's own density times exp(h + c), and nothing else of the VAE changed."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models_store import Card, Store, write_checkpoint
from models_store.energy_vae import LARGEST_TILT, EnergyVAE, EnergyVAEConfig
from models_store.vae import VAE
from tests.conftest import tiny_vae
from tests.models_store.examples import noise

CARD = Card(summary="a test")


def tiny_energy_vae(**changes: object) -> EnergyVAE:
    """The tiny VAE under a tilt with random weights and a constant that is not 0."""
    base = tiny_vae(**changes)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = EnergyVAE(EnergyVAEConfig(**vars(base.config), energy_hidden=8))
        network.load_state_dict(network.state_dict() | base.state_dict())
        for parameter in network.tilt.parameters():
            parameter.data += 0.5 * torch.randn_like(parameter)
    network.constant.data.fill_(-0.7)
    return network.eval()


def pictures() -> Tensor:
    """Four of zeros and ones."""
    return torch.bernoulli(torch.full((4, 1, 28, 28), 0.3), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
@torch.inference_mode()
def test_only_the_prior_differs_from_the_vae_below(prior: str) -> None:
    """Pictures, codes, log p(x|z) and log q(z|x) have the same bits; log p(z) differs by h + c."""
    model, base = tiny_energy_vae(prior=prior), tiny_vae(prior=prior)
    latents, eps = noise(4, 6).float(), noise(4, 6, seed=1).float()
    statistics = model.encode(pictures())

    terms, expected = model.log_weights(pictures(), statistics, eps), base.log_weights(pictures(), statistics, eps)
    drawn = base.posterior(statistics).draw(eps)[0]

    assert torch.equal(model.decode(latents), base.decode(latents))
    assert torch.equal(statistics, base.encode(pictures()))
    assert torch.equal(terms[:, [0, 2]], expected[:, [0, 2]])
    torch.testing.assert_close(terms[:, 1] - expected[:, 1], model.tilt(drawn) - 0.7, atol=1e-5, rtol=1e-5)
    assert model.tilt(drawn).std() > 0.01


@torch.inference_mode()
def test_a_fresh_tilt_is_none() -> None:
    """Before training the prior is N(0, I), so a run starts at its base."""
    model = EnergyVAE(EnergyVAEConfig(latent_dim=6, widths=(4,), hidden=8, couplings=2, flow_hidden=8))
    latents = noise(5, 6).float()

    assert torch.equal(model.log_prior(latents), VAE.log_prior(model, latents))


@torch.inference_mode()
def test_the_tilt_is_bounded_and_the_density_can_be_normalized() -> None:
    """In one dimension, with c = -log Z by quadrature, the prior's integral is 1."""
    model = tiny_energy_vae(latent_dim=1, prior="normal").double()
    for parameter in model.tilt.parameters():
        parameter.mul_(3.0)
    step = 0.01
    line = torch.arange(-12, 12, step, dtype=torch.float64)[:, None]

    tilt = model.tilt(line)
    log_z = math.log(float((tilt - 0.5 * line[:, 0].square()).exp().sum()) * step / math.sqrt(2 * math.pi))
    model.constant.fill_(-log_z)

    assert tilt.abs().max() <= LARGEST_TILT
    assert float(model.log_prior(line).exp().sum()) * step == pytest.approx(1.0, abs=1e-9)
    assert model.tilt(1e6 * line).isfinite().all()


def test_every_parameter_of_the_tilt_has_a_gradient() -> None:
    """The prior's density moves the constant and all layers of h."""
    model = tiny_energy_vae()

    model.log_prior(noise(5, 6).float()).sum().backward()

    for name, parameter in (*model.tilt.named_parameters(), ("constant", model.constant)):
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("prior", ["normal", "realnvp"])
def test_it_comes_back_from_the_store_as_what_it_is(prior: str, tmp_path: Path) -> None:
    """Not as the VAE that it also is: its architecture, config and prior survive."""
    model = tiny_energy_vae(prior=prior)

    write_checkpoint(tmp_path, "tilted", model, CARD)
    write_checkpoint(tmp_path, "plain", tiny_vae(prior=prior), CARD)
    store = Store.load(tmp_path)

    found = store["tilted"]
    assert found.architecture == "energy-vae"
    assert store["plain"].architecture == "vae"
    assert type(found.network) is EnergyVAE
    assert found.network.config == model.config
    latents = noise(5, 6).float()
    torch.testing.assert_close(found.network.log_prior(latents), model.log_prior(latents))


@pytest.mark.parametrize("value", [0, -1, 1.5, "wide"])
def test_a_width_that_is_none_is_refused(value: object) -> None:
    """The error names the field."""
    with pytest.raises(ValueError, match="energy_hidden"):
        EnergyVAEConfig(energy_hidden=value)  # type: ignore[arg-type]  # what a header could say
