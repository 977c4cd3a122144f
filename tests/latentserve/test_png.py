"""Our reader and writer of PNG against Pillow's."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from latentserve.png import read_png, write_png


def written_by_pillow(image: Pillow.Image, **options: object) -> bytes:
    """As a file."""
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3), (1, 1), (5, 300), (64, 7, 3)])
@pytest.mark.parametrize("smooth", [True, False])
def test_it_reads_what_pillow_writes(shape: tuple[int, ...], smooth: bool) -> None:
    """Noise and gradients, so that every filter of a line occurs."""
    generator = np.random.default_rng(0)
    levels = generator.integers(0, 256, shape, dtype=np.uint8)
    if smooth:
        levels = (np.cumsum(levels % 5, axis=0) + np.cumsum(levels % 3, axis=1)).astype(np.uint8)

    assert np.array_equal(read_png(written_by_pillow(Pillow.fromarray(levels))), levels.reshape(*shape[:2], -1))


@pytest.mark.parametrize("channels", [1, 3])
def test_pillow_reads_what_it_writes(channels: int) -> None:
    """And so does it."""
    levels = np.random.default_rng(1).integers(0, 256, (9, 13, channels), dtype=np.uint8)
    content = write_png(levels)

    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(content))), levels.squeeze())
    assert np.array_equal(read_png(content), levels)


def test_all_five_filters_are_undone() -> None:
    """Each by its definition, on a line made by hand: left 10, above 20."""
    from latentserve.png import _line  # noqa: PLC0415  # the heart of it

    above = np.array([[20], [30]], dtype=np.uint8)
    line = np.array([[1], [2]], dtype=np.uint8)
    expected = {0: [1, 2], 1: [1, 3], 2: [21, 32], 3: [11, 22], 4: [21, 32]}

    assert {kind: _line(kind, line, above)[:, 0].tolist() for kind in expected} == expected
    with pytest.raises(ValueError, match="filter 9"):
        _line(9, line, above)


def test_other_files_are_refused_by_name() -> None:
    """No PNG, a cut one, a palette."""
    content = write_png(np.zeros((4, 4, 1), np.uint8))

    with pytest.raises(ValueError, match="no PNG"):
        read_png(b"GIF89a")
    with pytest.raises(ValueError, match="cut off"):
        read_png(content[:-20])
    with pytest.raises(ValueError, match="colour type 3"):
        read_png(written_by_pillow(Pillow.new("P", (4, 4))))
