"""The client against the server's own description: every operation has a method, every parameter a keyword."""

import inspect
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from latentserve import AsyncClient, AsyncModel, Client, Model

METHODS: Mapping[str, tuple[str, ...]] = {
    "list_models": ("Client.models",),
    "get_model": ("Client.card", "Client.model"),
    "get_samples": ("Model.sample", "Model.sheet"),
    "create_samples": ("Model.sample", "Model.sheet"),
    "get_latents": ("Model.latents",),
    "encode_images": ("Model.encode",),
    "get_image": ("Model.image",),
    "decode_latents": ("Model.decode", "Model.decode_sheet"),
    "get_interpolation": ("Model.interpolate", "Model.interpolation"),
    "create_interpolation": ("Model.interpolate", "Model.interpolation"),
    "stream_interpolation": ("Model.stream_interpolation",),
    "reconstruct_images": ("Model.reconstruct", "Model.reconstruction_pairs"),
    "score_images": ("Model.score", "Model.log_prior"),
    "get_tile": ("Model.tile",),
    "get_manifold": ("Model.manifold",),
    "get_traversal": ("Model.traverse",),
    "get_stages": ("Model.stages",),
    "get_default_sample_png": ("Client.image",),
    "get_default_sample_webp": ("Client.image",),
    "get_health": ("Client.health",),
    "get_readiness": ("Client.readiness",),
    "get_metrics": ("Client.metrics",),
    "get_problem": ("Client.problem",),
}
"""Operation -> what reaches it; together they have a keyword for each of its parameters."""
OTHERWISE_NAMED = {
    "m": "the model itself; `name` of Client.model",
    "extension": "form",
    "slug": "code",
    "images": "chosen by the method: `sample` wants pictures, `sheet` a file",
}
OF_PICTURES = dict.fromkeys(
    ("fit", "invert", "encode", "recipe", "seed"),
    "pictures among key points are read with the defaults; encode them first for others",
)
REASONS: Mapping[str, Mapping[str, str]] = {
    "create_interpolation": {**OF_PICTURES, "seeds": "points", "latents": "points"},
    "get_interpolation": {"seeds": "points"},
    "stream_interpolation": {
        "seeds": "points",
        **dict.fromkeys(("at", "fps", "columns", "gap"), "a stream has frames, each at its own time"),
    },
    "get_image": {"columns": "there is one image", "gap": "there is one image"},
    "score_images": {"images": "pictures"},
}
"""Parameters of an operation that are no keyword of that name, and why."""


@pytest.fixture(scope="module")
def operations(server: str) -> dict[str, dict[str, Any]]:
    """By their ids."""
    paths = httpx.get(f"{server}/openapi.json").json()["paths"]
    return {operation["operationId"]: operation for path in paths.values() for operation in path.values()}


def parameters_of(operation: Mapping[str, Any]) -> set[str]:
    """Those of the address, the query and the JSON body."""
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return names | set(body.get("properties", ()))


def keywords_of(method: str) -> set[str]:
    """Of a method by its name, the same for both twins."""
    kind, _, name = method.partition(".")
    blocking, awaited = {"Client": (Client, AsyncClient), "Model": (Model, AsyncModel)}[kind]
    found = set(inspect.signature(getattr(blocking, name)).parameters)
    assert found == set(inspect.signature(getattr(awaited, name)).parameters)
    return found


def test_every_operation_is_reached_by_a_method(operations: dict[str, dict[str, Any]]) -> None:
    """And no method is said to reach one that the server does not have."""
    assert set(operations) == set(METHODS)


def test_every_parameter_is_a_keyword(operations: dict[str, dict[str, Any]]) -> None:
    """Or has a reason not to be; and no reason outlives its parameter."""
    for name, operation in operations.items():
        keywords = set[str]().union(*(keywords_of(method) for method in METHODS[name]))
        reasons = REASONS.get(name, {})
        missing = parameters_of(operation) - keywords - set(OTHERWISE_NAMED)
        assert missing == set(reasons) - set(OTHERWISE_NAMED), name
