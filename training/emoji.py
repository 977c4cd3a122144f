"""Emoji64: emoji of eight openly licensed art styles, drawn from their vectors as 64x64 colour pictures on white.

The vectors come as npm packages, which are unpacked and not installed; resvg draws them. Skin tones and genders make
near copies of half the pictures, so the split goes by what an emoji shows and never by picture.
"""

import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from training import program

SIDE = 64
STYLES = {
    "noto": "1.2.9",
    "noto-v1": "1.2.5",
    "twemoji": "1.2.5",
    "fluent-emoji": "1.2.7",
    "fluent-emoji-flat": "1.2.6",
    "emojione": "1.2.3",
    "fxemoji": "1.2.2",
    "streamline-emojis": "1.2.4",
}
"""Art style -> version of its package `@iconify-json/STYLE`; styles under share-alike licences are left out."""
LICENCE = (
    "Noto, Noto v1 and FxEmojis: Apache-2.0, (c) Google Inc. and Mozilla · "
    "Fluent Emoji: MIT, (c) Microsoft Corporation · "
    "Twemoji, EmojiOne and Streamline: CC BY 4.0, (c) Twitter, Inc., EmojiOne and Streamline"
)
MODIFIERS = frozenset(
    "light medium dark skin tone man woman men women person people male female boy girl".split()  # noqa: SIM905
)
"""Words that tell a variant of an emoji from another."""
FOLDER = "emoji64"
FILE = "emoji64.npz"
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Emoji:
    """Pictures (N, 64, 64, 3), the number of each one's style, and its part: 0 train, 1 validation, 2 test."""

    images: Pictures
    styles: NDArray[np.uint8]
    parts: NDArray[np.uint8]


def read() -> Emoji:
    """Raises FileNotFoundError, with the remedy, when the file is nowhere."""
    path = find()
    if path is None:
        raise FileNotFoundError(f"emoji64 is not on this machine; draw it with `{program.command('data', 'emoji64')}`")
    with np.load(path) as kept:
        return Emoji(kept["images"], kept["styles"], kept["parts"])


def find() -> Path | None:
    """The drawn file: below LATENTSERVE_DATA, or `data/emoji64`."""
    places = [Path("data")]
    if "LATENTSERVE_DATA" in os.environ:
        places.insert(0, Path(os.environ["LATENTSERVE_DATA"]))
    return next((place / FOLDER / FILE for place in places if (place / FOLDER / FILE).is_file()), None)


def fetch(folder: Path = Path("data") / FOLDER) -> Path:
    """Brings the eight packages by npm, draws every emoji and keeps the pictures; some minutes and 25 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [emoji for style in STYLES for emoji in _drawn(style)]
    different = {picture.tobytes(): (picture, style, part) for picture, style, part in drawn}
    images, styles, parts = zip(*different.values(), strict=True)
    np.savez_compressed(
        folder / FILE, images=np.stack(images), styles=np.array(styles, np.uint8), parts=np.array(parts, np.uint8)
    )
    return folder


def subject(name: str) -> str:
    """What an emoji shows, whoever it is: `woman-artist-dark-skin-tone` -> `artist`."""
    words = [word for word in name.split("-") if word not in MODIFIERS]
    return "-".join(words) or name


def part_of(name: str) -> int:
    """0 for eight in ten subjects, 1 and 2 for one in ten each, by a digest: it holds for all styles and versions."""
    draw = hashlib.sha256(subject(name).encode()).digest()[0]
    return 0 if draw >= 52 else 1 + (draw < 26)


def draw(icon: dict[str, Any], box: dict[str, Any]) -> Pictures:
    """One emoji (64, 64, 3) on white; `box` is the view box of its set, where its own is missing."""
    left, top, width, height = (
        icon.get(name, box.get(name, default))
        for name, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{SIDE}" height="{SIDE}">{icon["body"]}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True))
    transparent = Image.open(BytesIO(png)).convert("RGBA").resize((SIDE, SIDE))
    return np.asarray(Image.alpha_composite(Image.new("RGBA", (SIDE, SIDE), "white"), transparent).convert("RGB"))


def _drawn(style: str) -> Iterator[tuple[Pictures, int, int]]:
    """Every emoji of a style that shows something: its picture, the style's number, its part."""
    vectors = _package(style)
    icons = {name: icon for name, icon in vectors["icons"].items() if not icon.get("hidden")}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = pool.map(lambda icon: draw(icon, vectors), icons.values())
        for name, picture in track(zip(icons, pictures, strict=True), style, total=len(icons), transient=True):
            if picture.min() < 250:
                yield picture, list(STYLES).index(style), part_of(name)


def _package(style: str) -> dict[str, Any]:
    """The vectors of a style, as its npm package has them."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = f"@iconify-json/{style}@{STYLES[style]}"
        subprocess.run(["npm", "pack", "--silent", wanted], cwd=scratch, check=True, capture_output=True)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            archive.extract("package/icons.json", scratch, filter="data")
        vectors: dict[str, Any] = json.loads((Path(scratch) / "package/icons.json").read_text())
    return vectors
