"""Uploaded pictures -> model pixels. Every step is bounded, the cheap checks come first: magic, header, decoding."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from models_store.latents import Floats
from models_store.pixels import from_bytes
from service.errors import ImageTooLarge, ImageUndecodable, UnsupportedImageFormat
from service.limits import LIMITS, Limits
from service.media.recipes import recipe_text

Fit = Literal["contain", "cover", "stretch"]
Invert = Literal["auto"] | bool

MAGIC = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"RIFF", "WEBP"))
MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp")
ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes it upright (EXIF 2.3, 4.6.4)."""
# Compressed text is no picture; Pillow would unpack 64 MiB of it for each.
PngImagePlugin.MAX_TEXT_MEMORY = 2**20
Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """Pixels (C, H, W) in [0, 1] of the model's shape, and what was done to get there."""

    pixels: Floats
    steps: tuple[str, ...] = ()
    recipe: str | None = None
    """The JSON text of the recipe that the file carries, not believed yet."""
    levels: Levels | None = None
    """With a recipe: what the file shows, (H, W, 3), to hold the recipe against; None if larger than any of ours."""


def open_picture(content: bytes, limits: Limits) -> Image.Image:
    """A picture whose header was read and found small enough; its pixels are not decoded yet."""
    form = next((name for magic, name in MAGIC if content.startswith(magic)), None)
    if form is None or (form == "WEBP" and content[8:12] != b"WEBP"):
        raise UnsupportedImageFormat(
            "the picture does not start like one we read", allowed=list(MEDIA_TYPES), hint="send PNG, JPEG or WebP"
        )
    try:
        image = Image.open(io.BytesIO(content), formats=[form])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(limits) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, OverflowError):
        raise ImageUndecodable(f"the picture starts like {form} and its header cannot be read") from None
    if image.width * image.height > limits.image_pixels or max(image.size) > limits.image_side:
        raise _too_large(limits)
    return image


def read_picture(
    image: Image.Image, shape: tuple[int, int, int], *, fit: Fit, invert: Invert, light: bool = False
) -> Picture:
    """Decodes, turns upright, converts to the model's channels, inverts if asked and brings it to the model's size.

    `light` says that the pictures which the model knows lie on a light ground, and not on a dark one; `invert=auto`
    inverts a grey picture whose border is of the other kind. One that already has the model's size and channels is
    taken as it is.
    """
    channels, height, width = shape
    mode = "L" if channels == 1 else "RGB"
    native = image.size == (width, height) and image.mode == mode
    steps = [] if native else [f"{image.mode} {image.width}×{image.height} converted to {mode}"]
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        steps.append(f"first of {frames} frames")
    recipe = recipe_text(image)
    shown = _decoded(image)
    levels = np.asarray(shown.convert(mode))
    if invert is True or (invert == "auto" and mode == "L" and not native and _bright_border(levels) != light):
        levels = 255 - levels
        steps.append("inverted")
    if levels.shape[:2] != (height, width):
        steps.append(f"resized {levels.shape[1]}×{levels.shape[0]} to {width}×{height} ({fit})")
        levels = _fitted(levels, (width, height), fit, ground=255 if light else 0)
    pixels = from_bytes(levels.reshape(1, height, width, channels))[0]
    comparable = recipe is not None and max(shown.size) <= LIMITS.tile_size
    return Picture(pixels, tuple(steps), recipe, np.asarray(shown.convert("RGB")) if comparable else None)


def _decoded(image: Image.Image) -> Image.Image:
    """The first frame, upright, on white where it was transparent."""
    try:
        with image:
            return _visible(image)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # Pillow has no list of what a damaged file may raise; a picture is all that it is
        raise ImageUndecodable(f"the picture starts like {image.format} and breaks off or is damaged") from None


def _visible(image: Image.Image) -> Image.Image:
    image.load()
    upright = _upright(image)
    if upright.mode.startswith("I"):
        # Pillow clips 16-bit grey at 255 instead of scaling it.
        upright = Image.fromarray((np.asarray(upright).clip(0, 65535) // 257).astype(np.uint8))
    if upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    # Here, where damage is expected: what comes out can be converted to anything.
    return upright if upright.mode in ("L", "RGB") else upright.convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says. Pillow's own function writes the EXIF back, and fails on tags that phones get wrong."""
    try:
        orientation = image.getexif().get(ORIENTATION_TAG)
    except Exception:  # noqa: BLE001  # an unreadable EXIF turns nothing
        return image
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _bright_border(levels: Levels) -> bool:
    """Dark ink on white paper has one."""
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    return bool(border.mean() > 127.5)


def _fitted(levels: Levels, target: tuple[int, int], fit: Fit, *, ground: int) -> Levels:
    """contain: all of it, `ground` around · cover: the middle, filling the frame · stretch: neither kept."""
    image = Image.fromarray(levels)
    if fit == "stretch":
        return np.asarray(image.resize(target, Image.Resampling.LANCZOS))
    scales = [wanted / found for wanted, found in zip(target, image.size, strict=True)]
    if fit == "cover":
        box = [wanted / max(scales) for wanted in target]
        left, top = ((found - side) / 2 for found, side in zip(image.size, box, strict=True))
        return np.asarray(image.resize(target, Image.Resampling.LANCZOS, box=(left, top, left + box[0], top + box[1])))
    width, height = (max(1, round(found * min(scales))) for found in image.size)
    frame = Image.new(image.mode, target, (ground,) * len(image.getbands()))
    resized = image.resize((width, height), Image.Resampling.LANCZOS)
    frame.paste(resized, ((target[0] - width) // 2, (target[1] - height) // 2))
    return np.asarray(frame)


def _too_large(limits: Limits) -> ImageTooLarge:
    return ImageTooLarge(
        f"the picture has more than {limits.image_pixels} pixels or a side above {limits.image_side}",
        limit=limits.image_pixels,
        hint="scale it down; the models see a few dozen pixels a side",
    )
