"""The whole way: pictures on disk, a training run, the store, a real server, answers that decode to the right thing."""

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from models_store import Store
from models_store.latents import normals
from models_store.pixels import to_bytes
from service.engine.runner import PLANNED_SIZES
from tests.server import running_server
from training.__main__ import main

VAE = "--image-size 8 --widths 4 --latent-dim 3 --hidden 8 --couplings 2 --flow-hidden 8"
DCGAN = "--image-size 8 --latent-dim 4 --width 4"
COMMON = "--steps 20 --batch-size 16 --threads 1"


@pytest.fixture(scope="module")
def trained_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store filled by the command line: a VAE and a DCGAN, twenty steps each on eighty noisy pictures."""
    root = tmp_path_factory.mktemp("journey")
    (root / "pictures").mkdir()
    generator = np.random.default_rng(0)
    for index in range(80):
        Image.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(root / f"pictures/{index}.png")
    for kind, flags in (("vae", VAE), ("dcgan", DCGAN)):
        runs = root / kind
        arguments = f"{kind} --data {root / 'pictures'} {flags} {COMMON} --runs {runs} --store {root / 'store'}"
        assert main(arguments.split()) == 0
        assert main(f"evaluate {runs}/0001-{kind} --draws 2 --store {root / 'store'}".split()) == 0
        assert main(f"export {runs}/0001-{kind} --name my-{kind} --store {root / 'store'}".split()) == 0
    return root / "store"


@pytest.fixture(scope="module")
def served(trained_store: Path) -> Iterator[str]:
    """The base URL of a service of that store."""
    with running_server(trained_store) as url:
        yield url


def test_from_pictures_on_disk_to_answers_over_http(served: str) -> None:
    """What was trained is served: samples, codes, decodings, a path and scores of one's own model."""
    with httpx.Client(base_url=served) as client:
        models = client.get("/v1/models").json()["data"]
        assert {model["name"] for model in models} == {"my-vae", "my-dcgan"}
        sample = client.get("/v1/models/my-dcgan/samples/42.png")
        assert Image.open(io.BytesIO(sample.content)).size == (8, 8)
        crowd = np.load(io.BytesIO(client.get("/v1/models/my-dcgan/samples/7,42,0-20.npy").content))
        assert np.array_equal(crowd[1, ..., 0], np.asarray(Image.open(io.BytesIO(sample.content))))
        scores = client.post("/v1/models/my-vae/scores", files={"image": sample.content}).json()
        assert scores["data"][0]["elbo"]["value"] < 0
        codes = client.post("/v1/models/my-vae/latents", files={"image": sample.content}).json()
        body = {"latents": [codes["data"][0]["latents"]]}
        again = client.post("/v1/models/my-vae/images", json=body, headers={"Accept": "image/png"})
        assert Image.open(io.BytesIO(again.content)).size == (8, 8)
        strip = client.get("/v1/models/my-dcgan/interpolations/42,2.strip.png?steps=4")
        frames = np.asarray(Image.open(io.BytesIO(strip.content)))
        assert frames.shape == (8, 4 * 8)
        assert np.array_equal(frames[:, :8], np.asarray(Image.open(io.BytesIO(sample.content))))


def test_the_served_sample_is_the_trained_network_s(trained_store: Path, served: str) -> None:
    """The bytes over HTTP are the decoder's, applied to the latents of (seed, index) in a batch of a planned size."""
    network = Store.load(trained_store)["my-vae"].network
    latents = torch.from_numpy(np.repeat(normals(7, [3], 3), PLANNED_SIZES[0], axis=0))
    with torch.inference_mode():
        expected = to_bytes(network.decode(latents).numpy())[0, ..., 0]

    answer = httpx.get(f"{served}/v1/models/my-vae/samples/7.png?index=3")

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), expected)


def test_an_altered_checkpoint_is_refused_while_the_other_serves(trained_store: Path, tmp_path: Path) -> None:
    """One flipped bit: a 503 that names the file for this model, images from the other, and a server that is ready."""
    for path in trained_store.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = next(tmp_path.glob("my-vae-*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)

    with running_server(tmp_path) as url, httpx.Client(base_url=url) as client:
        refused = client.get("/v1/models/my-vae/samples/1.png")
        served = client.get("/v1/models/my-dcgan/samples/1.png")
        ready = client.get("/readyz")

    assert refused.status_code == 503
    assert weights.name in refused.json()["detail"]
    assert served.status_code == 200
    assert ready.status_code == 200


def test_bytes_that_are_no_http_are_refused_like_everything_else(served: str) -> None:
    """problem+json with a request id, from below the framework; the next connection is served."""
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
        answer = connection.makefile("rb").read()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "malformed_request"
    assert httpx.get(f"{served}/healthz").status_code == 200
