"""The checkpoint format: a safetensors file that says what it is, and the pointer that gives it a name.

A file `<name>-<first 16 hex of its sha256>.safetensors` is never changed once written. Its header carries, as JSON,
the format version, the architecture, its config and the card. A pointer `<name>.json` of {file, size, sha256} is
replaced by rename after fsync, so a reader sees the old checkpoint or the new one and never half of either.
Nothing here unpickles anything.
"""

import dataclasses
import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor, nn

from models_store.base import LatentModel
from models_store.classifier import Classifier, ClassifierConfig
from models_store.conditional_vae import ConditionalVAE, ConditionalVAEConfig
from models_store.dcgan import DCGAN, DCGANConfig
from models_store.discrete_vae import DiscreteVAE, DiscreteVAEConfig
from models_store.draw import DRAW, DRAWConfig
from models_store.energy_vae import EnergyVAE, EnergyVAEConfig
from models_store.flow import RealNVP
from models_store.image_flow import ImageFlow, ImageFlowConfig
from models_store.inverted_dcgan import InvertedDCGAN, InvertedDCGANConfig
from models_store.pointer import (
    LARGEST_HEADER,
    CheckpointError,
    Pointer,
    StoredFile,
    read_pointer,
    replace_file,
    write_pointer,
)
from models_store.vae import VAE, VAEConfig

FORMAT = 1
DEEPEST_CARD = 16
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
METADATA_KEY = "latentserve"

ARCHITECTURES: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "classifier": (ClassifierConfig, Classifier),
    "conditional-vae": (ConditionalVAEConfig, ConditionalVAE),
    "dcgan": (DCGANConfig, DCGAN),
    "discrete-vae": (DiscreteVAEConfig, DiscreteVAE),
    "draw": (DRAWConfig, DRAW),
    "energy-vae": (EnergyVAEConfig, EnergyVAE),
    "flow": (ImageFlowConfig, ImageFlow),
    "inverted-dcgan": (InvertedDCGANConfig, InvertedDCGAN),
    "vae": (VAEConfig, VAE),
}
"""Architecture -> its config and its network: the one line a new model family adds here."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a checkpoint's reader wants to know beside the numbers themselves; plain JSON values throughout."""

    summary: str
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    """The classes of a conditional model, which its last len(labels) latents choose: `models_store/latents.py`."""

    def __post_init__(self) -> None:
        if not isinstance(self.summary, str) or not all(
            isinstance(each, dict) for each in (self.data, self.training, self.metrics)
        ):
            raise TypeError("a card is a text and three objects: summary, data, training, metrics")
        named = isinstance(self.labels, list) and all(isinstance(label, str) and label for label in self.labels)
        if not named or len(set(self.labels)) != len(self.labels):
            raise TypeError("the labels of a card are a list of different names")
        _require_plain(dataclasses.asdict(self))


