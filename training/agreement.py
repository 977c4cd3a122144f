"""Whether a conditional model makes what it is asked for: a classifier names its samples."""

from typing import Any

import torch
from torch import Tensor, nn

from models_store.base import LatentModel
from models_store.choice import choose
from models_store.conditional_vae import ConditionalVAE
from models_store.dcgan import DCGAN
from training.judge import Judge
from training.objective import noise_of
from training.samples import SAMPLES, made_from


def classes_of(network: nn.Module) -> int:
    """How many classes the network can be asked for; 0 for one that cannot be asked."""
    return network.classes if isinstance(network, DCGAN | ConditionalVAE) else 0


@torch.no_grad()
def agreement(
    network: LatentModel, judge: Judge, *, seed: int, device: torch.device, count: int = SAMPLES
) -> dict[str, Any]:
    """The share of `count` samples whose label the classifier names, in all and by class.

    Every class is asked for as often, to within one. Raises ValueError for a judge that knows other classes.
    """
    classes, known = classes_of(network), judge.classifier.config.classes if judge.classifier else 0
    if classes != known:
        raise ValueError(f"{judge.name} knows {known} classes, and the model has {classes}")
    labels = torch.arange(count, device=device) % classes
    pictures = made_from(network, _latents_of(network, labels, classes, noise_of(seed, 2, device)))
    right = (judge.classes(judge.features(pictures)) == labels.cpu()).double()
    shares = [float(right[label::classes].mean()) for label in range(classes)]
    return {
        "value": float(right.mean()),
        "smallest": min(shares),
        "by_class": [round(share, 4) for share in shares],
        "protocol": f"{count} decoder means, as many of each class, seed {seed}; their classes as {judge} sees them",
    }


def _latents_of(network: LatentModel, labels: Tensor, classes: int, noise: torch.Generator) -> Tensor:
    """Latents (N, latent_dim) that choose these labels (N,), distributed as the prior given the class."""
    draws = torch.randn((len(labels), network.latent_dim), generator=noise, device=labels.device)
    free, choice = draws.split([network.latent_dim - classes, classes], dim=1)
    return torch.cat([free, choose(choice, labels)], dim=1)
