"""DRAW (Gregor et al. 2015): a recurrent autoencoder that paints an image in steps, with fresh noise at each.

A canvas of logits starts at a learned value. At every step the decoder, an LSTM, is given z_t ~ N(0, I) and adds a
patch to the canvas where its attention lies; after the last one, p(x|z) is Bernoulli. The public latent is all the
noise, z = (z_1, …, z_T). Inference goes along: q(z_t | x, z_1 … z_{t-1}) depends on what the canvas still lacks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models_store.attention import Gaze, Window
from models_store.base import Autoencoder, StagedModel
from models_store.bounds import require_whole_numbers
from models_store.likelihoods import Bernoulli, Likelihood
from models_store.posteriors import DiagonalNormal, Posterior

Memory = tuple[Tensor, Tensor]
"""Of an LSTM: its output and its cell, each (B, hidden)."""


@dataclass(frozen=True, kw_only=True)
class DRAWConfig:
    """T = `strokes`, each from `stroke_latents` numbers; `read_grid` and `write_grid` are the filters a side."""

    image_size: int = 28
    channels: int = 1
    strokes: int = 10
    stroke_latents: int = 12
    hidden: int = 200
    read_grid: int = 7
    write_grid: int = 12

    def __post_init__(self) -> None:
        require_whole_numbers(self)
        for name in ("image_size", "read_grid", "write_grid"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} {getattr(self, name)}: a grid of filters or pixels has a distance from 2 on")


@dataclass(frozen=True)
class Stroke:
    """One step of painting: `window` is where it wrote, `canvas` (B, C, H, W) the logits after it."""

    window: Window
    canvas: Tensor


@dataclass(frozen=True)
class Inference:
    """One pass of encoder and decoder over images: q(z_t | x, z_<t) of each step, and what was drawn and painted.

    `latents` are (B, T·d), `log_density` is log q(z|x) in nats (B,), `canvas` (B, C, H, W) the last one's logits.
    """

    normals: tuple[DiagonalNormal, ...]
    latents: Tensor
    log_density: Tensor
    canvas: Tensor


@dataclass(frozen=True)
class RecurrentNormal(Posterior):
    """q(z|x) = Π q(z_t | x, z_<t): each factor is normal, the product is not. `images` are (B, C, H, W)."""

    network: "DRAW"
    images: Tensor

    @property
    def center(self) -> Tensor:
        """Every step at the mean that the means before it lead to."""
        nothing = self.images.new_zeros(self.images.shape[0], self.network.latent_dim)
        return self.network.infer(self.images, nothing).latents

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        inference = self.network.infer(self.images, noise)
        return inference.latents, inference.log_density


class DRAW(Autoencoder, StagedModel):
    """The equations 3 to 8 of the paper, with the selective attention of its section 3.2 for reading and writing."""

    domain = Bernoulli.domain

    def __init__(self, config: DRAWConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim = config.strokes * config.stroke_latents
        self.stage_count = config.strokes
        self.image_shape = (config.channels, config.image_size, config.image_size)
        glimpse = 2 * config.channels * config.read_grid**2
        self.encoder = nn.LSTMCell(glimpse + config.hidden, config.hidden)
        self.decoder = nn.LSTMCell(config.stroke_latents, config.hidden)
        self.posterior_head = nn.Linear(config.hidden, 2 * config.stroke_latents)
        self.patch = nn.Linear(config.hidden, config.channels * config.write_grid**2)
        self.read_gaze = Gaze(config.hidden, grid=config.read_grid, image_size=config.image_size)
        self.write_gaze = Gaze(config.hidden, grid=config.write_grid, image_size=config.image_size)
        self.first_canvas = nn.Parameter(torch.zeros(self.image_shape))
        self.first_memories = nn.Parameter(torch.zeros(4, config.hidden))

    def encode(self, images: Tensor) -> Tensor:
        """The images themselves, flat: what q looks at depends on what was drawn before, so nothing is known yet."""
        return images.flatten(1)

    def posterior(self, statistics: Tensor) -> RecurrentNormal:
        return RecurrentNormal(self, statistics.reshape(-1, *self.image_shape))

    def likelihood(self, latents: Tensor) -> Likelihood:
        *_, last = self.strokes(latents)
        return Bernoulli(last.canvas)

    def stages(self, latents: Tensor) -> Tensor:
        """Latents (B, latent_dim) -> the picture after each step (B, T, C, H, W); the last is what decoding gives."""
        return torch.stack([torch.sigmoid(stroke.canvas) for stroke in self.strokes(latents)], dim=1)

    def log_weights(self, data: Tensor, statistics: Tensor, noise: Tensor) -> Tensor:
        # Inference has painted already: the canvas it ends with is the likelihood's.
        inference = self.infer(statistics.reshape(-1, *self.image_shape), noise)
        log_likelihood = Bernoulli(inference.canvas).log_prob(data)
        return torch.stack([log_likelihood, self.log_prior(inference.latents), inference.log_density], dim=1)

    def strokes(self, latents: Tensor) -> Iterator[Stroke]:
        """Latents (B, latent_dim) -> the T steps of painting, eqs. 7 and 8."""
        _, memory = self._memories(latents.shape[0])
        canvas = self.first_canvas.expand(latents.shape[0], *self.image_shape)
        for part in latents.chunk(self.config.strokes, dim=1):
            memory = self.decoder(part, memory)
            stroke = self._stroke(memory[0], canvas)
            canvas = stroke.canvas
            yield stroke

    def infer(self, images: Tensor, noise: Tensor) -> Inference:
        """Images (B, C, H, W) in [0, 1] and standard-normal noise (B, latent_dim) -> eqs. 3 to 8 from start to end."""
        encoder, decoder = self._memories(images.shape[0])
        canvas = self.first_canvas.expand(images.shape[0], *self.image_shape)
        normals, latents, step_densities = [], [], []
        for part in noise.chunk(self.config.strokes, dim=1):
            glimpse = self._read(images, canvas, decoder[0])
            encoder = self.encoder(torch.cat([glimpse, decoder[0]], dim=1), encoder)
            normal = self._normal(encoder[0])
            drawn, step_density = normal.draw(part)
            decoder = self.decoder(drawn, decoder)
            canvas = self._stroke(decoder[0], canvas).canvas
            normals.append(normal)
            latents.append(drawn)
            step_densities.append(step_density)
        # Summed along a row: down a column, torch rounds differently for 32 rows and for 8.
        log_density = torch.stack(step_densities, dim=1).sum(1)
        return Inference(tuple(normals), torch.cat(latents, dim=1), log_density, canvas)

    def _memories(self, count: int) -> tuple[Memory, Memory]:
        """The learned start of encoder and decoder."""
        output, cell, decoder_output, decoder_cell = self.first_memories[:, None].expand(-1, count, -1)
        return (output, cell), (decoder_output, decoder_cell)

    def _read(self, images: Tensor, canvas: Tensor, hidden: Tensor) -> Tensor:
        """A glimpse at the image and at its error, flat; the error is what the canvas does not show yet."""
        both = torch.cat([images, images - torch.sigmoid(canvas)], dim=1)
        return self.read_gaze.window(hidden).read(both).flatten(1)

    def _normal(self, hidden: Tensor) -> DiagonalNormal:
        mean, log_scale = self.posterior_head(hidden).chunk(2, dim=1)
        return DiagonalNormal(mean, log_scale.clamp(-7.0, 2.0))

    def _stroke(self, hidden: Tensor, canvas: Tensor) -> Stroke:
        grid = self.config.write_grid
        window = self.write_gaze.window(hidden)
        patch = self.patch(hidden).reshape(-1, self.config.channels, grid, grid)
        return Stroke(window, canvas + window.write(patch))
