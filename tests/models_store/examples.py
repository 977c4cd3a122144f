"""What the tests of models_store share: noise of a fixed seed, a flow that bends, and checkpoints forged by hand."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from models_store.checkpoint import FORMAT, METADATA_KEY
from models_store.flow import RealNVP


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Standard normals in float64, the same at every run."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def bent_flow(dim: int, *, couplings: int = 4, strength: float = 0.7) -> RealNVP:
    """A RealNVP in float64 that is far from the identity that a fresh one is, where its mass lies."""
    flow = RealNVP(dim, couplings=couplings, hidden=8).double()
    for seed, (name, parameter) in enumerate(flow.named_parameters()):
        if name.endswith("weight"):
            parameter.data = noise(*parameter.shape, seed=seed) * strength / parameter.shape[1] ** 0.5
        elif name.endswith("bias"):
            parameter.data = noise(*parameter.shape, seed=seed) * 0.2
    return flow.requires_grad_(False)


def header_of(network: nn.Module, architecture: str, **config: object) -> dict[str, Any]:
    """The header that `write_checkpoint` would give it, with some of its config changed."""
    options = dataclasses.asdict(network.config) | config  # type: ignore[call-overload]  # every network has one
    return {"format": FORMAT, "architecture": architecture, "config": options, "card": {"summary": "forged"}}


def contiguous(network: nn.Module) -> dict[str, Tensor]:
    """Its tensors, each in memory of its own: free to be changed."""
    return {key: value.clone() for key, value in network.state_dict().items()}


def forge(folder: Path, name: str, *, header: object, tensors: Mapping[str, Tensor]) -> Path:
    """A checkpoint of any header and tensors, whose pointer and digest are right: returns the tensor file."""
    return forge_bytes(folder, name, save(dict(tensors), metadata={METADATA_KEY: json.dumps(header)}))


def forge_bytes(folder: Path, name: str, content: bytes) -> Path:
    """A tensor file of any bytes with a pointer that is right about them."""
    path = folder / f"{name}.safetensors"
    path.write_bytes(content)
    point(folder, name, path.name, content)
    return path


def point(folder: Path, name: str, file: str, content: bytes, **changes: object) -> None:
    """A pointer to the file with the size and digest of that content, some fields changed."""
    fields = {"file": file, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / f"{name}.json").write_text(json.dumps(fields | changes))
