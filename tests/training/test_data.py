"""Data sets: the published numbers, pure batches, folders of pictures."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training import binarized_mnist, fashion_mnist
from training import data as datasets
from training.data import ImageSet, border_level, shuffled_rows
from training.evaluate import binarization_entropy, independent_pixel_bits


def test_the_loader_reproduces_the_binarization_entropy_floors(fashion: ImageSet) -> None:
    """Σ H(pixel/255) is 189.858 nats on the test images and 188.281 on all 60,000 training images."""
    train, validation = binarization_entropy(fashion.train), binarization_entropy(fashion.validation)

    assert binarization_entropy(fashion.test) == pytest.approx(189.858, abs=5e-4)
    assert (5 * train + validation) / 6 == pytest.approx(188.281, abs=5e-4)


def test_the_loader_reproduces_the_independent_pixel_baseline(fashion: ImageSet) -> None:
    """A histogram for each pixel, from all 60,000 training images, codes the test images in 4.588 bits/dim."""
    images = torch.cat([fashion.train.images, fashion.validation.images])

    bits = independent_pixel_bits(datasets.Split(images, None), fashion.test)

    assert bits == pytest.approx(4.588, abs=5e-4)


def test_fashion_mnist_has_ten_equal_classes_split_in_order(fashion: ImageSet) -> None:
    """50,000 + 10,000 + 10,000 images; 1,000 test images a class."""
    assert (len(fashion.train), len(fashion.validation), len(fashion.test)) == (50_000, 10_000, 10_000)
    assert fashion.test.labels is not None
    assert torch.bincount(fashion.test.labels).tolist() == [1000] * 10


@pytest.mark.usefixtures("fashion")
def test_an_altered_file_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte is checked against the published sha256."""
    source = fashion_mnist.find()
    assert source is not None
    folder = tmp_path / "fashion-mnist"
    shutil.copytree(source, folder)
    shutil.copy(folder / "train-labels-idx1-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz")
    monkeypatch.setenv("LATENTSERVE_DATA", str(tmp_path))

    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte"):
        fashion_mnist.read()


def test_missing_data_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left alone with a path that does not exist."""
    monkeypatch.setattr(fashion_mnist, "find", lambda: None)

    with pytest.raises(FileNotFoundError, match="python -m training data"):
        fashion_mnist.read()


def test_an_epoch_shows_every_image_once_and_the_next_in_another_order() -> None:
    """Batches are a permutation of the rows, a function of seed and step alone."""
    first = torch.cat([shuffled_rows(64, 16, seed=3, step=step) for step in range(4)])
    second = torch.cat([shuffled_rows(64, 16, seed=3, step=step) for step in range(4, 8)])

    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(64))
    assert first.tolist() != second.tolist()
    assert shuffled_rows(64, 16, seed=3, step=5).tolist() == second[16:32].tolist()


def test_a_batch_larger_than_the_data_is_refused() -> None:
    """Rather than an endless loop of empty epochs."""
    with pytest.raises(ValueError, match="batch size 65 is larger than the 64"):
        shuffled_rows(64, 65, seed=0, step=0)


def test_a_folder_of_pictures_of_any_size_becomes_three_parts(tmp_path: Path) -> None:
    """Colour, sizes and formats are brought to one shape; no image is in two parts; order of names does not matter."""
    generator = np.random.default_rng(0)
    for index in range(60):
        picture = generator.integers(0, 256, (20 + index % 7, 30, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{index}.{'png' if index % 2 else 'webp'}", lossless=True)

    images = datasets.load(str(tmp_path), image_size=16, channels=3)

    parts = (images.train, images.validation, images.test)
    assert all(part.images.shape[1:] == (3, 16, 16) for part in parts)
    contents = [row.numpy().tobytes() for part in parts for row in part.images]
    assert len(contents) == len(set(contents)) == 60


@pytest.mark.parametrize(
    ("source", "message"), [("no-such-folder", "neither 'fashion-mnist' nor a folder"), (".", "at least 10")]
)
def test_a_source_without_images_says_so(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names what was asked for."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match=message):
        datasets.load(source, image_size=28, channels=1)


def test_fashion_mnist_in_another_shape_is_refused() -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="28 pixels and 1 channel, not 64 and 3"):
        datasets.load("fashion-mnist", image_size=64, channels=3)


def test_binarized_mnist_survives_its_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published text, packed and read again, is the same text; one flipped bit is refused by name."""
    rows = torch.bernoulli(torch.full((3, 5, 784), 0.3), generator=torch.Generator().manual_seed(0)).byte().numpy()
    bits = dict(zip(binarized_mnist.SHA256, rows, strict=True))
    texts = {name: binarized_mnist.as_text(row) for name, row in bits.items()}
    path = tmp_path / "binarized-mnist/binarized_mnist.npz"
    path.parent.mkdir()
    monkeypatch.setenv("LATENTSERVE_DATA", str(tmp_path))
    monkeypatch.setattr(
        binarized_mnist, "SHA256", {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    )

    binarized_mnist.pack(texts, path)

    assert texts["test"].decode().splitlines()[0] == " ".join(map(str, bits["test"][0]))
    assert all((binarized_mnist.read()[name].reshape(5, 784) == row).all() for name, row in bits.items())
    images = datasets.load("binarized-mnist", image_size=28, channels=1)
    assert images.validation.pixels().unique().tolist() == [0.0, 1.0]
    binarized_mnist.pack(texts | {"valid": texts["test"]}, path)
    with pytest.raises(ValueError, match="valid part"):
        binarized_mnist.read()


def test_the_published_bits_of_mnist_are_read_where_they_lie() -> None:
    """50,000, 10,000 and 10,000 pictures whose bytes are those of Larochelle's files."""
    if binarized_mnist.find() is None:
        pytest.skip("binarized MNIST is not here: LATENTSERVE_DATA names no folder that has it")

    assert {name: len(bits) for name, bits in binarized_mnist.read().items()} == {
        "train": 50_000,
        "valid": 10_000,
        "test": 10_000,
    }


def test_the_border_of_pictures_tells_their_ground() -> None:
    """White paper with a black middle has a border of 1, and its negative one of 0."""
    paper = torch.full((3, 1, 8, 8), 255, dtype=torch.uint8)
    paper[:, :, 2:6, 2:6] = 0

    assert border_level(datasets.Split(paper, None)) == 1.0
    assert border_level(datasets.Split(255 - paper, None)) == 0.0
