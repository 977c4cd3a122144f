"""TorchServe's handler: a batch of requests, a PNG for each."""

import json

from ts.torch_handler.base_handler import BaseHandler

from benchmarks.peers.generator import load_generator


class Generator(BaseHandler):
    def initialize(self, context):
        self.generate = load_generator()
        self.initialized = True

    def handle(self, data, context):
        bodies = [row["body"] for row in data]
        wanted = [body if isinstance(body, dict) else json.loads(body) for body in bodies]
        return self.generate([(each["n"], each["seed"]) for each in wanted])
