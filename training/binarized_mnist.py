"""Static binarized MNIST (Salakhutdinov & Murray 2008; Larochelle & Murray 2011): the bits of the likelihood tables.

The published files are text, 160 MB of zeros and ones; they are kept here packed, 2.3 MB, and checked as that text.
"""

import hashlib
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import program

LICENCE = "as MNIST, CC BY-SA 3.0, (c) Yann LeCun and Corinna Cortes"
PUBLIC = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist"
FOLDER = "binarized-mnist"
FILE = "binarized_mnist.npz"
SIDE = 28
# Of the published text files.
SHA256 = {
    "train": "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
    "valid": "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
    "test": "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
}
Bits = NDArray[np.uint8]


def read() -> dict[str, Bits]:
    """`train`, `valid` and `test`: pictures (N, 28, 28) of zeros and ones, in the published order.

    Raises FileNotFoundError, with the remedy, when the file is nowhere and ValueError when it was altered.
    """
    path = find()
    if path is None:
        raise FileNotFoundError(
            f"binarized MNIST is not on this machine; get it with `{program.command('data', 'binarized-mnist')}`"
        )
    with np.load(path) as packed:
        parts = {name: np.unpackbits(packed[name], axis=1) for name in SHA256}
    for name, bits in parts.items():
        if hashlib.sha256(as_text(bits)).hexdigest() != SHA256[name]:
            raise ValueError(f"the {name} part of {path} is not the published one: its sha256 differs; fetch it again")
    return {name: bits.reshape(-1, SIDE, SIDE) for name, bits in parts.items()}


def find() -> Path | None:
    """The packed file: below LATENTSERVE_DATA, or `data/binarized-mnist`."""
    places = [Path("data")]
    if "LATENTSERVE_DATA" in os.environ:
        places.insert(0, Path(os.environ["LATENTSERVE_DATA"]))
    return next((place / FOLDER / FILE for place in places if (place / FOLDER / FILE).is_file()), None)


def fetch(folder: Path = Path("data") / FOLDER) -> Path:
    """Packs the three published text files, which are downloaded unless they lie in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pack({name: _text(folder, name) for name in SHA256}, folder / FILE)
    read()
    return folder


def pack(texts: Mapping[str, bytes], path: Path) -> None:
    """Published text -> the packed file: 98 bytes a picture."""
    rows = {name: np.frombuffer(text, np.uint8).reshape(-1, 2 * SIDE * SIDE) for name, text in texts.items()}
    train, valid, test = (np.packbits(rows[name][:, ::2] - ord("0"), axis=1) for name in SHA256)
    np.savez_compressed(path, train=train, valid=valid, test=test)


def as_text(bits: Bits) -> bytes:
    """Bits (N, 784) as the published files write them: digits with a space between, a line a picture."""
    text = np.full((len(bits), 2 * bits.shape[1]), ord(" "), np.uint8)
    text[:, ::2] = bits + ord("0")
    text[:, -1] = ord("\n")
    return text.tobytes()


def _text(folder: Path, name: str) -> bytes:
    path = folder / f"binarized_mnist_{name}.amat"
    if not path.is_file():
        with urllib.request.urlopen(f"{PUBLIC}/{path.name}", timeout=60) as answer:
            path.write_bytes(answer.read())
    return path.read_bytes()
