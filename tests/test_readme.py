"""The README's requests, run as they stand there against a real server, answer what the README says."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.server import running_server

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, str], Path]:
    """What each of the twelve lines prints, and the folder with the files that they wrote."""
    if shutil.which("curl") is None:
        pytest.skip("the README's requests need curl")
    block = re.search(r"## Twelve requests.*?```bash\n(.*?)```", README, re.DOTALL)
    assert block is not None
    setting, *lines = [line for line in block[1].splitlines() if line]
    folder = tmp_path_factory.mktemp("readme")
    (folder / "service").symlink_to(ROOT / "service")
    printed = {}
    with running_server() as url:
        setting = setting.replace("http://127.0.0.1:8000", url)
        for line in lines:
            run = subprocess.run(
                ["bash", "-c", f"{setting}\n{line}"], cwd=folder, capture_output=True, text=True, check=True, timeout=60
            )
            number = re.search(r"# (\d+)", line)
            assert number is not None
            printed[int(number[1])] = run.stdout
    return printed, folder


def test_there_are_twelve_of_them(answers: tuple[dict[int, str], Path]) -> None:
    """Numbered 1 to 12, and each ran."""
    assert sorted(answers[0]) == list(range(1, 13))


def test_what_they_print_is_what_the_table_says(answers: tuple[dict[int, str], Path]) -> None:
    """Cards, a name's seed, latents, a score with its errors, a capability that is missing."""
    printed = {number: json.loads(text) for number, text in answers[0].items() if text}

    assert {"fashion-vae", "fashion-dcgan"} <= {model["name"] for model in printed[1]["data"]}
    assert printed[4]["data"][0]["seed"] == 735577801
    assert len(printed[7]["data"][0]["latents"]) == 40
    score = printed[11]["data"][0]
    assert score["importance_weighted"]["draws"] == 100
    assert score["importance_weighted"]["standard_error"] > 0
    assert printed[12]["code"] == "capability_not_supported"
    assert "fashion-vae" in printed[12]["supported_by"]


def test_the_files_they_write_are_the_pictures_it_promises(answers: tuple[dict[int, str], Path]) -> None:
    """Sizes, frames, and the round trip from a seed's latents to the pixels of its sample."""
    folder = answers[1]
    picture = {name: Image.open(io.BytesIO((folder / name).read_bytes())) for name in FILES}

    assert {name: image.size for name, image in picture.items()} == FILES
    assert getattr(picture["morph.webp"], "n_frames", 1) == 48
    assert np.load(folder / "z.npy").shape == (1, 40)
    assert np.array_equal(np.asarray(picture["same.png"]), np.asarray(picture["42.png"]))


FILES = {
    "42.png": (28, 28),
    "sheet.png": (8 * 56 + 7 * 2, 8 * 56 + 7 * 2),
    "same.png": (28, 28),
    "pair.png": (2 * 112 + 2, 112),
    "morph.webp": (112, 112),
    "strip.png": (13 * 28, 28),
}
