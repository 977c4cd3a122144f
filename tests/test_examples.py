"""The examples of the API's description: every one works as it stands against the shipped models."""

import functools
import operator
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from service.routes import health, shapes

Operation = Mapping[str, Any]
OPEN = ("label", "at", "first", "last")
"""Parameters whose absence means something of its own; a label needs a model that has any."""


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx.Client]:
    """A client of a real server, over a socket."""
    with httpx.Client(base_url=server, timeout=60, follow_redirects=True) as client:
        yield client


@pytest.fixture(scope="module")
def operations(client: httpx.Client) -> list[tuple[str, str, Operation]]:
    """Method, path and description of every operation."""
    paths = client.get("/openapi.json").json()["paths"]
    return [(method, path, operation) for path, each in paths.items() for method, operation in each.items()]


def examples(parameter: Mapping[str, Any]) -> list[Any]:
    """What the description offers for a parameter: its examples, or all of its words."""
    schema = parameter["schema"]
    words = [word for each in (schema, *schema.get("anyOf", [])) for word in each.get("enum", [])]
    found: list[Any] = parameter.get("examples") or schema.get("examples") or words
    return found


def addresses(path: str, operation: Operation) -> list[str]:
    """The path with its examples: one for each form of the answer, then one for each query parameter."""
    parameters = operation.get("parameters", [])
    parts = {each["name"]: examples(each) for each in parameters if each["in"] == "path"}
    assert all(parts.values()), f"{path}: no example for one of {list(parts)}"

    def filled(choice: int) -> str:
        return re.sub(r"\{(\w+)\}", lambda gap: str(parts[gap[1]][choice % len(parts[gap[1]])]), path)

    forms = [filled(choice) for choice in range(max((len(each) for each in parts.values()), default=1))]
    if "stages" in path:
        forms = [form.replace("fashion-vae", "fashion-draw") for form in forms]
    queries = [f"{forms[0]}?{each['name']}={examples(each)[0]}" for each in parameters if _in_query(each)]
    return forms + queries


def _in_query(parameter: Mapping[str, Any]) -> bool:
    return parameter["in"] == "query" and bool(examples(parameter))


def test_every_address_of_the_guide_works(client: httpx.Client) -> None:
    """/llms.txt names every model, and each of its links can be followed."""
    guide = client.get("/llms.txt")
    links = re.findall(r"\]\((/[^)]*)\)", guide.text)

    assert guide.headers["content-type"] == "text/plain; charset=utf-8"
    assert guide.text.startswith("# latentserve\n\n> ")
    assert {f"/v1/models/{card['name']}" for card in client.get("/v1/models").json()["data"]} < set(links)
    assert len(links) > 15
    for link in links:
        assert client.get(link).status_code == 200, link


def test_every_get_works_with_its_examples(client: httpx.Client, operations: list[tuple[str, str, Operation]]) -> None:
    """All forms, and each query parameter that has an example; the rest have a default."""
    tried = 0
    for method, path, operation in operations:
        if method != "get":
            continue
        for each in operation.get("parameters", []):
            has_default = "default" in each["schema"] or each["name"] in OPEN
            assert examples(each) or has_default, (path, each["name"])
        for address in addresses(path, operation):
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.text[:300])
            assert answer.headers["content-type"].partition(";")[0] in _kinds(operation), address
            tried += 1
    assert tried > 40


def test_every_json_example_of_an_answer_has_the_shape_of_the_real_one(
    client: httpx.Client, operations: list[tuple[str, str, Operation]]
) -> None:
    """Whatever name an example shows is there, with a value of that kind; it may leave some out."""
    compared = 0
    for method, path, operation in operations:
        example = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("example")
        if example is None:
            continue
        answers = _gotten(client, path, operation) if method == "get" else _posted(client, path, operation)
        real = [answer.json() for answer in answers if answer.headers["content-type"] == "application/json"]
        assert real, path
        assert None in [_difference(example, answer, path) for answer in real], _difference(example, real[0], path)
        compared += 1
    assert compared > 10


def test_every_json_answer_is_just_what_its_shape_says(
    client: httpx.Client, operations: list[tuple[str, str, Operation]]
) -> None:
    """Read as its shape and written again, it is the same: no field too many, none too few, none of another kind."""
    read = 0
    for method, path, operation in operations:
        schema = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            continue
        shape = _shape(schema)
        answers = _gotten(client, path, operation) if method == "get" else _posted(client, path, operation)
        for answer in answers:
            if answer.headers["content-type"] == "application/json":
                again = shape.dump_python(shape.validate_json(answer.content, strict=True), exclude_unset=True)
                assert again == answer.json(), path
                read += 1
    assert read > 20


def test_the_densities_of_points_have_the_other_shape_of_scores(client: httpx.Client) -> None:
    """One address, two answers: that of pictures is in the examples."""
    latents = client.get("/v1/models/fashion-vae/latents/0-2.json").json()["data"]

    answer = client.post("/v1/models/fashion-vae/scores", json={"latents": [each["latents"] for each in latents]})

    assert shapes.PointDensityList.model_validate_json(answer.content, strict=True).model_dump() == answer.json()


def test_every_json_example_of_a_body_is_accepted(
    client: httpx.Client, operations: list[tuple[str, str, Operation]]
) -> None:
    """As it stands in the description."""
    for method, path, operation in operations:
        if method == "post":
            for answer in _posted(client, path, operation):
                assert answer.status_code == 200, (path, answer.text[:300])


def _shape(schema: Mapping[str, Any]) -> TypeAdapter[Any]:
    """The shape that the description names, or the one of its two."""
    names = [each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", [schema])]
    found = [getattr(shapes, name, None) or getattr(health, name) for name in names]
    return TypeAdapter(functools.reduce(operator.or_, found))


def _gotten(client: httpx.Client, path: str, operation: Operation) -> list[httpx.Response]:
    """The answers at all its addresses; where they have no extension, Accept says that JSON is wanted."""
    return [client.get(each, headers={"Accept": "application/json"}) for each in addresses(path, operation)]


def _posted(client: httpx.Client, path: str, operation: Operation) -> list[httpx.Response]:
    """The answers to all the bodies that the description shows."""
    body = operation["requestBody"]["content"]["application/json"]
    shown = [body["example"]] if "example" in body else [each["value"] for each in body["examples"].values()]
    return [client.post(path.replace("{m}", "fashion-vae"), json=each) for each in shown]


def _kinds(operation: Operation) -> list[str]:
    return list(operation["responses"]["200"]["content"])


def _difference(example: Any, real: Any, place: str) -> str | None:
    """Where the real value lacks what the example shows; of a list, one member has to have it all."""
    if isinstance(example, dict) and isinstance(real, dict):
        missing = example.keys() - real.keys()
        found = [_difference(value, real[name], f"{place}/{name}") for name, value in example.items() if name in real]
        return f"{place}: {missing}" if missing else next(filter(None, found), None)
    if isinstance(example, list) and isinstance(real, list):
        found = [_difference(example[0], each, f"{place}/0") for each in real] if example else [None]
        return None if None in found else next(iter(found), f"{place}: empty")
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (example, real))
    return None if numbers or type(example) is type(real) else f"{place}: {real!r} where {example!r} is shown"
