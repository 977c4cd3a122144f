"""Recipes with a name: the flags that a training starts from, each of which a flag given beside it replaces."""

from collections.abc import Mapping
from typing import Any

Preset = Mapping[str, Any]

PRESETS: Mapping[str, Mapping[str, Preset]] = {
    "vae": {
        # Two hours of one CPU core, or an hour of two.
        "cpu": {
            "doubling": "shuffled",
            "steps": 44_000,
            "batch_size": 64,
            "importance_part": 0.12,
            "validate_every": 4_000,
        },
        # Of the 256 levels of a grey pixel and not of bits. A quarter of an hour of a core.
        "eight-bit": {
            "likelihood": "logistic",
            "doubling": "shuffled",
            "steps": 5_000,
            "batch_size": 64,
            "importance_part": 0.0,
        },
        # A minute or two of one core, and of one only, since two are slower where somebody else works as well: to see
        # that it works, and for a folder of a few hundred pictures.
        "quick": {
            "widths": (16, 32),
            "hidden": 128,
            "latent_dim": 16,
            "couplings": 4,
            "flow_hidden": 64,
            "doubling": "shuffled",
            "steps": 1_500,
            "batch_size": 64,
            "learning_rate": 2e-3,
            "warm_up": 100,
            "kl_warm_up": 300,
            "importance_part": 0.0,
            "validate_every": 500,
            "threads": 1,
        },
    },
    "conditional-vae": {
        "cpu": {"doubling": "shuffled", "steps": 20_000, "batch_size": 64, "validate_every": 4_000},
    },
    "dcgan": {
        # The paper's game with batches half as large: twice the steps in the same time, and better samples. An hour and
        # a little of one core.
        "cpu": {"batch_size": 64, "steps": 38_000, "validate_every": 2_000},
        # For a CPU with AVX512-BF16 or AMX: a third more steps in the same time. Others are several times slower by it.
        "bf16": {
            "precision": "bf16",
            "batch_size": 64,
            "steps": 51_000,
            "average": 0.9995,
            "validate_every": 2_000,
        },
        "paper": {},
        # A D that cannot run away allows a learning rate five times the paper's. `--translation` (DiffAugment) is
        # for data that D could learn by heart: with 50,000 images it took half of the speed and gained nothing.
        "beyond": {"discriminator": "spectral-norm", "penalty": 1.0, "learning_rate": 1e-3},
    },
}
"""Kind of training -> name -> values by flag; the first is what a training without `--preset` takes."""


def preset_of(kind: str, name: str | None) -> Preset:
    """The values of that preset, or of the kind's first; none for a kind that has none."""
    presets = PRESETS.get(kind, {})
    return presets[name] if name else next(iter(presets.values()), {})


def described(kind: str) -> str:
    """What `--help` says of the presets of a kind."""
    lines = [f"{name}: {_flags(preset) or 'all defaults'}" for name, preset in PRESETS[kind].items()]
    return f"a recipe to start from [{next(iter(PRESETS[kind]))}]. " + " · ".join(lines)


def _flags(preset: Preset) -> str:
    values = {name: " ".join(map(str, value)) if isinstance(value, tuple) else value for name, value in preset.items()}
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in values.items())
