"""The TypeScript clients that public generators make of the API's description: they compile strictly, and run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not in PATH"),
]
SOURCE = Path("examples/typescript")
MADE_HERE = shutil.ignore_patterns("node_modules", "generated", "built", "package-lock.json")
PAGE = Path("docs/how-to/front-end.md")
LIMIT_S = 300
WRONG = (
    'await GET("/v1/models/{m}/pictures", {});',
    'await POST("/v1/models/{m}/scores", { params: { path, query: { k: "many" } }, body: { images } });',
    "scores.data.map((each) => each.likelihood);",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, server: str) -> Path:
    """A copy of the example with its packages, its generated clients and what the documentation shows."""
    folder = tmp_path_factory.mktemp("typescript") / "example"
    shutil.copytree(SOURCE, folder, ignore=MADE_HERE)
    [shown] = re.findall(r"```ts\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    (folder / "shown.ts").write_text(shown.replace("http://127.0.0.1:8000", server))
    npm(folder, server, "install", "--no-audit", "--no-fund")
    npm(folder, server, "run", "generate")
    return folder


def npm(folder: Path, server: str, *command: str) -> str:
    """What the command prints; it must end well."""
    line, environment = ["npm", "--silent", *command], {**os.environ, "LATENTSERVE": server}
    done = subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_both_clients_compile_strictly_and_find_what_the_service_says(folder: Path, server: str) -> None:
    """Sampling, encoding, decoding, interpolating, scoring, and an error with its code."""
    sample = httpx.get(f"{server}/v1/models/fashion-vae/samples/alice.png").content
    score = httpx.post(f"{server}/v1/models/fashion-vae/scores?k=64", files={"image": sample}).json()["data"][0]

    npm(folder, server, "run", "build")
    lines = npm(folder, server, "run", "tour").splitlines()
    others = npm(folder, server, "run", "tour:hey-api").splitlines()
    shown = npm(folder, server, "exec", "--", "node", "built/shown.js")

    assert [line.partition(":")[0] for line in lines] == [
        "models", "sampled", "encoded", "decoded", "interpolated", "scored", "refused",
    ]  # fmt: skip
    assert f"{len(sample)} bytes of image/png, seed 735577801" in lines[1]
    assert "exact: true" in lines[2]
    assert "the same point" in lines[3]
    assert "8 frames" in lines[4]
    assert "of image/webp" in lines[4]
    assert f"ELBO {score['elbo']['value']:.1f} ± {score['elbo']['standard_error']:.1f} nats" in lines[5]
    assert lines[6].startswith("refused: capability_not_supported: ")
    assert [line.partition(":")[0] for line in others] == ["sampled", "encoded", "decoded", "interpolated", "scored"]
    assert others[0] == f"sampled: {len(sample)} bytes of image/png"
    assert others[4] == f"scored: ELBO {score['elbo']['value']:.1f} nats"
    assert shown == "seed 42: 40 latents\n"


def test_what_the_service_does_not_have_does_not_compile(folder: Path) -> None:
    """An address, a parameter's value, a field of an answer: the types are those of this service, and not `any`."""
    right = (folder / "tour.ts").read_text()
    (folder / "wrong.ts").write_text(right + "\n".join(WRONG) + "\n")

    command = ["node_modules/.bin/tsc", "--noEmit"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    (folder / "wrong.ts").unlink()

    first = len(right.splitlines()) + 1
    refused = {int(line) for line in re.findall(r"^wrong\.ts\((\d+),", done.stdout, flags=re.MULTILINE)}
    assert refused == set(range(first, first + len(WRONG))), done.stdout
