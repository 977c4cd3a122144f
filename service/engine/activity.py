"""How much a picture moves with each latent alone: what ranks the directions of any decoder, trained how it may be.

For a latent z_d ~ N(0, 1) the variance of a pixel g(z_d) is estimated from the two nodes of Gauss-Hermite quadrature,
-1 and +1, as (g(1) - g(-1))²/4, exact for pixels that are linear in z_d. It is averaged over the pixels and over some
reference points, the images 0, 1, 2 … of seed 0. A latent that the model ignores has none.
"""

import numpy as np

from models_store.latents import Floats, normals

MOST_REFERENCES = 8
MOST_ROWS = 512
"""Through the network, for all latents together: models of many get fewer reference points, but at least one."""


def probes(dim: int) -> Floats:
    """Reference points with each latent in turn at -1 and +1, (references · dim · 2, dim)."""
    references = max(1, min(MOST_REFERENCES, MOST_ROWS // (2 * dim)))
    found = np.tile(normals(0, range(references), dim)[:, None, None], (1, dim, 2, 1))
    each = np.arange(dim)
    found[:, each, :, each] = np.array([-1, 1], dtype=np.float32)
    return found.reshape(-1, dim)


def variances(images: Floats, dim: int) -> Floats:
    """The images (N, C, H, W) of the probes -> the mean variance of a pixel by each latent, (dim,)."""
    pairs = images.reshape(-1, dim, 2, images[0].size).astype(np.float64)
    halves = (pairs[:, :, 1] - pairs[:, :, 0]) / 2
    found: Floats = np.square(halves).mean(axis=(0, 2)).astype(np.float32)
    return found
