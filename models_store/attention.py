"""Attention as a grid of Gaussian filters (Gregor et al. 2015, section 3.2): what DRAW reads and writes with.

A window has N x N filters at equal distances around a centre. Read, it gives a patch of N x N weighted means of pixels;
written, it lays a patch over the image by the transposed filters. Every number of it has a gradient, so where to look
is learned like any weight.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Window:
    """One grid of `grid` x `grid` filters on a square image of `image_size` pixels for each row of a batch.

    `centre` (B, 2) is (y, x) in pixels, the first pixel's middle being 0; `stride` (B,) is the distance of two filters
    and `deviation` (B,) the σ of each, both in pixels; `intensity` (B,) multiplies what is read or written.
    """

    centre: Tensor
    stride: Tensor
    deviation: Tensor
    intensity: Tensor
    grid: int
    image_size: int

    @property
    def filters(self) -> Tensor:
        """F_Y and F_X of eqs. 25 and 26, (B, 2, grid, image_size): each row is a normal's weights and sums to 1."""
        places = torch.arange(self.image_size, dtype=self.centre.dtype, device=self.centre.device)
        offsets = torch.arange(self.grid, dtype=self.centre.dtype, device=self.centre.device) - (self.grid - 1) / 2
        means = self.centre[..., None] + self.stride[:, None, None] * offsets
        distances = (places - means[..., None]) / self.deviation[:, None, None, None]
        # The softmax is the paper's exp(·) / Z and stays finite for a filter that lies far outside.
        return torch.softmax(-0.5 * distances.square(), dim=-1)

    def read(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> γ F_Y x F_Xᵀ, patches (B, C, grid, grid); eq. 27."""
        count, channels, height, width = images.shape
        vertical, horizontal = self.filters.unbind(1)
        # All channels in one product a row: (N, H) times (H, C·W), then (N·C, W) times (W, N).
        columns = torch.bmm(vertical, images.transpose(1, 2).reshape(count, height, channels * width))
        patches = torch.bmm(columns.reshape(count, self.grid * channels, width), horizontal.transpose(1, 2))
        patches = patches.reshape(count, self.grid, channels, self.grid).transpose(1, 2)
        return self.intensity[:, None, None, None] * patches

    def write(self, patches: Tensor) -> Tensor:
        """Patches (B, C, grid, grid) -> 1/γ F_Yᵀ w F_X, (B, C, H, W); eq. 29."""
        count, channels = patches.shape[:2]
        vertical, horizontal = self.filters.unbind(1)
        rows = torch.bmm(patches.transpose(1, 2).reshape(count, self.grid * channels, self.grid), horizontal)
        images = torch.bmm(vertical.transpose(1, 2), rows.reshape(count, self.grid, channels * self.image_size))
        images = images.reshape(count, self.image_size, channels, self.image_size).transpose(1, 2)
        return images / self.intensity[:, None, None, None]


class Gaze(nn.Linear):
    """The linear map from a hidden state to a window (eqs. 21 to 24); a state of zeros looks at the whole image."""

    def __init__(self, hidden: int, *, grid: int, image_size: int) -> None:
        super().__init__(hidden, 5)
        self.grid = grid
        self.image_size = image_size

    def window(self, hidden: Tensor) -> Window:
        """Hidden states (B, hidden) -> one window a row."""
        numbers = self(hidden)
        log_variance, log_stride, log_intensity = numbers[:, 2:].unbind(1)
        half = (self.image_size + 1) / 2
        # Bounded, as every exponential here: a filter is never thinner than a fiftieth of a pixel.
        return Window(
            centre=half * (numbers[:, :2] + 1) - 1,
            stride=(self.image_size - 1) / (self.grid - 1) * log_stride.clamp(-5.0, 2.0).exp(),
            deviation=(0.5 * log_variance.clamp(-8.0, 8.0)).exp(),
            intensity=log_intensity.clamp(-5.0, 5.0).exp(),
            grid=self.grid,
            image_size=self.image_size,
        )
