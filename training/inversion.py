"""How near the latents that a network finds for pictures come to them: what decoding leaves of each, its residual."""

from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from models_store.base import Autoencoder, LatentModel
from training.data import Split
from training.samples import samples_of

Metrics = dict[str, Any]
OWN_SAMPLES = 1000
TOGETHER = 125
"""Pictures that are inverted together."""


def errors_of(network: LatentModel, latents: Tensor, images: Tensor) -> Tensor:
    """Latents (N, D) and images (N, C, H, W) in [0, 1] -> the mean squared error of what each decodes to, (N,)."""
    return (network.decode(latents) - images).square().flatten(1).mean(1)


def psnr(errors: Tensor) -> Tensor:
    """Mean squared errors of pixels in [0, 1] -> peak signal-to-noise ratios in dB."""
    return -10.0 * errors.log10()


@torch.no_grad()
def inversion(network: Autoencoder, test: Split, *, seed: int) -> Metrics:
    """The residuals of a thousand samples of the network itself, rounded to bytes, and of the test images.

    `value` is the median PSNR of the own samples in dB.
    """
    own = samples_of(network, seed=seed, device=test.images.device, count=OWN_SAMPLES)
    found = {"own_samples": _residuals(network, own), "test_images": _residuals(network, test)}
    shown = {name: _spread(errors) for name, errors in found.items()}
    protocol = f"{OWN_SAMPLES} own samples as bytes, z ~ N(0, I), seed {seed}, and {len(test)} test images; quartiles"
    return {"inversion": {"value": shown["own_samples"]["psnr"][1], "unit": "dB"} | shown | {"protocol": protocol}}


def _residuals(network: Autoencoder, pictures: Split) -> Tensor:
    """The mean squared error of each picture, (N,), in float64."""

    def errors(images: Tensor) -> Tensor:
        return errors_of(network, network.posterior(network.encode(images)).center, images)

    parts = track(list(pictures.batches(TOGETHER)), "inversion", transient=True)
    return torch.cat([errors(part.pixels()) for part in parts]).double().cpu()


def _spread(errors: Tensor) -> dict[str, list[float]]:
    """Lower quartile, median and upper quartile of the root mean squared error and of the PSNR."""
    quartiles = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    every = {"rmse": errors.sqrt(), "psnr": psnr(errors)}
    return {name: [round(float(each), 4) for each in torch.quantile(of, quartiles)] for name, of in every.items()}
