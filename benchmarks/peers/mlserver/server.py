"""MLServer with its adaptive batching; without its parallel workers, which do not start beside uvloop 0.23."""

import base64

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from benchmarks.peers.generator import load_generator


class Generator(MLModel):
    async def load(self) -> bool:
        self.generate = load_generator()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        flat = list(payload.inputs[0].data)
        files = self.generate(list(zip(flat[::2], flat[1::2], strict=True)))
        data = [base64.b64encode(file).decode() for file in files]
        output = ResponseOutput(name="images", shape=[len(data), 1], datatype="BYTES", data=data)
        return InferenceResponse(model_name=self.name, outputs=[output])
