"""Servers that are wrong are found out before they are measured."""

import io
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from benchmarks.answers import WrongAnswer, check, expected_from, levels_of
from benchmarks.checkpoint import write_store
from benchmarks.contestants import Contestant
from benchmarks.peers.generator import Generate, as_written
from benchmarks.processes import Server
from models_store.pixels import Bytes
from tests.benchmarks.answering import Answer, answering


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    write_store(folder)
    return folder


@pytest.fixture(scope="module")
def generate(store: Path) -> Generate:
    return as_written(store, 1)


def asked(answers: dict[tuple[int, int], list[bytes]], store: Path) -> None:
    """Checks a server that gives these pictures, one after the other, for (n, seed)."""
    wanted: list[tuple[int, int]] = []

    def request(n: int, seed: int) -> bytes:
        wanted.append((n, seed))
        return b"GET / HTTP/1.1\r\n\r\n"

    def answer(_number: int) -> bytes:
        pictures = answers[wanted[-1]]
        picture = pictures.pop(0) if len(pictures) > 1 else pictures[0]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture

    with answering(cast("Answer", answer)) as port:
        contestant = Contestant("a-peer", "A peer", "written", port, cast("Server", None), request, bytes)
        check(contestant, expected_from(store))


def right(generate: Generate) -> dict[tuple[int, int], list[bytes]]:
    return {wanted: generate([wanted]) for wanted in ((1, 7), (1, 77), (1, 777), (64, 7))}


def test_right_pictures_pass(generate: Generate, store: Path) -> None:
    asked(right(generate), store)


def test_another_picture_is_found_out(generate: Generate, store: Path) -> None:
    with pytest.raises(WrongAnswer, match="gives seed 77 another picture"):
        asked(right(generate) | {(1, 77): generate([(1, 78)])}, store)


def test_other_bytes_for_the_same_seed_are_found_out(generate: Generate, store: Path) -> None:
    same_pixels = png(levels_of(generate([(1, 777)])[0]))
    with pytest.raises(WrongAnswer, match="other bytes when it is asked for seed 777 again"):
        asked(right(generate) | {(1, 777): [*generate([(1, 777)]), same_pixels]}, store)


def test_one_image_instead_of_a_sheet_is_found_out(generate: Generate, store: Path) -> None:
    with pytest.raises(WrongAnswer, match="not 256 a side"):
        asked(right(generate) | {(64, 7): generate([(1, 7)])}, store)


def png(levels: Bytes) -> bytes:
    """The picture in other bytes than Pillow's usual ones."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(file, "PNG", compress_level=0)
    return file.getvalue()
