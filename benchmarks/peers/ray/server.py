"""Ray Serve with its batching, in one replica."""

import os

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.peers.generator import load_generator


@serve.deployment(max_ongoing_requests=256, logging_config={"enable_access_log": False})
class Generator:
    def __init__(self) -> None:
        self.generate = load_generator()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0)
    async def images(self, wanted: list[tuple[int, int]]) -> list[bytes]:
        return self.generate(wanted)

    async def __call__(self, request: Request) -> Response:
        wanted = await request.json()
        return Response(await self.images((wanted["n"], wanted["seed"])), media_type="image/png")


if __name__ == "__main__":
    ray.init(include_dashboard=False, logging_level="error")
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["BENCHMARK_PORT"])})
    serve.run(Generator.bind(), blocking=True)
