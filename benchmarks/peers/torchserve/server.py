"""TorchServe with batches, in one worker: makes its archive and its settings, and becomes it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

if __name__ == "__main__":
    folder = Path(mkdtemp(prefix="torchserve-"))
    programs = Path(sys.executable).parent
    handler = Path(__file__).parent / "handler.py"
    archive = ["--model-name", "generator", "--version", "1.0", "--handler", str(handler), "--export-path", str(folder)]
    subprocess.run([programs / "torch-model-archiver", *archive], check=True)
    model = {"marName": "generator.mar", "minWorkers": 1, "maxWorkers": 1, "batchSize": 32, "maxBatchDelay": 1}
    ports = [os.environ[f"BENCHMARK_PORT{number}"] for number in ("", "_2", "_3", "_4", "_5")]
    addresses = zip(("inference", "management", "metrics"), ports, strict=False)
    settings = [
        *(f"{name}_address=http://127.0.0.1:{port}" for name, port in addresses),
        f"model_store={folder}",
        "load_models=generator.mar",
        f"grpc_inference_port={ports[3]}",
        f"grpc_management_port={ports[4]}",
        f"initial_worker_port={ports[0]}",  # the name of a socket, which two servers must not share
        f"models={json.dumps({'generator': {'1.0': {'defaultVersion': True, **model}}})}",
        "disable_token_authorization=true",
    ]
    (folder / "config.properties").write_text("\n".join(settings))
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
    os.environ["LOG_LOCATION"] = os.environ["METRICS_LOCATION"] = str(folder)
    start = ["torchserve", "--start", "--foreground", "--ncs", "--ts-config", str(folder / "config.properties")]
    os.execvp(programs / "torchserve", start)
