"""Commands about what can be served."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from latentserve.cli.app import examples, usage
from latentserve.cli.consent import agreed
from latentserve.cli.outcome import FAILED, OK
from latentserve.cli.store import forget, shipped_store, store_folder, stored_models
from latentserve.cli.where import Where, remark

app = App(
    name="models",
    help="What can be served: list, show, card, verify, add, rm.",
    help_epilogue=examples("latentserve models list", "latentserve models card fashion-vae"),
)
HERE = Where()


@app.command(name="list", help_epilogue=examples("latentserve models list"))
def show_all(*, where: Where = HERE) -> None:
    """All models: name, kind, digest, and a sentence each."""
    if where.server:
        with where.client() as client:
            rows = [(card.name, card.kind, card.digest, str(card.facts.get("summary", ""))) for card in client.models()]
    else:
        rows = [(each.name, each.kind, each.digest, each.summary) for each in stored_models(store_folder(where.store))]
    width = max((len(row[0]) for row in rows), default=0)
    for name, kind, digest, summary in rows:
        sys.stdout.write(f"{name:{width}}  {kind:12}  {digest[:8]}  {summary}\n")


@app.command(help_epilogue=examples("latentserve models show fashion-vae"))
def show(model: str, /, *, where: Where = HERE) -> None:
    """Everything about a model, as JSON."""
    with where.client(model) as client:
        sys.stdout.write(json.dumps(dict(client.card(model).facts), indent=2, ensure_ascii=False) + "\n")


@app.command(help_epilogue=examples("latentserve models card fashion-vae"))
def card(model: str, /, *, where: Where = HERE) -> None:
    """A model's card, to be read."""
    with where.client(model) as client:
        found = client.card(model)
    height, width, channels = found.image_shape
    facts = {
        "kind": found.kind,
        "digest": found.digest,
        "images": f"{width}×{height}, {channels} {'channel' if channels == 1 else 'channels'}",
        "latents": found.latent_dim,
        "can": ", ".join(found.capabilities),
        "labels": ", ".join(found.labels) or None,
        "data": _data(found.facts.get("data") or {}),
        "command": (found.facts.get("training") or {}).get("command"),
    }
    sys.stdout.write(f"{found.name}: {found.facts.get('summary', '')}\n\n")
    for name, value in facts.items():
        if value is not None:
            sys.stdout.write(f"  {name:9}{value}\n")
    for line in _figures(found.metrics):
        sys.stdout.write(f"  {line}\n")


def _data(data: dict[str, Any]) -> str:
    return ", ".join(str(data[name]) for name in ("name", "licence") if name in data)


def _figures(metrics: Any) -> list[str]:
    """A line for each metric with a value of its own."""
    lines = []
    for name, figure in metrics.items():
        if isinstance(figure, dict) and isinstance(figure.get("value"), int | float):
            error = figure.get("standard_error")
            lines.append(f"{name}: {figure['value']:.4g}" + (f" ± {error:.2g}" if error else ""))
    return ["", *lines] if lines else []


@app.command(
    help_epilogue=examples("latentserve models verify", "latentserve models verify fashion-vae"),
    usage=usage("models verify"),
)
def verify(*models: str, store: Path | None = None) -> int:
    """Reads checkpoints whole: digest, names, shapes, dtypes, finiteness.

    Parameters
    ----------
    models
        all of the store, if none is named
    store
        the folder of models, by default the shipped
    """
    from latentserve.local import package  # noqa: PLC0415  # httpx is not needed before

    checkpoint = package("models_store.checkpoint")
    folder = store_folder(store)
    broken = 0
    for name in models or [each.name for each in stored_models(folder)]:
        try:
            found = checkpoint.read_checkpoint(folder, name)
            sys.stdout.write(f"ok      {name}@{found.digest[:8]}  {found.architecture}\n")
        except checkpoint.CheckpointError as error:
            sys.stdout.write(f"broken  {name}: {error}\n")
            broken += 1
    return FAILED if broken else OK


@app.command(help_epilogue=examples("latentserve models add runs/0001-vae --name my-vae"))
def add(
    run: Path,
    /,
    *,
    name: Annotated[str, Parameter(help="the name it is served by")],
    summary: Annotated[str | None, Parameter(help="one sentence for its card")] = None,
    store: Annotated[Path | None, Parameter(help="the folder of models, by default the shipped")] = None,
) -> int:
    """Puts the best network of a run into the store; restart the server to serve it."""
    from latentserve.cli.training import run_training  # noqa: PLC0415  # needed by this one alone

    options = [*(["--summary", summary] if summary else []), *(["--store", str(store)] if store else [])]
    return run_training(["export", str(run), "--name", name, *options])


@app.command(name="rm", help_epilogue=examples("latentserve models rm my-vae --store my-models --yes"))
def remove(
    model: str,
    /,
    *,
    yes: Annotated[bool, Parameter(help="do not ask", negative="")] = False,
    store: Annotated[Path | None, Parameter(help="the folder of models, by default the shipped")] = None,
) -> None:
    """Removes a model from a store: its name, and its weights unless another name has them; the run stays.

    Parameters
    ----------
    model
        its name
    """
    folder = store_folder(store)
    stored = next((each for each in stored_models(folder) if each.name == model), None)
    if stored is None:
        names = ", ".join(each.name for each in stored_models(folder)) or "none"
        raise ValueError(f"there is no model {model!r} in {folder}; there are {names}")
    if not yes:
        if folder.resolve() == shipped_store().resolve():
            raise ValueError(f"{folder} is the shipped store, whose models may be missed; insist with --yes")
        if not agreed(f"{model}@{stored.digest[:8]} from {folder}"):
            return
    forget(folder, model)
    remark(f"removed {model} from {folder}; a server that runs has it until it is started again")
