"""The command line against a real server and in-process: results, errors, exit codes."""

import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

from latentserve import Client, Model
from latentserve.cli import main
from latentserve.cli.outcome import FAILED, INTERRUPTED, OK, REFUSED, UNREACHABLE, USAGE
from latentserve.png import read_png
from tests.latentserve.test_terminal import read_back
from tests.server import serving

EXAMPLES = Path(__file__).parents[2] / "service/page/examples"
BOOT = str(EXAMPLES / "00-ankle-boot.png")
PULLOVER = str(min(EXAMPLES.glob("*pullover*.png")))
Run = Callable[..., tuple[int, bytes, str]]


@pytest.fixture
def run(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs a command in an empty folder, with the server's address in the environment: (exit code, stdout, stderr)."""
    monkeypatch.setenv("LATENTSERVE_URL", server)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, bytes, str]:
        code = main(arguments)
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return call


def test_sample_writes_sheets_folders_arrays_and_pipes(run: Run, vae: Model, tmp_path: Path) -> None:
    """The file's name says the form; nothing temporary stays."""
    assert run("sample", "fashion-vae", "0-15", "-o", "grid.png")[0] == OK
    assert run("sample", "fashion-vae", "3,7", "-o", "out/")[0] == OK
    assert run("sample", "fashion-vae", "0-3", "-o", "levels.npy")[0] == OK
    code, out, _ = run("sample", "fashion-vae", "42", "-o", "-")

    assert (tmp_path / "grid.png").read_bytes() == vae.sheet("0-15").content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "fashion-vae-seed3.png",
        "fashion-vae-seed7.png",
    ]
    assert np.array_equal(np.load(tmp_path / "levels.npy"), vae.sample("0-3").to_numpy())
    assert (code, out) == (OK, vae.sheet(42).content)
    assert run("sample", "fashion-vae", "42")[1] == out
    assert not list(tmp_path.rglob("*.tmp"))


def test_interpolate_and_traverse_write_files(run: Run, vae: Model, tmp_path: Path) -> None:
    """Animations, strips, directions."""
    assert run("interpolate", "fashion-vae", "42,77", "--steps", "4", "--loop", "-o", "m.webp")[0] == OK
    assert run("interpolate", "fashion-vae", "42,77", "-o", "m.strip.png")[0] == OK
    assert run("traverse", "fashion-vae", "42", "--dimensions", "2", "-o", "dims.png")[0] == OK

    assert (tmp_path / "m.webp").read_bytes() == vae.interpolation("42,77", steps=4, loop=True).content
    assert (tmp_path / "m.strip.png").read_bytes() == vae.interpolation("42,77", "strip.png").content
    assert (tmp_path / "dims.png").read_bytes() == vae.traverse(42, dimensions=2).content


def test_encode_and_decode_are_a_round_trip(run: Run, vae: Model, tmp_path: Path) -> None:
    """A sample's file gives its latents, and these its pixels."""
    run("sample", "fashion-vae", "42", "-o", "42.png")
    assert run("encode", "fashion-vae", "42.png", "-o", "z.npy")[0] == OK
    assert run("decode", "fashion-vae", "z.npy", "-o", "back.png")[0] == OK
    assert run("decode", "fashion-vae", "z.npy", "-o", "back/")[0] == OK
    run("encode", "fashion-vae", "42.png", BOOT, "-o", "z.json")

    assert np.array_equal(np.load(tmp_path / "z.npy"), vae.latents(42).rows)
    for path in (tmp_path / "back.png", tmp_path / "back/fashion-vae-0.png"):
        assert np.array_equal(read_png(path.read_bytes()), vae.sample(42).to_numpy()[0])
    assert [entry["source"] for entry in json.loads((tmp_path / "z.json").read_text())] == ["recipe", "posterior"]


def test_reconstruct_writes_pairs(run: Run, vae: Model, tmp_path: Path) -> None:
    """Input beside output."""
    assert run("reconstruct", "fashion-vae", BOOT, "-o", "pair.png")[0] == OK

    assert (tmp_path / "pair.png").read_bytes() == vae.reconstruction_pairs(BOOT).content


