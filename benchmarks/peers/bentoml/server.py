"""BentoML with its adaptive batching, in one worker."""

import base64

import bentoml
from pydantic import BaseModel

from benchmarks.peers.generator import load_generator


class Wanted(BaseModel):
    seed: int
    n: int = 1


@bentoml.service(workers=1)
class Generator:
    def __init__(self) -> None:
        self.generate = load_generator()

    @bentoml.api(batchable=True, max_batch_size=32)
    def images(self, wanted: list[Wanted]) -> list[str]:
        files = self.generate([(each.n, each.seed) for each in wanted])
        return [base64.b64encode(file).decode() for file in files]
