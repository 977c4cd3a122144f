"""Makes docs/images/walk.webp from a running server: `make serve`, then `.venv/bin/python docs/images/walk.py`."""

import io
import sys
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

SERVER = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
ROWS = ("fashion-vae", "fashion-dcgan", "fashion-draw")
COLUMNS = 8
STEPS, FRAMES_PER_SECOND = 16, 12
GAP, PAPER = 4, 255


def main() -> None:
    """A row a model; each cell walks through the images of three seeds, and back to the first."""
    rows = [np.stack([walk(model, column) for column in range(COLUMNS)]) for model in ROWS]
    cells = np.stack(rows)[..., 0]
    framed = np.pad(cells, ((0, 0),) * 3 + ((0, GAP), (0, GAP)), constant_values=PAPER)
    frames = framed.transpose(2, 0, 3, 1, 4).reshape(framed.shape[2], len(ROWS) * framed.shape[3], -1)
    first, *rest = (Image.fromarray(frame[:-GAP, :-GAP]) for frame in frames)
    file = Path(__file__).with_name("walk.webp")
    first.save(
        file, save_all=True, append_images=rest, duration=1000 // FRAMES_PER_SECOND, loop=0, quality=40, method=6
    )


def walk(model: str, column: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The frames (n, H, W, 1) of a closed path."""
    seeds = ",".join(str(3 * column + corner) for corner in range(3))
    options = f"steps={STEPS}&loop=true&easing=smooth&size=56"
    answer = httpx.get(f"{SERVER}/v1/models/{model}/interpolations/{seeds}.npy?{options}", timeout=60)
    levels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = np.load(io.BytesIO(answer.raise_for_status().content))
    return levels.repeat(2, axis=1).repeat(2, axis=2) if levels.shape[1] == 28 else levels


if __name__ == "__main__":
    main()
