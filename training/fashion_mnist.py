"""Fashion-MNIST (Xiao et al. 2017, MIT): finds or fetches the four files, checks every byte, parses them."""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import program

LICENCE = "MIT, (c) 2017 Zalando SE"
CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
PACKAGE = "dataset-fashion-mnist"
PUBLIC = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
# Of the decompressed bytes: Debian's gzip headers differ from the published ones, the content does not.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


@dataclass(frozen=True)
class Arrays:
    """60,000 and 10,000 images (N, 28, 28) with labels 0…9 (N,), in the published order."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


def read() -> Arrays:
    """Raises FileNotFoundError, with the remedy, when the files are nowhere and ValueError when one was altered."""
    folder = find()
    if folder is None:
        raise FileNotFoundError(f"Fashion-MNIST is not on this machine; get it with `{program.command('data')}`")
    return Arrays(*(_parse(folder, name) for name in SHA256))


def find() -> Path | None:
    """The folder with the four files: LATENTSERVE_DATA, `data/fashion-mnist`, or that of Debian's package."""
    places = [Path("data/fashion-mnist"), Path("/usr/share/datasets/fashion-mnist")]
    if "LATENTSERVE_DATA" in os.environ:
        places.insert(0, Path(os.environ["LATENTSERVE_DATA"]) / "fashion-mnist")
    return next((place for place in places if all((place / f"{name}.gz").is_file() for name in SHA256)), None)


def fetch(folder: Path = Path("data/fashion-mnist")) -> Path:
    """Brings the files into the folder, from Debian's package where apt is, else from the public address."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _from_debian(folder)
    except (OSError, subprocess.CalledProcessError):
        _from_public_files(folder)
    for name in SHA256:
        _parse(folder, name)
    return folder


def _from_debian(folder: Path) -> None:
    """Needs no root: the package is downloaded and unpacked, not installed."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=scratch, check=True, capture_output=True)
        archive = next(Path(scratch).glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=scratch, check=True, capture_output=True)
        for name in SHA256:
            shutil.copy(Path(scratch) / "usr/share/datasets/fashion-mnist" / f"{name}.gz", folder)


def _from_public_files(folder: Path) -> None:
    for name in SHA256:
        with urllib.request.urlopen(f"{PUBLIC}/{name}.gz", timeout=60) as answer:
            (folder / f"{name}.gz").write_bytes(answer.read())


def _parse(folder: Path, name: str) -> NDArray[np.uint8]:
    content = gzip.decompress((folder / f"{name}.gz").read_bytes())
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ValueError(f"{folder / name}.gz is not the published file: its sha256 differs; fetch it again")
    # IDX: two zero bytes, the type, the number of dimensions, then each dimension as a big-endian integer.
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()
