"""What each command of the command line does, as plain functions."""

import json
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from models_store.base import Autoencoder, LatentModel
from models_store.checkpoint import (
    Card,
    write_checkpoint,
    write_graphs,
)
from models_store.conditional_vae import ConditionalVAEConfig
from models_store.dcgan import DCGANConfig
from models_store.graphs import pack
from models_store.pointer import read_pointer
from training import binarized_mnist, emoji, fashion_mnist, program
from training import data as datasets
from training.allocator import keep_freed_memory
from training.data import ImageSet
from training.evaluate import evaluate as metrics_of
from training.flags import build, flat_values
from training.gap import gap_table
from training.judge import judges_of
from training.kinds import KINDS
from training.lecture import LESSONS
from training.loop import fit
from training.presets import preset_of
from training.report import save_grid
from training.run import Run
from training.rungs import rungs as rungs_of
from training.sources import best_network, data_of, data_of_card, device_of, objective_of, stored

CHANGEABLE = {"threads", "on_collapse"}
"""What a resumed run may be told beside its own config."""


def train(kind: str, given: dict[str, Any]) -> None:
    """A new run, or with `resume` an old one. Raises ValueError for flags that contradict a resumed run."""
    if given.get("threads", 1) < 1:
        raise ValueError(f"--threads {given['threads']}: want one or more")
    runs, store, folder, stop_after = (given.pop(key, None) for key in ("runs", "store", "resume", "stop_after"))
    if folder is None:
        preset = preset_of(kind, given.pop("preset", None))
        config = build(KINDS[kind].config, {**preset, **given})
        images = datasets.load(config.data, image_size=config.model.image_size, channels=config.model.channels)
        _require_classes(config.model, images)
        run = Run.create(runs, kind, config)
    else:
        run = _resumed(kind, folder, given)
        images = data_of(run)
    _train(run, images, store, stop_after)


def _require_classes(model: Any, images: ImageSet) -> None:
    """Raises ValueError unless a conditional network has as many classes as the data."""
    classes = _classes_of(model)
    if classes and classes != len(images.classes):
        raise ValueError(f"--classes {classes}: {images.name} has {len(images.classes)}")


def _classes_of(model: Any) -> int:
    """How many classes a generator can be asked for; a classifier's are what it answers, and are not meant."""
    asked = isinstance(model, DCGANConfig | ConditionalVAEConfig)
    return model.classes if asked and model.classes > 1 else 0


def _resumed(kind: str, folder: Path, given: dict[str, Any]) -> Run:
    run = Run.open(folder)
    changes = {name: given.pop(name) for name in CHANGEABLE & given.keys()}
    if given:
        raise ValueError(f"--resume goes on with the run's own config; leave out --{', --'.join(given)}")
    if run.kind != kind:
        raise ValueError(f"{folder} is a run of {run.kind}: {program.resume(run.kind, folder)}")
    run.change(**changes)
    return run


def evaluate(
    model: str,
    *,
    draws: int,
    images: int | None,
    gap: int | None,
    rungs: int | None,
    judge: list[str] | None,
    seed: int,
    device: str,
    store: Path,
) -> None:
    """Prints the metrics as JSON; those of a run are kept in its folder for `export`, and pictures beside them."""
    where = device_of(device)
    run = Run.open(Path(model)) if Path(model).is_dir() else None
    if run:
        network, step = best_network(run, where, store)
        images_of = data_of(run)
    else:
        checkpoint, step = stored(store, model), None
        network, images_of = checkpoint.network, data_of_card(checkpoint)
    network, data = network.to(where), images_of.to(where)
    deeper = {name: count for name, count in {"gap": gap, "rungs": rungs}.items() if count is not None}
    if deeper and not isinstance(network, Autoencoder):
        flags = " and ".join(f"--{name} {count}" for name, count in deeper.items())
        raise ValueError(f"{flags}: {model} has no likelihood, and so no ELBO")
    judges = judges_of(judge, data.name, store=store, device=where) if isinstance(network, LatentModel) else []
    found = metrics_of(network, data, judges, draws=draws, images=images, seed=seed)
    metrics = found.metrics | _bounds(network, data, deeper, draws=draws, seed=seed)
    asked = {"draws": draws, "seed": seed, "images": images, "judge": " ".join(judge or ()), **deeper}
    given = "".join(f" --{name} {value}" for name, value in asked.items() if value not in (None, ""))
    report = {"step": step, "metrics": metrics, "command": f"python -m training evaluate {model}{given}"}
    if run:
        run.write_json("evaluation.json", report)
        for name, pictures in found.pictures.items():
            save_grid(run.folder / f"{name}.png", pictures)
    shown = {name: {key: each for key, each in value.items() if key != "quantiles"} for name, value in metrics.items()}
    print(json.dumps(report | {"metrics": shown}, indent=2))


