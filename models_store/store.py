"""A folder of checkpoints as a mapping: name -> model, a broken one reported by name while the others load."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models_store.base import LatentModel
from models_store.checkpoint import NAME, Card, read_checkpoint
from models_store.graphs import Graph, GraphsError, unpack
from models_store.pointer import CheckpointError, read_pointer

logger = logging.getLogger("latentserve")

SHIPPED = Path(__file__).parent / "weights"
"""The store that comes with the project, from whatever folder it is run."""


@dataclass(frozen=True)
class StoredModel:
    """A servable model, verified, frozen and on the CPU."""

    name: str
    digest: str
    """sha256 of the checkpoint file, in hex."""
    architecture: str
    card: Card
    network: LatentModel
    graphs: Mapping[str, Graph] = field(default_factory=dict)
    """Operation -> its graph, of those that have one."""


class Store(Mapping[str, StoredModel]):
    """The servable models of a folder, loaded once. `rejected` says why the others are not here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rejected: dict[str, str] = {}
        self._models: dict[str, StoredModel] = {}

    @classmethod
    def load(cls, folder: Path) -> "Store":
        """Reads every `<name>.json` of the folder; raises CheckpointError only if there is no such folder."""
        if not folder.is_dir():
            raise CheckpointError(f"the store {folder} is no folder; train a model and export it there")
        store = cls(folder)
        for pointer in sorted(folder.glob("[!.]*.json")):
            store._load(pointer.stem)
        return store

    def __getitem__(self, name: str) -> StoredModel:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def _load(self, name: str) -> None:
        if not NAME.fullmatch(name):
            # A file name is bytes: what is no text is shown by its escapes.
            shown = name.encode("utf-8", "backslashreplace").decode()
            self.rejected[shown] = f"{name!r} is no name for a checkpoint"
            return
        try:
            found = read_checkpoint(self.folder, name)
        except CheckpointError as error:
            self.rejected[name] = str(error)
            return
        # A classifier lies in the store for evaluation; it is no latent model and nobody asks to serve it.
        if isinstance(found.network, LatentModel):
            model = StoredModel(
                found.name, found.digest, found.architecture, found.card, found.network, self._graphs(name)
            )
            self._models[name] = model

    def _graphs(self, name: str) -> Mapping[str, Graph]:
        """Those of a model; none where the archive is missing or was altered, for the model can do without."""
        archive = read_pointer(self.folder / f"{name}.json").graphs
        if archive is None:
            return {}
        try:
            return unpack(archive.read(self.folder))
        except (CheckpointError, GraphsError) as error:
            logger.warning("graphs refused model=%s reason=%s", name, error)
            return {}
