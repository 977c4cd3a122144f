"""All commands in one table, each imported only when it is needed: `latentserve --help` loads none."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cyclopts import App

from latentserve.cli.outcome import MEANINGS

HELP = """Deep generative image models in the terminal: sample, interpolate, encode, decode, score, train, serve.

With --url or the variable LATENTSERVE_URL a server is asked; without them the models run in this process."""

COMMANDS = {
    "demo": (
        "serving:demo",
        "Serve the shipped models and open the page.",
        ("latentserve demo", "latentserve demo --port 8080 --no-browser"),
    ),
    "serve": (
        "serving:serve",
        "Serve a store of models over HTTP.",
        ("latentserve serve", "latentserve serve --port 8080 --store my-models --threads 2"),
    ),
    "sample": (
        "generate:sample",
        "Images of seeds: in the terminal, or as files.",
        (
            "latentserve sample fashion-vae 42",
            "latentserve sample fashion-vae 0-15 -o grid.png",
            "latentserve sample fashion-vae alice,bob -o out/ --size 112",
            "latentserve sample fashion-dcgan 0-63 -o pixels.npy",
        ),
    ),
    "interpolate": (
        "generate:interpolate",
        "The path through the images of seeds, as an animation or a strip.",
        (
            "latentserve interpolate fashion-vae 42,79 --steps 6",
            "latentserve interpolate fashion-vae 42,79,1001 --steps 24 --loop -o morph.webp",
            "latentserve interpolate fashion-vae 42,79 -o path.strip.png",
        ),
    ),
    "traverse": (
        "generate:traverse",
        "One dimension of the latent space after the other.",
        ("latentserve traverse fashion-vae 42 -o dimensions.png", "latentserve traverse fashion-vae-2d 0"),
    ),
    "encode": (
        "pictures:encode",
        "The latents of pictures.",
        (
            "latentserve encode fashion-vae boot.png",
            "latentserve encode fashion-vae boot.png shirt.png -o z.npy",
        ),
    ),
    "decode": (
        "generate:decode",
        "The images of latents.",
        ("latentserve decode fashion-vae z.npy -o back/", "latentserve decode fashion-vae z.npy -o back.png"),
    ),
    "reconstruct": (
        "pictures:reconstruct",
        "Pictures beside what a model makes of them.",
        ("latentserve reconstruct fashion-vae boot.png", "latentserve reconstruct fashion-vae boot.png -o pair.png"),
    ),
    "score": (
        "pictures:score",
        "The ELBO of pictures in its parts, the least likely picture first.",
        (
            "latentserve score fashion-vae boot.png shirt.png --k 100",
            "latentserve score fashion-vae boot.png --format json",
        ),
    ),
    "inspect": (
        "inspection:inspect",
        "What is inside a picture: its recipe, its address, and whether it can be made again here.",
        ("latentserve inspect grid.png",),
    ),
    "train": (
        "training:train",
        "Train a model. Every option: latentserve train KIND --help",
        (
            "latentserve train vae",
            "latentserve train vae --preset quick --data photos",
            "latentserve train vae --data photos --image-size 64 --channels 3 --widths 32 64 128 --likelihood logistic",
            "latentserve train --resume runs/0001-vae",
        ),
    ),
    "eval": (
        "training:evaluate",
        "The metrics of a run or of a model, with their protocol.",
        ("latentserve eval runs/0001-vae", "latentserve eval fashion-vae --images 1000 --draws 10"),
    ),
    "runs": ("runs:app", "What was trained: list, show, compare, rm.", ()),
    "models": ("models:app", "What can be served: list, show, card, verify, add, rm.", ()),
    "data": ("training:data", "Data sets: list, prepare.", ()),
    "doctor": (
        "doctor:doctor",
        "Whether everything is well here: versions, device, port, checkpoints, speed.",
        ("latentserve doctor",),
    ),
    "completion": (
        "completion:completion",
        "The script that completes commands and options in bash, zsh or fish.",
        ("latentserve completion bash", "latentserve completion fish"),
    ),
}
"""Name -> where it is, its summary, and examples that work as they stand."""
WORDS = {
    "sample": "[OPTIONS] MODEL [SEEDS]",
    "interpolate": "[OPTIONS] MODEL [SEEDS]",
    "traverse": "[OPTIONS] MODEL [SEED]",
    "encode": "[OPTIONS] MODEL PICTURES...",
    "reconstruct": "[OPTIONS] MODEL PICTURES...",
    "score": "[OPTIONS] MODEL PICTURES...",
    "inspect": "[OPTIONS] FILES...",
    "completion": "[SHELL]",
    "runs compare": "[OPTIONS] FIRST SECOND [OTHERS...]",
    "models verify": "[OPTIONS] [MODELS...]",
    "data prepare": "[NAME]",
}
"""What stands after a command that takes a list or leaves something out: the parser would only say ARGS."""
PASSED_ON = ("serve", "train", "eval")
"""Their arguments are those of the programs behind them, which also explain them."""


def examples(*lines: str) -> str:
    """As they stand at the end of a help text."""
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def usage(name: str) -> str | None:
    """The first line of a help text; None where the parser's own says it all."""
    return f"Usage: latentserve {name} {WORDS[name]}" if name in WORDS else None


def _version() -> str:
    try:
        return version("latentserve")
    except PackageNotFoundError:
        return "not installed"


def _app() -> App:
    codes = " · ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())
    first = examples("latentserve demo", "latentserve sample fashion-vae 0-15", "latentserve COMMAND --help")
    app = App(
        name="latentserve",
        help=HELP,
        help_epilogue=f"{first}\n\nExit codes: {codes}",
        help_format="plaintext",
        version=_version,
        suppress_keyboard_interrupt=False,
    )
    for name, (place, summary, lines) in COMMANDS.items():
        path = f"latentserve.cli.{place}"
        order = list(COMMANDS).index(name)
        if not lines:  # a group of commands, each with examples of its own
            app.command(path, name=name, help=summary, sort_key=order)
            continue
        passed_on: dict[str, Any] = {"help_flags": []} if name in PASSED_ON else {}
        shown: dict[str, Any] = {"help": summary, "help_epilogue": examples(*lines), "usage": usage(name)}
        app.command(path, name=name, sort_key=order, **shown, **passed_on)
    return app


app = _app()
