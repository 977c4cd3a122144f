"""The network that every server serves: DCGAN's generator for 32×32 with random weights, stored when a run begins."""

from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from models_store import Card, Store, write_checkpoint
from models_store.base import LatentModel
from models_store.dcgan import DCGAN, DCGANConfig

MODEL = "bench-dcgan"
SIDE = 32
SHAPE = DCGANConfig(image_size=SIDE, channels=1, latent_dim=100, width=64)
"""Four layers, 100 → 256 → 128 → 64 → 1 channels: 34.9 MFLOP an image."""
STATISTICS_ROWS = 256


def generator() -> DCGAN:
    """Random weights, the same on every machine; its batch norm knows the statistics of its own activations.

    Untrained, with DCGAN's initial deviation of 0.02, every picture would be the same grey; He's keeps the variance.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DCGAN(SHAPE)
        for layer in network.layers:
            if isinstance(layer, torch.nn.ConvTranspose2d):
                torch.nn.init.kaiming_normal_(layer.weight)
            elif isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None  # the plain mean of what it sees, which is one batch
        network.train()
        with torch.no_grad():
            network(torch.randn(STATISTICS_ROWS, network.latent_dim))
    return network.eval()


def write_store(folder: Path) -> None:
    """A store whose only checkpoint is the generator's."""
    write_checkpoint(folder, MODEL, generator(), Card(summary="DCGAN's generator for 32×32 with random weights"))


def stored(folder: Path) -> LatentModel:
    """The generator as the store gives it: verified, frozen, on the CPU."""
    return Store.load(folder)[MODEL].network


def flops_an_image(network: LatentModel) -> int:
    """Floating-point operations of one image, a multiplication and an addition being two."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.decode(torch.zeros(1, network.latent_dim))
    return int(counter.get_total_flops())
