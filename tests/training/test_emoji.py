"""Emoji64: what is one subject, how it is split, and what a drawn vector looks like."""

from pathlib import Path

import numpy as np
import pytest

from training import data as datasets
from training import emoji


def test_variants_of_an_emoji_are_one_subject_and_lie_in_one_part() -> None:
    """Skin tones and genders would leak from training into test otherwise."""
    variants = ["artist", "woman-artist", "man-artist-dark-skin-tone", "artist-medium-light"]

    assert {emoji.subject(name) for name in variants} == {"artist"}
    assert len({emoji.part_of(name) for name in variants}) == 1
    assert emoji.subject("woman") == "woman", "a name of nothing but modifiers is its own subject"


def test_eight_in_ten_subjects_are_for_training() -> None:
    """And one in ten each for validation and test, within what chance allows."""
    shares = np.bincount([emoji.part_of(f"subject-{number}") for number in range(5000)]) / 5000

    assert shares == pytest.approx([204 / 256, 26 / 256, 26 / 256], abs=0.02)


def test_an_emoji_is_drawn_on_white_at_its_place() -> None:
    """A red square in the lower left quarter of its view box fills that quarter, and the rest stays white."""
    icon = {"body": '<path fill="#f00" d="M10 15h5v5h-5z"/>', "left": 10, "top": 10}

    picture = emoji.draw(icon, {"width": 10, "height": 10})

    assert picture.shape == (64, 64, 3)
    assert (picture[32:, :32] == [255, 0, 0]).all()
    assert (picture[:32] == 255).all()
    assert (picture[:, 32:] == 255).all()


def test_kept_emoji_come_back_as_they_were_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without npm: two styles of a few icons, drawn, kept, read as a data set with its styles for labels."""
    icons = {f"thing-{number}": {"body": f'<circle cx="8" cy="8" r="{number % 7 + 1}"/>'} for number in range(60)}
    monkeypatch.setattr(emoji, "_package", lambda style: {"icons": icons if style == "noto" else {}})
    monkeypatch.setenv("LATENTSERVE_DATA", str(tmp_path))

    emoji.fetch(tmp_path / "emoji64")
    found = datasets.load("emoji64", image_size=64, channels=3)

    assert len(found.train) + len(found.validation) + len(found.test) == 7, "equal pictures are kept once"
    assert found.classes[0] == "noto"
    assert found.train.labels is not None
    assert found.train.labels.unique().tolist() == [0]
