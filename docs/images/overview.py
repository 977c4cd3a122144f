"""Makes overview.png, classes.png and styles.png: `make serve`, then `.venv/bin/python docs/images/overview.py`."""

import io
import sys
from pathlib import Path

import httpx
from PIL import Image

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
LABELS = 10
STYLES = 8
PICTURES = {
    "overview": (
        "fashion-vae/samples/0-31.png?size=56&columns=16",
        "fashion-dcgan/samples/0-31.png?size=56&columns=16",
        "fashion-vae/interpolations/42,79.strip.png?steps=16&size=56&gap=2",
        "fashion-dcgan/interpolations/4,11.strip.png?steps=16&size=56&gap=2",
    ),
    "classes": tuple(
        f"fashion-dcgan-conditional/samples/0-15.png?label={label}&columns=16&size=56" for label in range(LABELS)
    ),
    "styles": tuple(
        f"emoji-dcgan/samples/0-15.png?label={style}&columns=16&temperature=0.8" for style in range(STYLES)
    ),
}
SPACE = {"overview": 14, "classes": 2, "styles": 2}


def main() -> None:
    """Rows of pictures, one under the other, on white."""
    for name, addresses in PICTURES.items():
        rows = [Image.open(io.BytesIO(httpx.get(f"{SERVER}/v1/models/{row}", timeout=60).content)) for row in addresses]
        width = max(row.width for row in rows)
        canvas = Image.new(rows[0].mode, (width, sum(row.height + SPACE[name] for row in rows) - SPACE[name]), "white")
        top = 0
        for row in rows:
            canvas.paste(row, (0, top))
            top += row.height + SPACE[name]
        canvas.save(Path(__file__).with_name(f"{name}.png"), optimize=True)


if __name__ == "__main__":
    main()
