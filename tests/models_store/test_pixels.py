"""Numbers in [0, 1] and bytes: nearest level, no axis mixed up, tiles where they belong."""

import numpy as np
import pytest

from models_store.pixels import from_bytes, sheet, to_bytes


def test_every_byte_survives_the_way_to_a_number_and_back() -> None:
    """All 256 levels in each channel."""
    images = np.arange(256 * 3, dtype=np.int64).astype(np.uint8).reshape(2, 8, 16, 3)

    pixels = from_bytes(images)

    assert pixels.dtype == np.float32
    assert pixels.shape == (2, 3, 8, 16)
    assert pixels.min() == 0
    assert pixels.max() == 1
    assert np.array_equal(to_bytes(pixels), images)


def test_pixels_become_the_nearest_level() -> None:
    """No pixel moves by more than half a level, and the ends are reached."""
    pixels = np.linspace(0, 1, 10_001, dtype=np.float32).reshape(1, 1, 1, -1)

    levels = to_bytes(pixels)

    assert np.abs(levels.reshape(-1) / 255 - pixels.reshape(-1)).max() <= 0.5 / 255 + 1e-6
    assert levels[0, 0, 0, 0] == 0
    assert levels[0, 0, -1, 0] == 255
    assert (np.diff(levels.reshape(-1).astype(int)) >= 0).all()


def test_pixels_outside_the_unit_interval_are_clipped() -> None:
    """Nothing wraps around: a little below black is black, a little above white is white."""
    pixels = np.array([[[[-1e9, -0.1, -1e-9, 1 + 1e-6, 1.1, 1e9]]]], dtype=np.float32)

    assert to_bytes(pixels).reshape(-1).tolist() == [0, 0, 0, 255, 255, 255]


def test_channels_move_to_the_end_and_nothing_else_moves() -> None:
    """Pixel (b, c, y, x) becomes byte (b, y, x, c), in memory that encoders can read at once."""
    levels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5))

    images = to_bytes((levels / 255).astype(np.float32))

    assert np.array_equal(images, levels.transpose(0, 2, 3, 1))
    assert images.flags.c_contiguous
    assert from_bytes(images).flags.c_contiguous


@pytest.mark.parametrize("gap", [0, 2, 3])
@pytest.mark.parametrize("columns", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_holds_each_tile_at_its_place(gap: int, columns: int, channels: int) -> None:
    """Row by row, left to right; whatever is no tile is white."""
    count, height, width = 5, 4, 6
    tiles = np.random.default_rng(0).integers(0, 255, (count, height, width, channels), dtype=np.uint8)
    rows = (count + columns - 1) // columns

    canvas = sheet(tiles, columns=columns, gap=gap)

    assert canvas.shape == (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    for position in range(count):
        top, left = (position // columns) * (height + gap), (position % columns) * (width + gap)
        assert np.array_equal(canvas[top : top + height, left : left + width], tiles[position])
    assert (canvas == 255).sum() == canvas.size - tiles.size
