"""The objective of a DCGAN's encoder: the ELBO around a generator that stays as it is.

Half of each batch are training images, half what the generator draws from fresh z ~ N(0, I). That log q(z|x) of such z
is maximized (the sleep phase of wake-sleep, Hinton et al. 1995) would ask for directions that hardly move a picture as
much as for those that do; the ELBO counts each by what it moves. And it fits the guess to pictures from elsewhere, too,
which the generator can only come near to.
"""

from typing import cast

import torch
from torch import Tensor

from models_store.base import LatentModel
from models_store.dcgan import DCGAN
from models_store.inverted_dcgan import GuessedNormal, InvertedDCGAN
from models_store.likelihoods import quantize
from training.base import require_shape_of
from training.config import InvertedDCGANRun
from training.data import ImageSet, Split
from training.elbo import ELBOObjective
from training.inversion import errors_of, psnr
from training.objective import noise_of

VALIDATION_IMAGES = 256
"""Own samples, and validation images, that are inverted at every validation."""
PROBES = 32
"""Latents at which the generator's slopes are taken."""
DIFFERENCE = 0.01
"""To each side of a latent, for its slope."""
DAMPING = 0.2
"""Of the mean curvature: in flatter directions than that a step is no longer lengthened."""


def inverted(base: DCGAN, run: InvertedDCGANRun) -> InvertedDCGAN:
    """The base under a fresh encoder, only the encoder and the noise's scale free to learn; all in eval mode.

    Raises ValueError naming the first field in which the run's model is not the base's.
    """
    require_shape_of(base, run.base, run.model)
    model = InvertedDCGAN(run.model)
    model.load_state_dict(model.state_dict() | base.state_dict())
    probes = torch.randn((PROBES, model.latent_dim), generator=noise_of(run.seed + 2, 0, torch.device("cpu")))
    model.coordinates.copy_(even_coordinates(base, probes))
    model.layers.requires_grad_(requires_grad=False)
    return model.eval()


@torch.no_grad()
def even_coordinates(generator: LatentModel, latents: Tensor) -> Tensor:
    """The symmetric (D, D) by which a step is multiplied, so that all directions move a picture about alike.

    (H / d + 1)^-½, H = E[JᵀJ] over the latents (N, D), J the slopes of the picture by differences, and d the damping.
    """
    moves = DIFFERENCE * torch.eye(latents.shape[1])
    curvature = torch.zeros_like(moves, dtype=torch.float64)
    for point in latents:
        ahead, behind = (generator.decode(point + sign * moves).flatten(1).double() for sign in (1, -1))
        slopes = (ahead - behind) / (2 * DIFFERENCE)
        curvature += slopes @ slopes.T / len(latents)
    values, vectors = torch.linalg.eigh(curvature / (DAMPING * curvature.diagonal().mean()))
    even = (vectors * (values.clamp_min(0.0) + 1.0).rsqrt() @ vectors.T).float()
    return (even + even.T) / 2


class InvertedDCGANObjective(ELBOObjective):
    """The ELBO of images and of the generator's own; what is validated besides is how near the descent comes."""

    def __init__(self, config: InvertedDCGANRun, base: DCGAN, device: torch.device) -> None:
        super().__init__(config, inverted(base, config), device)

    @torch.no_grad()
    def validate(self, data: ImageSet) -> dict[str, float]:
        """Besides the ELBO of validation images: the median PSNR in dB of own samples and of some of these images.

        `guess` is the encoder alone, `found` what the descent makes of it.
        """
        rows = torch.arange(min(VALIDATION_IMAGES, len(data.validation)), device=self.device)
        images = data.validation.take(rows).pixels()
        own = self._own(VALIDATION_IMAGES, noise_of(self.config.seed + 3, 0, self.device))
        return super().validate(data) | self._medians("own", own) | self._medians("image", images)

    def network(self) -> InvertedDCGAN:
        return cast("InvertedDCGAN", super().network())

    def _loss_at(self, step: int, batch: Split, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        data = torch.cat([self._data(batch, noise), self._own(len(batch), noise)])
        return self._loss(data, self._weight(step), noise)

    @torch.no_grad()
    def _own(self, count: int, noise: torch.Generator) -> Tensor:
        """Samples of the generator, (count, C, H, W) at the levels of a byte."""
        model = self.network()
        return quantize(model.decode(torch.randn((count, model.latent_dim), generator=noise, device=self.device)))

    def _medians(self, name: str, images: Tensor) -> dict[str, float]:
        """Of the PSNR of some images, before and after the descent."""
        model = self.network()
        posterior = cast("GuessedNormal", model.posterior(model.encode(images)))
        latents = {"guess": posterior.mean, "found": posterior.center}
        return {
            f"{name}_{stage}_psnr": float(psnr(errors_of(model, each, images)).median())
            for stage, each in latents.items()
        }
