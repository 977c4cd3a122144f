"""A run folder: the config it was started with, its statistics, pictures, snapshots and, later, its evaluation."""

import dataclasses
import importlib.metadata
import json
import math
import platform
import re
from pathlib import Path
from typing import Any

import torch

from models_store.pointer import replace_file
from training.config import RunConfig
from training.flags import build, flat_values
from training.kinds import KINDS


class Run:
    """Paths and small JSON files; knows no tensors."""

    def __init__(self, folder: Path, kind: str, config: RunConfig) -> None:
        self.folder = folder
        self.kind = kind
        self.config = config

    @classmethod
    def create(cls, root: Path, kind: str, config: RunConfig) -> "Run":
        """A new folder `0007-vae` under the root, numbered after the highest there."""
        root.mkdir(parents=True, exist_ok=True)
        numbers = [int(match[1]) for path in root.iterdir() if (match := re.match(r"(\d{4})-", path.name))]
        folder = root / f"{max(numbers, default=0) + 1:04d}-{kind}"
        folder.mkdir()
        run = cls(folder, kind, config)
        run.write_json("config.json", {"kind": kind} | flat_values(config))
        run.write_json("environment.json", environment())
        return run

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Raises ValueError when the folder holds no run."""
        try:
            values = json.loads((folder / "config.json").read_text())
            kind = values.pop("kind")
            return cls(folder, kind, build(KINDS[kind].config, values))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder} is no run folder: {error}") from error

    @property
    def last(self) -> Path:
        """The newest snapshot: where `--resume` goes on."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The snapshot of the best validation: what is evaluated and exported."""
        return self.folder / "best.safetensors"

    def change(self, **values: Any) -> None:
        """From here on; the folder keeps these fields of the config, so that the next slice has them as well."""
        changed = dataclasses.replace(self.config, **values)
        if changed != self.config:
            self.config = changed
            self.write_json("config.json", {"kind": self.kind} | flat_values(self.config))

    def picture(self, name: str, step: int) -> Path:
        """Where a grid of that step goes."""
        path = self.folder / name / f"{step:06d}.png"
        path.parent.mkdir(exist_ok=True)
        return path

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        replace_file(self.folder / name, (json.dumps(values, indent=2) + "\n").encode())

    def read_json(self, name: str) -> dict[str, Any]:
        """The values, or an empty dictionary when nothing was written yet."""
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else {}

    def append_statistics(self, step: int, values: dict[str, float]) -> None:
        """One line of `statistics.jsonl`; no times in it, so that a resumed run writes the very same file."""
        with (self.folder / "statistics.jsonl").open("a") as file:
            finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
            file.write(json.dumps({"step": step} | finite) + "\n")

    def statistics(self) -> list[dict[str, float | None]]:
        """All lines of it so far."""
        path = self.folder / "statistics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def forget_statistics_after(self, step: int) -> None:
        """Drops what a killed run wrote after its last snapshot."""
        path = self.folder / "statistics.jsonl"
        if path.exists():
            # A line cut off by the kill has no newline at its end and is none of ours.
            lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            replace_file(path, "".join(kept).encode())


def environment() -> dict[str, Any]:
    """What a reader needs to repeat a run elsewhere."""
    packages = ("torch", "numpy", "pillow", "safetensors")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    } | {package: importlib.metadata.version(package) for package in packages}
