"""What every test may ask for: tiny networks with random weights, a store of them, and a server of the shipped ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from models_store import Card, write_checkpoint
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.vae import VAE, VAEConfig
from tests.server import running_server

torch.set_num_threads(1)


def tiny_vae(**changes: object) -> VAE:
    """A VAE of a few thousand parameters; the seed makes it the same everywhere."""
    options: dict[str, object] = {"latent_dim": 6, "widths": (4, 8), "hidden": 16, "couplings": 2, "flow_hidden": 8}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = VAE(VAEConfig(**(options | changes)))  # type: ignore[arg-type]  # a test's own keywords
        # Networks start with zeros in places where a trained one has none.
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return network.eval()


def tiny_dcgan(**changes: object) -> DCGAN:
    """A DCGAN generator of a few thousand parameters with batch statistics of its own."""
    options: dict[str, object] = {"latent_dim": 5, "width": 4}
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = DCGAN(DCGANConfig(**(options | changes)))  # type: ignore[arg-type]  # a test's own keywords
        network.train()
        network(torch.randn(64, network.latent_dim))
    return network.eval()


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `tiny-vae` (RealNVP prior), `plain-vae` (normal prior) and `tiny-dcgan`."""
    folder = tmp_path_factory.mktemp("store")
    write_checkpoint(folder, "tiny-vae", tiny_vae(), Card(summary="a tiny VAE with a RealNVP prior"))
    write_checkpoint(folder, "plain-vae", tiny_vae(prior="normal"), Card(summary="a tiny VAE with a normal prior"))
    write_checkpoint(folder, "tiny-dcgan", tiny_dcgan(), Card(summary="a tiny DCGAN"))
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The shipped models, served as `make serve` serves them; the base URL. One for all: starting takes seconds."""
    with running_server() as url:
        yield url
