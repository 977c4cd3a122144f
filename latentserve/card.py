"""What a model says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Card:
    """The server's card of one model; `facts` is all of it, as in `GET /v1/models/{m}`."""

    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name that means its newest version."""
        return str(self.facts["name"])

    @property
    def pinned(self) -> str:
        """The name that means these weights for ever, `name@digest`."""
        return str(self.facts["pinned"])

    @property
    def digest(self) -> str:
        """sha256 of the checkpoint, 64 hex digits."""
        return str(self.facts["digest"])

    @property
    def kind(self) -> str:
        """The family: vae, dcgan, flow …"""
        return str(self.facts["kind"])

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What it can do: sample, decode, interpolate, encode, reconstruct, score, stage."""
        return tuple(self.facts["capabilities"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that a conditional model knows by name; none for others."""
        return tuple(self.facts.get("labels") or ())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        image = self.facts["image"]
        return int(image["height"]), int(image["width"]), int(image["channels"])

    @property
    def latent_dim(self) -> int:
        """Numbers in one point of its latent space."""
        return int(self.facts["latent_dim"])

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Its figures, each with its protocol."""
        found: Mapping[str, Any] = self.facts.get("metrics") or {}
        return found

    @property
    def limits(self) -> Mapping[str, Any]:
        """What one request may ask of this server."""
        found: Mapping[str, Any] = self.facts["limits"]
        return found

    def __repr__(self) -> str:
        height, width, channels = self.image_shape
        shape = f"{width}×{height}" + ("" if channels == 1 else f"×{channels}")
        return f"<Card {self.pinned}: {self.kind}, {shape}, {self.latent_dim} latents, {' '.join(self.capabilities)}>"