def test_score_prints_the_worst_first_in_three_forms(run: Run, vae: Model) -> None:
    """The same numbers in each."""
    command = ("score", "fashion-vae", BOOT, PULLOVER, "--k", "20", "--seed", "1")
    table = run(*command)[1].decode()
    rows = json.loads(run(*command, "--format", "json")[1])["data"]
    lines = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv")[1].decode())))
    expected = vae.score([BOOT, PULLOVER], k=20, seed=1).worst_first()

    assert [row["elbo"] for row in rows] == list(expected.elbo) == sorted(expected.elbo)
    assert [float(line["elbo"]) for line in lines] == list(expected.elbo)
    assert [line.split()[0] for line in table.splitlines()[1:3]] == list(expected.names)
    assert f"{expected.elbo[0]:.2f} ± {expected.standard_errors['elbo'][0]:.2f}" in table


def test_a_table_of_scores_explains_itself(run: Run, tmp_path: Path) -> None:
    """What the numbers mean, and what was done to a picture that was dark on light and larger."""
    levels = np.full((40, 40), 255, dtype=np.uint8)
    levels[10:30, 10:30] = 0
    Pillow.fromarray(levels).save(tmp_path / "square.png")
    table = run("score", "fashion-vae", BOOT, "square.png")[1].decode()
    alone = run("score", "fashion-vae", PULLOVER)[1].decode()

    assert table.splitlines()[0].split()[-6:] == ["more", "probable", "than", "done", "to", "it"]
    assert re.search(r"square\.png.*%  .*inverted; resized 40×40 to 28×28 \(contain\)\n", table)
    assert "--invert false scores a picture as it is" in table
    assert "± is the standard error over the draws" in table
    assert "2 pictures" in table
    assert "1 picture, in nats" in alone
    assert "inverted" not in alone


def test_where_to_ask_may_stand_before_the_command(run: Run, server: str, vae: Model) -> None:
    """As many are used to."""
    assert run("--url", server, "sample", "fashion-vae", "42")[1] == vae.sheet(42).content
    assert run(f"--url={server}", "sample", "fashion-vae", "42")[1] == vae.sheet(42).content


def test_a_model_is_removed_and_its_weights_unless_another_name_has_them(
    run: Run, tiny_store: Path, tmp_path: Path
) -> None:
    """Nothing goes without --yes where nobody can be asked."""
    folder = tmp_path / "store"
    shutil.copytree(tiny_store, folder)
    shutil.copyfile(folder / "tiny-vae.json", folder / "twin.json")
    files = set(folder.glob("tiny-vae-*.safetensors"))
    rest = set(folder.iterdir()) - files - {folder / "tiny-vae.json", folder / "twin.json"}
    remove = ("models", "rm", "--store", str(folder))

    assert run(*remove, "tiny-vae")[0] == USAGE
    assert run(*remove, "tiny-vae", "--yes")[0] == OK
    assert set(folder.iterdir()) == rest | files | {folder / "twin.json"}
    assert run("models", "verify", "twin", "--store", str(folder))[0] == OK
    assert run(*remove, "twin", "--yes")[0] == OK
    assert set(folder.iterdir()) == rest


def test_inspect_tells_recipe_address_and_whether_it_can_be_redone(run: Run, server: str, tmp_path: Path) -> None:
    """The address is that of the picture; a foreign picture has no recipe, which is exit code 1."""
    run("sample", "fashion-vae", "0-3", "-o", "grid.png", "--columns", "4")
    code, out, _ = run("inspect", "grid.png")
    again = run("sample", "fashion-vae", "0-3", "--columns", "4")[1]

    assert code == OK
    address = re.search(rf"  url +({re.escape(server)}/v1/models/fashion-vae@\S+)", out.decode())
    assert address is not None
    assert httpx.get(address[1]).content == (tmp_path / "grid.png").read_bytes()
    assert b"yes: fashion-vae has this digest" in out
    assert again == (tmp_path / "grid.png").read_bytes()
    code, out, _ = run("inspect", BOOT)
    assert code == FAILED
    assert b"no recipe" in out
    assert run("inspect", "missing.png")[0] == USAGE


def test_models_are_listed_shown_and_carded(run: Run, server: str, vae: Model) -> None:
    """By a server, as it says."""
    listed = run("models", "list")[1].decode()
    shown = json.loads(run("models", "show", "fashion-vae")[1])
    card = run("models", "card", "fashion-vae")[1].decode()

    assert "fashion-dcgan" in listed
    assert vae.digest[:8] in listed
    assert shown["digest"] == vae.digest
    assert vae.digest in card
    assert "encode, reconstruct, score" in card


