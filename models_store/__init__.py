"""What a model is, and where finished ones lie.

The package holds the networks, the probability around them, the latents and the checkpoint format.
Finished checkpoints lie in the folder `models_store/weights/`: only that folder is ever mounted as a volume.
It knows no HTTP and no optimizer; `training` fills it, `service` serves from it.
"""

from models_store.base import Autoencoder, LatentModel, StagedModel
from models_store.checkpoint import Card, write_checkpoint
from models_store.pointer import CheckpointError
from models_store.store import Store, StoredModel

__all__ = [
    "Autoencoder",
    "Card",
    "CheckpointError",
    "LatentModel",
    "StagedModel",
    "Store",
    "StoredModel",
    "write_checkpoint",
]
