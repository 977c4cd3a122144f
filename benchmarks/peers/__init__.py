"""The other servers that one can have for such a model, each as its users start it, with its batching settings."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Body = Callable[[int, int], bytes]
"""(number of images, seed) -> the body of a request."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """How a server is started and spoken to.

    In its command and its environment `{port}` and `{port_2}` to `{port_5}` stand for free ports, of which requests go
    to the first, `{bin}` for the folder of its programs, `{folder}` for one that it may write to.
    """

    name: str
    """Of its folder, its environment, and what the command line calls it."""
    title: str
    settings: str
    """What a reader wants to know of how it was set up."""
    command: tuple[str, ...] = ("{bin}/python", "server.py")
    environment: dict[str, str] = field(default_factory=dict)
    path: str
    body: Body
    png: Callable[[bytes], bytes]
    """The body of an answer -> the picture in it."""
    needs: str = ""
    """Beside Python packages."""

    @property
    def folder(self) -> Path:
        return Path(__file__).parent / self.name


def _json(n: int, seed: int) -> bytes:
    return json.dumps({"n": n, "seed": seed}).encode()


def _json_list(n: int, seed: int) -> bytes:
    return json.dumps({"wanted": [{"n": n, "seed": seed}]}).encode()


def _inference_protocol(n: int, seed: int) -> bytes:
    """The Open Inference Protocol, version 2."""
    wanted = {"name": "wanted", "shape": [1, 2], "datatype": "INT64", "data": [n, seed]}
    return json.dumps({"inputs": [wanted]}).encode()


def _same(answer: bytes) -> bytes:
    return answer


def _from_list(answer: bytes) -> bytes:
    return base64.b64decode(json.loads(answer)[0])


def _from_outputs(answer: bytes) -> bytes:
    return base64.b64decode(json.loads(answer)["outputs"][0]["data"][0])


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            name="fastapi",
            title="FastAPI + torch",
            settings="no batches; a function on FastAPI's threads",
            command=("{bin}/uvicorn", "server:app", "--port", "{port}", "--log-level", "warning"),
            path="/generate",
            body=_json,
            png=_same,
        ),
        Peer(
            name="litserve",
            title="LitServe",
            settings="batches of up to 32, 1 ms, one worker",
            path="/predict",
            body=_json,
            png=_same,
        ),
        Peer(
            name="bentoml",
            title="BentoML",
            settings="adaptive batches of up to 32, one worker",
            command=("{bin}/bentoml", "serve", "server:Generator", "--host", "127.0.0.1", "--port", "{port}"),
            environment={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{folder}"},
            path="/images",
            body=_json_list,
            png=_from_list,
        ),
        Peer(
            name="mlserver",
            title="MLServer",
            settings="batches of up to 32, 1 ms, in the server's process",
            command=("{bin}/mlserver", "start", "."),
            environment={
                "MLSERVER_HOST": "127.0.0.1",
                "MLSERVER_HTTP_PORT": "{port}",
                "MLSERVER_GRPC_PORT": "{port_2}",
                "MLSERVER_METRICS_PORT": "{port_3}",
                "MLSERVER_PARALLEL_WORKERS": "0",
                "MLSERVER_DEBUG": "false",
            },
            path="/v2/models/generator/infer",
            body=_inference_protocol,
            png=_from_outputs,
        ),
        Peer(
            name="torchserve",
            title="TorchServe",
            settings="batches of up to 32, 1 ms, one worker",
            path="/predictions/generator",
            body=_json,
            png=_same,
            needs="Java 11 or later",
        ),
        Peer(
            name="triton",
            title="Triton (pytriton)",
            settings="pytriton, dynamic batches of up to 32, no delay",
            path="/v2/models/generator/infer",
            body=_inference_protocol,
            png=_from_outputs,
            needs="a Python with its shared library, as distributions have it: setup triton --python /usr/bin/python3",
        ),
        Peer(
            name="ray",
            title="Ray Serve",
            settings="batches of up to 32, no wait, one replica",
            environment={"RAY_USAGE_STATS_ENABLED": "0"},
            path="/",
            body=_json,
            png=_same,
        ),
    )
}
