"""Map tiles: images at their native size in cells that fill the tile."""

import numpy as np
import pytest

from service.media.tiles import MAP_TILE, map_columns, map_tile, shown_shape, tiles


@pytest.mark.parametrize(
    ("side", "columns"), [(8, 8), (28, 8), (32, 8), (33, 4), (64, 4), (65, 2), (128, 2), (129, 1), (256, 1), (300, 1)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_stands_in_the_middle_of_its_cell(side: int, columns: int, channels: int) -> None:
    """As many pixels each as its cell has room for, whole multiples; black around, and nothing else."""
    assert map_columns(side, side) == columns
    images = np.random.default_rng(side).random((columns**2, channels, side, side), dtype=np.float32)

    tile = map_tile(images, columns=columns)

    assert tile.shape == (MAP_TILE, MAP_TILE, channels)
    cell = MAP_TILE // columns
    wanted = tiles(images, size=cell // side * side or cell)
    height = wanted.shape[1]
    assert height == (cell if side > cell else cell // side * side)
    margin = (cell - height) // 2
    for number, picture in enumerate(wanted):
        top, left = (cell * place for place in divmod(number, columns))
        found = tile[top : top + cell, left : left + cell].copy()
        inner = found[margin : margin + height, margin : margin + height]
        np.testing.assert_array_equal(inner, picture)
        inner[:] = 0
        assert not found.any()


@pytest.mark.parametrize(("height", "width", "size"), [(28, 28, None), (28, 28, 56), (20, 30, 45), (7, 3, 100)])
def test_the_shape_that_is_announced_is_the_one_that_is_made(height: int, width: int, size: int | None) -> None:
    """Streams say it before there is a picture."""
    images = np.zeros((1, 1, height, width), dtype=np.float32)

    assert tiles(images, size=size).shape[1:3] == shown_shape(height, width, size)