def _bounds(network: nn.Module, data: ImageSet, asked: dict[str, int], *, draws: int, seed: int) -> dict[str, Any]:
    """The gap below log p(x) and the rungs between, of as many test images as were asked for."""
    found: dict[str, Any] = {}
    if "gap" in asked:
        autoencoder = cast("Autoencoder", network)
        found["gap"] = gap_table(autoencoder, data.test, images=asked["gap"], draws=draws, seed=seed)
    if "rungs" in asked:
        climbed = rungs_of(cast("Autoencoder", network), data.test, images=asked["rungs"], seed=seed)
        protocol = f"{asked['rungs']} test images, shuffled once, nested draws, seed {seed}"
        found["rungs"] = {"value": climbed, "protocol": protocol}
    return found


def export(run: Path, *, name: str, summary: str | None, store: Path) -> None:
    """Writes the best network of the run into the store, with its card."""
    opened = Run.open(run)
    data = data_of(opened)
    network, step = best_network(opened, torch.device("cpu"), store)
    evaluation = opened.read_json("evaluation.json")
    if evaluation.get("step") != step:
        # Of an earlier state of the run, or never made: its figures are not those of this network.
        evaluation = {}
    training = {
        "command": f"python -m training {opened.kind}",
        "config": flat_values(opened.config),
        "step": step,
        "environment": opened.read_json("environment.json"),
        "evaluation": evaluation.get("command"),
    }
    card = Card(
        summary=summary or f"{opened.kind} trained on {data.name}",
        data=data.describe(),
        training=training,
        metrics=evaluation.get("metrics", {}),
        labels=list(data.classes) if _classes_of(opened.config.model) else [],
    )
    path = write_checkpoint(store, name, network, card)
    again = f"{program.command('evaluate', run)}, then {program.command('export', run, '--name', name)}"
    missing = "" if evaluation else f"  (no metrics of step {step} in its card: {again})"
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB{missing}")


def graphs(name: str, *, store: Path) -> None:
    """Writes the operations of a stored model as graphs beside its checkpoint."""
    # Its libraries take a second to import, which no other command should pay.
    from training.graphs import Weights, graphs_of  # noqa: PLC0415

    network = stored(store, name).network
    if not isinstance(network, LatentModel):
        raise ValueError(f"{name} is no model that is served")  # noqa: TRY004  # what was asked for, not its type
    pointer = read_pointer(store / f"{name}.json")
    found = graphs_of(network, Weights.of(store / pointer.file))
    path = write_graphs(store, name, pack(found))
    print(f"{path}  {path.stat().st_size / 1e3:.0f} kB: {', '.join(sorted(found))}")


def lecture(name: str, *, figures: Path) -> None:
    """Does one lesson or all, prints what each found and where its figure lies."""
    for each in LESSONS if name == "all" else (name,):
        path = figures / f"{each}.png"
        findings = LESSONS[each](path)
        print(f"{each}: {path}")
        for what, value in findings.items():
            print(f"  {value:10.4f}  {what}")


def data(name: str) -> None:
    """Makes sure that a data set is here, every byte as published."""
    source = {"fashion-mnist": fashion_mnist, "binarized-mnist": binarized_mnist, "emoji64": emoji}[name]
    folder = source.find() or source.fetch()
    found = datasets.SOURCES[name].read()
    print(f"{folder}: {_counts(found)}, checked")


def _counts(images: ImageSet) -> str:
    return f"{len(images.train)} training, {len(images.validation)} validation and {len(images.test)} test images"


def _shape(run: Run) -> str:
    """What the network sees; of a folder's pictures also what it does not see."""
    model, folder = run.config.model, run.config.data not in datasets.SOURCES
    hint = " (of colour pictures: --channels 3 keeps colour)" if folder and model.channels == 1 else ""
    return f"{model.image_size}×{model.image_size} {'grey' if model.channels == 1 else 'colour'}{hint}"


def _train(run: Run, images: ImageSet, store: Path, stop_after: int | None) -> None:
    config = run.config
    keep_freed_memory()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)  # of the initial weights only: the loop's noise has generators of its own
    # The pictures of an epoch are full of exact zeros' neighbours; denormal numbers would slow them tenfold.
    torch.set_flush_denormal(True)
    device = device_of(config.device)
    images = images.to(device)
    objective = objective_of(run, device, store)
    print(f"{run.folder}: {run.kind} on {images.name}: {_counts(images)}, {_shape(run)}")
    threads = f"{config.threads} thread{'s' * (config.threads > 1)}"
    print(f"{config.steps} steps of {config.batch_size} images on {device}, {threads}", flush=True)
    save_grid(run.folder / "data.png", images.train.take(torch.arange(64) % len(images.train)).pixels().cpu().numpy())
    done = fit(run, objective, images, stop_after=stop_after)
    if done.step == config.steps or done.waited:
        print(f"best at step {done.best_step}; next: {program.command('evaluate', run.folder)}")
