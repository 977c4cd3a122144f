"""Triton, its Python side by pytriton, with its dynamic batching."""

import base64
import os

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from benchmarks.peers.generator import load_generator

if __name__ == "__main__":
    generate = load_generator()

    @batch
    def infer(wanted):
        files = generate([(int(n), int(seed)) for n, seed in wanted])
        return {"images": np.array([[base64.b64encode(file)] for file in files], dtype=object)}

    http, grpc, metrics = (int(os.environ[f"BENCHMARK_PORT{number}"]) for number in ("", "_2", "_3"))
    config = TritonConfig(http_address="127.0.0.1", http_port=http, grpc_port=grpc, metrics_port=metrics)
    with Triton(config=config) as triton:
        triton.bind(
            model_name="generator",
            infer_func=infer,
            inputs=[Tensor(name="wanted", dtype=np.int64, shape=(2,))],
            outputs=[Tensor(name="images", dtype=bytes, shape=(1,))],
            config=ModelConfig(max_batch_size=32, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        )
        triton.serve()
