"""Animations: what is shown when, and for how long, against the frames that went in."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from models_store.pixels import Bytes
from service.media.animation import ENCODERS
from service.media.gif import FASTEST

FORMS = sorted(ENCODERS)


def frames_of(case: int, channels: int) -> list[Bytes]:
    """Noise, changes of a few pixels, and frames that do not change at all."""
    draw = np.random.default_rng(case)
    frames: list[Bytes] = [draw.integers(0, 256, (20, 28, channels), dtype=np.uint8)]
    for kind in draw.integers(0, 3, draw.integers(1, 20)):
        frame = frames[-1].copy()
        if kind == 1:
            frame[3:7, 5:9] = draw.integers(0, 256, (4, 4, channels))
        elif kind == 2:
            frame[:] = draw.integers(0, 256, frame.shape)
        frames.append(frame)
    return frames


def played(content: bytes, mode: str) -> tuple[list[Any], list[float]]:
    """Each picture of an animation, and when it ends in milliseconds."""
    pictures, ends = [], [0.0]
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(content))):
        frame.load()
        ends.append(ends[-1] + frame.info.get("duration", 0))
        pictures.append(np.asarray(frame.convert(mode)))
    return pictures, ends[1:]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fps", [1, 7, 12, 50])
def test_a_frame_is_shown_at_its_time(form: str, channels: int, fps: int) -> None:
    """Frame i from i/fps to (i+1)/fps, bit for bit; only a GIF has too few colours for noise in colour."""
    for case in range(5):
        frames = frames_of(case, channels)
        content = ENCODERS[form](frames, {"case": case}, fps=fps)
        pictures, ends = played(content, "L" if channels == 1 else "RGB")

        if len(pictures) == 1:
            continue  # nothing moved: a still picture, which has no time
        assert ends[-1] == pytest.approx(1000 * len(frames) / fps, abs=5.1)
        places = np.searchsorted(ends, (np.arange(len(frames)) + 0.5) * 1000 / fps, side="right")
        for frame, place in zip(frames, places, strict=True):
            if form == "gif" and channels == 3:
                assert pictures[place].shape == frame.shape
            else:
                np.testing.assert_array_equal(pictures[place].reshape(frame.shape), frame)


@pytest.mark.parametrize("form", FORMS)
def test_an_animation_never_ends_and_carries_its_recipe(form: str) -> None:
    """It loops for ever; the recipe, quotes and all, and the mark of a trained model are in the file."""
    content = ENCODERS[form](frames_of(1, 1), {"name": 'a "b" <c>'}, fps=12)

    assert Image.open(io.BytesIO(content)).info["loop"] == 0
    assert b"trainedAlgorithmicMedia" in content
    assert b"name" in content


def test_a_gif_is_never_faster_than_programs_show_it() -> None:
    """A frame of one hundredth would be shown for ten of them."""
    frames = [np.full((4, 4, 1), level, dtype=np.uint8) for level in range(30)]

    _, ends = played(ENCODERS["gif"](frames, {}, fps=60), "L")

    assert ends[-1] == pytest.approx(1000 * 30 / FASTEST)
    assert min(np.diff([0, *ends])) >= 20