def test_a_store_is_listed_and_verified_without_a_server(run: Run, tiny_store: Path, tmp_path: Path) -> None:
    """A flipped bit is found, named, and the exit code says so."""
    for path in tiny_store.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert "tiny-dcgan" in run("models", "list", "--store", str(tmp_path))[1].decode()
    assert run("models", "verify", "--store", str(tmp_path))[0] == OK
    weights = next(tmp_path.glob("tiny-vae-*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)

    code, out, _ = run("models", "verify", "--store", str(tmp_path))

    assert code == FAILED
    assert b"broken  tiny-vae" in out
    assert b"ok      tiny-dcgan" in out


def test_commands_work_without_a_server(run: Run, local: Client, tiny_store: Path, tmp_path: Path) -> None:
    """With --store nobody else is asked; the same bytes as from any client; errors name who can."""
    where = ("--store", str(tiny_store))

    assert run("sample", "tiny-vae", "0-3", "-o", "grid.png", *where)[0] == OK
    assert (tmp_path / "grid.png").read_bytes() == local.model("tiny-vae").sheet("0-3").content
    code, _, err = run("score", "tiny-dcgan", "grid.png", *where)
    assert code == REFUSED
    assert "tiny-dcgan is a dcgan and cannot score; these can: plain-vae, tiny-vae" in err
    code, _, err = run("sample", "tiny-vea", *where)
    assert code == REFUSED
    assert "did you mean 'tiny-vae'" in err
    assert run("sample", "tiny-vae", *where, "--url", "http://127.0.0.1:9")[0] == USAGE


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("sampel fashion-vae", USAGE, 'Did you mean "sample"'),
        ("sample fashion-vae --siez 3", USAGE, "Did you mean --size"),
        ("sample fashion-vae --size x", USAGE, "--size"),
        ("sample", USAGE, "requires an argument"),
        ("sample fashion-vea", REFUSED, "did you mean 'fashion-vae'"),
        ("sample fashion-vae --temperature 7", REFUSED, "temperature"),
        ("sample fashion-vae 5-3", REFUSED, "3-5"),
        ("sample fashion-vae 1 -o x.bmp", USAGE, ".png, .webp"),
        ("score fashion-vae", USAGE, "no pictures"),
        ("score fashion-vae missing.png", USAGE, "missing.png"),
        ("decode fashion-vae missing.npy", USAGE, "missing.npy"),
        ("sample fashion-vae --url http://127.0.0.1:9", UNREACHABLE, "is the server running"),
        ("runs show 7", USAGE, "there is no run '7'"),
        ("runs rm", USAGE, "requires an argument"),
        ("train --resume nowhere", USAGE, "no run folder"),
        ("train nonsense", USAGE, "there is no kind of training 'nonsense'; there are vae,"),
        ("train vea", USAGE, "did you mean 'vae'?"),
        ("train vae --stesp 5", USAGE, "latentserve train vae --help"),
        ("models rm nonsense", USAGE, "there is no model 'nonsense'"),
        ("models rm fashion-vae", USAGE, "insist with --yes"),
        ("models verify --store nowhere", USAGE, "no store"),
    ],
)
def test_errors_are_one_line_with_the_remedy(run: Run, command: str, code: int, words: str) -> None:
    """And an exit code that a script can read; never a traceback."""
    found, out, err = run(*command.split())

    assert found == code, err
    assert words in err
    assert out == b""
    assert "Traceback" not in err
    assert err.startswith("latentserve: ")
    assert err.count("\n") == 1


