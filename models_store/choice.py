"""The class of a picture as a part of z ~ N(0, I): as many latents as there are classes, the largest chooses.

They are exchangeable, so every class is equally likely, and which is largest says nothing of their values.
"""

import torch
from torch import Tensor
from torch.nn import functional


def read_choice(latents: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Latents (B, D) -> those that are free, (B, D - classes), and the class as 1 among zeros, (B, classes)."""
    free, choice = latents.split([latents.shape[1] - classes, classes], dim=1)
    return free, functional.one_hot(choice.argmax(1), classes).to(latents.dtype)


def choose(noise: Tensor, labels: Tensor) -> Tensor:
    """Standard normals (B, classes) with the largest of a row moved to the place of its label (B,).

    So z given the class is distributed as N(0, I) where that class is chosen. In numpy the same is
    done by `models_store/latents.py`.
    """
    rows, largest = torch.arange(noise.shape[0], device=noise.device), noise.argmax(1)
    chosen = noise.clone()
    chosen[rows, largest] = noise[rows, labels]
    chosen[rows, labels] = noise[rows, largest]
    return chosen
