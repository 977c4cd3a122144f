"""The models that are served, as everyone outside the engine sees them: plain facts, no network."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models_store import Autoencoder, Card, LatentModel, StagedModel, Store
from models_store.likelihoods import Domain
from models_store.operations import operations_of
from service.engine.runner import Runner
from service.errors import CapabilityNotSupported, ModelNotFound, ModelUnavailable, VersionNotFound, shown, suggestion

SHORTEST_DIGEST = 8
USUAL = "fashion-vae"
"""The default model, unless a setting names another or the store has not got it."""


@dataclass(frozen=True)
class ServedModel:
    """A model that is loaded, warmed up and verified."""

    name: str
    digest: str
    """sha256 of the checkpoint, 64 hex digits."""
    kind: str
    image_shape: tuple[int, int, int]
    """(channels, height, width)."""
    latent_dim: int
    capabilities: tuple[str, ...]
    domain: Domain | None
    """The domain in which its likelihood is a probability; None without a likelihood."""
    normal_posterior: bool
    """Whether q(z|x) is a diagonal normal, so that every latent has a standard deviation."""
    closed_form_divergence: bool
    """Whether besides the prior is N(0, I), so that the KL has a closed form in each dimension."""
    stage_count: int | None
    """How many stages a picture goes through; None for a model that makes it at once."""
    numerics: Mapping[str, Any]
    card: Card

    @property
    def pinned(self) -> str:
        """The name that means these weights for ever."""
        return f"{self.name}@{self.digest[:SHORTEST_DIGEST]}"


class Catalog(Mapping[str, ServedModel]):
    """Name -> model, and why the store's other checkpoints are not served."""

    def __init__(
        self, models: Mapping[str, ServedModel], rejected: Mapping[str, str], *, default: str | None = None
    ) -> None:
        self._models = models
        self.rejected = rejected
        vaes = [name for name, model in models.items() if model.kind == "vae"]
        self.default = default or next(iter([*({USUAL} & models.keys()), *vaes, *models]), USUAL)
        """The name of the model that is meant where none is named."""

    @classmethod
    def of(cls, store: Store, runner: Runner, *, default: str | None = None) -> "Catalog":
        """The models of a store that the runner has warmed up."""
        models = {
            name: ServedModel(
                name=name,
                digest=stored.digest,
                kind=stored.architecture,
                image_shape=stored.network.image_shape,
                latent_dim=stored.network.latent_dim,
                capabilities=capabilities_of(stored.network),
                domain=stored.network.domain if isinstance(stored.network, Autoencoder) else None,
                normal_posterior="scale" in operations_of(stored.network),
                closed_form_divergence="divergence" in operations_of(stored.network),
                stage_count=stored.network.stage_count if isinstance(stored.network, StagedModel) else None,
                numerics=runner.numerics(stored.digest),
                card=stored.card,
            )
            for name, stored in store.items()
        }
        return cls(models, store.rejected, default=default)

    def __getitem__(self, name: str) -> ServedModel:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def find(self, reference: str) -> ServedModel:
        """The model that `name` or `name@digest-prefix` means."""
        name, pinned, digest = reference.partition("@")
        if name in self.rejected:
            raise ModelUnavailable(f"the checkpoint of {name!r} was refused: {self.rejected[name]}")
        if name not in self._models:
            raise self._unknown(name)
        model = self._models[name]
        if pinned and (len(digest) < SHORTEST_DIGEST or not model.digest.startswith(digest)):
            detail = f"{name!r} is not at {shown(digest)!r}; it is at {model.digest[:16]}"
            raise VersionNotFound(
                detail, current=model.digest, hint=f"use {model.pinned}, or {name} for the current one"
            )
        return model

    def require(self, model: ServedModel, capability: str) -> None:
        """Raises CapabilityNotSupported, which names the models that can."""
        if capability in model.capabilities:
            return
        able = self.able(lambda other: capability in other.capabilities)
        hint = f"ask {able[0]}" if able else "no model of this store can"
        detail = f"{model.name!r} is a {model.kind} and cannot {capability}"
        raise CapabilityNotSupported(detail, supported_by=able, hint=hint)

    def able(self, can: Callable[[ServedModel], bool]) -> list[str]:
        """The names of the models of which that is true, the default one first: hints name the first."""
        names = [name for name, model in self._models.items() if can(model)]
        return sorted(names, key=lambda name: name != self.default)

    def _unknown(self, name: str) -> ModelNotFound:
        near = suggestion(name, self._models)
        hint = {"hint": f"did you mean {near!r}?"} if near else {}
        return ModelNotFound(f"no model {shown(name)!r} in the store", models=sorted(self._models), **hint)


def capabilities_of(network: LatentModel) -> tuple[str, ...]:
    """What a model can do follows from its type alone."""
    found = ["sample", "decode", "interpolate"]
    if isinstance(network, Autoencoder):
        found += ["encode", "reconstruct", "score"]
    if isinstance(network, StagedModel):
        found += ["stage"]
    return tuple(found)
