"""LitServe with batching, in one worker."""

import os

import litserve
from fastapi import Response

from benchmarks.peers.generator import load_generator


class Generator(litserve.LitAPI):
    def setup(self, device):
        self.generate = load_generator()

    def decode_request(self, request):
        return request["n"], request["seed"]

    def predict(self, wanted):
        return self.generate(wanted)

    def encode_response(self, output):
        return Response(output, media_type="image/png")


if __name__ == "__main__":
    server = litserve.LitServer(Generator(max_batch_size=32, batch_timeout=0.001), accelerator="cpu")
    port = int(os.environ["BENCHMARK_PORT"])
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
