"""Makes overview.png from a running server: `make serve`, then `.venv/bin/python docs/images/overview.py`."""

import io
import sys
from pathlib import Path

import httpx
from PIL import Image

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
ROWS = (
    "fashion-vae/samples/0-31.png?size=56&columns=16",
    "fashion-dcgan/samples/0-31.png?size=56&columns=16",
    "fashion-vae/interpolations/42,79.strip.png?steps=16&size=56&gap=2",
    "fashion-dcgan/interpolations/4,11.strip.png?steps=16&size=56&gap=2",
)
SPACE = 14


def main() -> None:
    """One row of pictures under the other, on white."""
    pictures = [Image.open(io.BytesIO(httpx.get(f"{SERVER}/v1/models/{row}", timeout=60).content)) for row in ROWS]
    width = max(picture.width for picture in pictures)
    height = sum(picture.height for picture in pictures) + SPACE * (len(pictures) - 1)
    canvas = Image.new("L", (width, height), 255)
    top = 0
    for picture in pictures:
        canvas.paste(picture, (0, top))
        top += picture.height + SPACE
    canvas.save(Path(__file__).with_name("overview.png"), optimize=True)


if __name__ == "__main__":
    main()