def test_help_is_quick_because_it_loads_nothing() -> None:
    """Less than 0.3 s of processor time, and neither numpy nor httpx."""
    code = (
        "import sys, time, latentserve.cli\n"
        "code = latentserve.cli.main(['--help'])\n"
        "assert not {'numpy', 'httpx', 'torch'} & set(sys.modules)\n"
        "assert time.process_time() < 0.3, time.process_time()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_a_terminal_shows_the_picture(server: str, vae: Model) -> None:
    """Through a pseudo-terminal, in true colour: the pixels of the image."""
    master, slave = os.openpty()
    environment = {**os.environ, "LATENTSERVE_URL": server, "COLORTERM": "truecolor", "TERM": "xterm", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "latentserve", "sample", "fashion-vae", "42"]
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(slave)
        text = b""
        while chunk := read(master):
            text += chunk
        assert process.wait(timeout=60) == OK
    os.close(master)

    shown = read_back(text.decode().replace("\r\n", "\n"))
    assert np.array_equal(shown[..., 0], vae.sample(42).to_numpy()[0, ..., 0])


def read(master: int) -> bytes:
    """What the terminal got; nothing once its other side is closed."""
    try:
        return os.read(master, 1 << 16)
    except OSError:
        return b""


def test_completion_completes() -> None:
    """In bash itself: commands, commands of a group, options."""
    script = (
        'eval "$(cat)"\n'
        'for line in "latentserve samp" "latentserve runs comp" "latentserve score --for"; do\n'
        "  COMP_WORDS=($line); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _latentserve\n"
        '  echo "${COMPREPLY[@]}"\n'
        "done\n"
    )
    command = [sys.executable, "-m", "latentserve", "completion", "bash"]
    written = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    found = subprocess.run(["bash", "-c", script], input=written, capture_output=True, check=True, timeout=60).stdout

    assert found.decode().split() == ["sample", "compare", "--format"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C means what it should in the processes of a test, also where a shell runs the tests in the background."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("interruptible")
def test_control_c_ends_quietly() -> None:
    """While it waits for an answer that does not come: 130, and one line."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "latentserve", "sample", "fashion-vae", "1", "--url", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            silent.settimeout(60)
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            connection.close()

    assert process.returncode == INTERRUPTED
    assert err == "latentserve: interrupted\n"


def test_a_model_of_one_s_own_from_pictures_to_samples(run: Run, tmp_path: Path) -> None:
    """train, runs, eval, models add, sample: all by the command line, in a folder of one's own."""
    (tmp_path / "photos").mkdir()
    generator = np.random.default_rng(0)
    for number in range(60):
        Pillow.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / f"photos/{number}.png")
    small = "--image-size 8 --widths 4 --latent-dim 3 --hidden 8 --couplings 2 --flow-hidden 8 --batch-size 16"
    train = f"train vae --data photos {small} --threads 1 --steps 12 --stop-after 6".split()

    assert run(*train)[0] == OK
    assert b"step 6 of 12" in run("runs", "list")[1]
    assert run("train", "--resume", "runs/0001-vae")[0] == OK
    assert b"step 12 of 12" in run("runs", "list")[1]
    assert json.loads(run("eval", "runs/0001-vae", "--draws", "2", "--store", "mine")[1])["step"]
    assert run("models", "add", "runs/0001-vae", "--name", "mine", "--store", "mine")[0] == OK
    assert b"mine" in run("models", "list", "--store", "mine")[1]
    assert run("sample", "mine", "0-3", "--store", "mine", "-o", "own.png")[0] == OK
    assert read_png((tmp_path / "own.png").read_bytes()).shape == (18, 18, 1)
    assert b"latent_dim" in run("runs", "show", "1")[1]
    assert run("runs", "rm", "1")[0] == USAGE
    assert run("runs", "rm", "1", "--yes")[0] == OK
    assert not (tmp_path / "runs/0001-vae").exists()


def test_doctor_finds_what_is_wrong(run: Run, tiny_store: Path, server: str) -> None:
    """A port that is taken; everything else is well."""
    port = server.rpartition(":")[2]
    code, out, _ = run("doctor", "--store", str(tiny_store), "--port", port)
    lines = out.decode().splitlines()

    assert code == FAILED
    assert [line.split()[:2] for line in lines] == [
        ["ok", "python"],
        ["ok", "packages"],
        ["ok", "device"],
        ["ok", "kernels"],
        ["wrong", "port"],
        ["ok", "store"],
        ["ok", "image"],
    ]
    assert "3 checkpoints verified" in lines[5]


@pytest.mark.slow
def test_demo_serves_all_shipped_models() -> None:
    """Nothing to set up: it prints its address when it is ready."""
    command = [sys.executable, "-m", "latentserve", "demo", "--port", "0", "--no-browser"]
    with serving(command) as url, Client(url) as client:
        served = client.readiness()["models"]

    assert {"fashion-vae", "fashion-dcgan"} <= set(served)
