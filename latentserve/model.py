"""What both kinds of model share: the card's facts as attributes."""

from collections.abc import Mapping
from typing import Any

from latentserve.calls import ModelCalls
from latentserve.card import Card


class Described:
    """One version of one model, pinned by its digest: what a notebook computes today it computes tomorrow."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.calls = ModelCalls(card)
        """The requests behind each method, for whoever sends them by other means."""

    @property
    def name(self) -> str:
        """The name that means its newest version."""
        return self.card.name

    @property
    def digest(self) -> str:
        """sha256 of the checkpoint, 64 hex digits."""
        return self.card.digest

    @property
    def kind(self) -> str:
        """The family: vae, dcgan, flow …"""
        return self.card.kind

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What it can do: sample, decode, interpolate, encode, reconstruct, score, stage."""
        return self.card.capabilities

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of a conditional model; none for others."""
        return self.card.labels

    @property
    def latent_dim(self) -> int:
        """Numbers in one point of its latent space."""
        return self.card.latent_dim

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.card.image_shape

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Its figures, each with its protocol."""
        return self.card.metrics

    def __repr__(self) -> str:
        return repr(self.card).replace("<Card", f"<{type(self).__name__}")
