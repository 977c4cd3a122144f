"""The kinds of training, in one table: to add one, write its objective and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from models_store.dcgan import DCGAN
from models_store.draw import DRAW
from models_store.image_flow import ImageFlow
from models_store.vae import VAE
from training.base import stored_base
from training.classifier import ClassifierObjective
from training.conditional_vae import ConditionalVAEObjective
from training.config import (
    ClassifierRun,
    ConditionalVAERun,
    DCGANRun,
    DiscreteVAERun,
    DRAWRun,
    EnergyRun,
    FlowRun,
    InvertedDCGANRun,
    RunConfig,
    VAERun,
)
from training.dcgan import DCGANObjective
from training.discrete_vae import DiscreteVAEObjective
from training.elbo import ELBOObjective
from training.energy import EnergyObjective
from training.importance import VAEObjective
from training.inverted_dcgan import InvertedDCGANObjective
from training.judge import FASHION_JUDGE, Judge
from training.objective import Objective


@dataclass(frozen=True)
class Kind:
    """What its runs are asked, what one learns about it from `--help`, and how its objective is made."""

    config: type[RunConfig]
    lesson: str
    objective: Callable[[RunConfig, torch.device, Path], Objective]


def _vae(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    return VAEObjective(cast("VAERun", config), device)


def _conditional_vae(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    return ConditionalVAEObjective(cast("ConditionalVAERun", config), device)


def _discrete_vae(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    return DiscreteVAEObjective(cast("DiscreteVAERun", config), device)


def _energy(config: RunConfig, device: torch.device, store: Path) -> Objective:
    run = cast("EnergyRun", config)
    return EnergyObjective(run, stored_base(store, run.base, VAE), device)


def _draw(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    run = cast("DRAWRun", config)
    return ELBOObjective(run, DRAW(run.model), device)


def _flow(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    run = cast("FlowRun", config)
    return ELBOObjective(run, ImageFlow(run.model), device)


def _dcgan(config: RunConfig, device: torch.device, store: Path) -> Objective:
    run = cast("DCGANRun", config)
    # A classifier of clothes has nothing to say about other pictures.
    fits = run.judge and (run.judge != FASHION_JUDGE or run.data == "fashion-mnist")
    judge = Judge.find(store, run.judge, device) if fits else None
    if judge:
        judge.require((run.model.channels, run.model.image_size, run.model.image_size))
    return DCGANObjective(run, device, judge)


def _inverted_dcgan(config: RunConfig, device: torch.device, store: Path) -> Objective:
    run = cast("InvertedDCGANRun", config)
    return InvertedDCGANObjective(run, stored_base(store, run.base, DCGAN), device)


def _classifier(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    return ClassifierObjective(cast("ClassifierRun", config), device)


KINDS = {
    "vae": Kind(VAERun, "train a variational autoencoder: encoder, decoder and prior maximize the ELBO together", _vae),
    "conditional-vae": Kind(
        ConditionalVAERun, "train a VAE that can be asked for a class, and guesses that of a picture", _conditional_vae
    ),
    "discrete-vae": Kind(
        DiscreteVAERun, "train a variational autoencoder of bits, its encoder by the score function", _discrete_vae
    ),
    "energy": Kind(
        EnergyRun, "learn an energy prior for the codes of a finished VAE by noise-contrastive estimation", _energy
    ),
    "draw": Kind(DRAWRun, "train DRAW: it paints in steps, reads and writes where its attention lies", _draw),
    "flow": Kind(FlowRun, "train a normalizing flow: an invertible network maximizes the exact density", _flow),
    "dcgan": Kind(DCGANRun, "train a DCGAN: generator and discriminator play against one another", _dcgan),
    "inverted-dcgan": Kind(
        InvertedDCGANRun,
        "learn an encoder for a finished DCGAN, with a likelihood around what it draws",
        _inverted_dcgan,
    ),
    "classifier": Kind(
        ClassifierRun, "train the classifier in whose features samples are compared with real images", _classifier
    ),
}
