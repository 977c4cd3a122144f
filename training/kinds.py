"""The kinds of training, in one table: to add one, write its objective and a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from models_store.vae import VAE
from training.classifier import ClassifierObjective
from training.config import ClassifierRun, DCGANRun, RunConfig, VAERun
from training.dcgan import DCGANObjective
from training.elbo import ELBOObjective
from training.judge import Judge
from training.objective import Objective


@dataclass(frozen=True)
class Kind:
    """What its runs are asked, what one learns about it from `--help`, and how its objective is made."""

    config: type[RunConfig]
    lesson: str
    objective: Callable[[RunConfig, torch.device, Path], Objective]


def _vae(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    run = cast("VAERun", config)
    return ELBOObjective(run, VAE(run.model), device)


def _dcgan(config: RunConfig, device: torch.device, store: Path) -> Objective:
    run = cast("DCGANRun", config)
    # A classifier of clothes has nothing to say about other pictures.
    judge = Judge.load(store, run.judge, device) if run.judge and run.data == "fashion-mnist" else None
    return DCGANObjective(run, device, judge)


def _classifier(config: RunConfig, device: torch.device, _store: Path) -> Objective:
    return ClassifierObjective(cast("ClassifierRun", config), device)


KINDS = {
    "vae": Kind(VAERun, "train a variational autoencoder: encoder, decoder and prior maximize the ELBO together", _vae),
    "dcgan": Kind(DCGANRun, "train a DCGAN: generator and discriminator play against one another", _dcgan),
    "classifier": Kind(
        ClassifierRun, "train the classifier in whose features samples are compared with real images", _classifier
    ),
}