def _require_plain(value: Any, depth: int = 0) -> None:
    """Raises ValueError for what no JSON reader is sure to take: huge integers, NaN, lone surrogates, deep nesting."""
    if depth > DEEPEST_CARD:
        raise ValueError(f"a card nests deeper than {DEEPEST_CARD} levels")
    match value:
        case None | bool():
            return
        case str():
            value.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
        case int() if abs(value) < 2**63:
            return
        case float() if math.isfinite(value):
            return
        case dict():
            for key, member in value.items():
                _require_plain(str(key), depth)
                _require_plain(member, depth + 1)
        case list() | tuple():
            for member in value:
                _require_plain(member, depth + 1)
        case _:
            raise ValueError(f"a card holds {str(value)[:32]!r}, which is no plain JSON value")


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint: the network is frozen, in eval mode and on the CPU."""

    name: str
    digest: str
    architecture: str
    card: Card
    network: nn.Module


def write_checkpoint(folder: Path, name: str, network: nn.Module, card: Card) -> Path:
    """Adds a checkpoint to the folder under that name and returns its file; an older file of the name stays.

    Raises ValueError for a name outside `[a-z0-9][a-z0-9._-]{0,63}` or a network of no known architecture, and
    CheckpointError, before the name has moved, for weights that could not be served, such as NaN.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"checkpoint name {name!r}: want lower-case letters, digits, '.', '_' or '-', at most 64")
    header = {
        "format": FORMAT,
        "architecture": _architecture_of(network),
        "config": dataclasses.asdict(network.config),  # type: ignore[call-overload]  # every architecture has one
        "card": dataclasses.asdict(card),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    content = dump_tensors(tensors, metadata={METADATA_KEY: json.dumps(header, sort_keys=True, allow_nan=False)})
    digest = hashlib.sha256(content).hexdigest()
    _parse(name, digest, content)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{digest[:16]}.safetensors"
    replace_file(path, content)
    pointer = Pointer(path.name, len(content), digest)
    write_pointer(folder, name, pointer)
    return path


def write_graphs(folder: Path, name: str, content: bytes) -> Path:
    """Puts an archive of graphs beside the checkpoint that the name points to, and returns its file."""
    pointer = read_pointer(folder / f"{name}.json")
    path = folder / f"{pointer.file.removesuffix('.safetensors')}.graphs.zip"
    replace_file(path, content)
    graphs = StoredFile(path.name, len(content), hashlib.sha256(content).hexdigest())
    write_pointer(folder, name, dataclasses.replace(pointer, graphs=graphs))
    return path


def read_checkpoint(folder: Path, name: str) -> Checkpoint:
    """Loads and verifies the checkpoint of that name; raises CheckpointError if anything at all is wrong with it."""
    if not NAME.fullmatch(name):
        raise CheckpointError(f"{name!r} is no name for a checkpoint")
    pointer = read_pointer(folder / f"{name}.json")
    content = pointer.read(folder)
    try:
        return _parse(name, pointer.sha256, content)
    except CheckpointError as error:
        raise CheckpointError(f"{pointer.file}: {error}") from None


def parse_header(content: bytes) -> dict[str, Any]:
    """The JSON object under our key in a safetensors header; raises CheckpointError if there is none."""
    length = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else LARGEST_HEADER + 1
    if length > LARGEST_HEADER or 8 + length > len(content):
        raise CheckpointError(f"its header is broken or above {LARGEST_HEADER} bytes")
    try:
        header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][METADATA_KEY])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CheckpointError("it carries no latentserve header; write it with `python -m training export`") from None
    if not isinstance(header, dict) or type(header.get("format")) is not int or header["format"] != FORMAT:
        raise CheckpointError(f"its format is not {FORMAT}, the one this version reads")
    return header


def _parse(name: str, digest: str, content: bytes) -> Checkpoint:
    header = parse_header(content)
    architecture = header.get("architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise CheckpointError(f"architecture {architecture!r} is none of {', '.join(ARCHITECTURES)}")
    config_type, network_type = ARCHITECTURES[architecture]
    try:
        config = config_type(**{key: _frozen(value) for key, value in header["config"].items()})
        # On the meta device nothing is allocated: an absurd config fails by its shapes, not by its memory.
        with torch.device("meta"):
            network = network_type(config)
        card = Card(**header["card"])
        tensors = load_tensors(content)
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(f"its header or tensors do not make a {architecture}: {error}") from None
    if isinstance(network, LatentModel) and len(card.labels) > network.latent_dim:
        raise CheckpointError(f"its card names {len(card.labels)} labels, and {network.latent_dim} latents choose one")
    _verify(network.state_dict(), tensors)
    network.load_state_dict(tensors, assign=True)
    _verify_meaning(network)
    network.requires_grad_(False)
    return Checkpoint(name, digest, architecture, card, network.eval())


def _verify(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    if expected.keys() != found.keys():
        odd = sorted(expected.keys() ^ found.keys())
        raise CheckpointError(f"tensors missing or not expected: {', '.join(odd[:5])}")
    for key, tensor in found.items():
        want = expected[key]
        if tensor.shape != want.shape or tensor.dtype != want.dtype:
            wanted = f"{tuple(want.shape)} {want.dtype}"
            raise CheckpointError(f"tensor {key} is {tuple(tensor.shape)} {tensor.dtype}, its config wants {wanted}")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError(f"tensor {key} holds NaN or infinity")


def _verify_meaning(network: nn.Module) -> None:
    """Numbers can be finite and still mean nothing in their place."""
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and (cast("Tensor", module.running_var) < 0).any():
            raise CheckpointError(f"tensor {name}.running_var holds a negative variance")
        if isinstance(module, RealNVP):
            try:
                module.check()
            except ValueError as error:
                raise CheckpointError(f"tensor {name}.{error}") from None


def _architecture_of(network: nn.Module) -> str:
    for name, (_, network_type) in ARCHITECTURES.items():
        if type(network) is network_type:
            return name
    raise ValueError(f"{type(network).__name__} is no architecture of models_store.checkpoint.ARCHITECTURES")


def _frozen(value: Any) -> Any:
    """JSON has no tuples: lists of a config come back as them."""
    return tuple(value) if isinstance(value, list) else value
