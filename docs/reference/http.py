"""The page about HTTP: resources, parameters, and a request for each operation, from the API's description."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.reference import markdown
from service.app import create_app
from service.settings import Settings

Operation = Mapping[str, Any]
MODEL = "/v1/models/{m}"
HOME = "http://127.0.0.1:8000"
SHORT = {
    "multipart/form-data": "form",
    "application/json": "json",
    "application/x-npy": "npy",
    "application/zip": "zip",
    "text/event-stream": "events",
    "application/jsonl": "jsonl",
    "text/plain": "text",
}
INTRODUCTION = """# HTTP

*Made by `python -m docs.reference` from the service's OpenAPI document, which is at `/openapi.json`, and at `/docs`
to try out.* `{m}` is a model's name, or `name@digest` with at least 8 hex digits for one version for ever."""
RULES = """## Rules

- On GET the extension decides the form of the answer; on POST the Accept header does, and without one it is JSON.
- A seed is an integer from 0 to 4294967295, a range `0-63`, a list `7,9,100-120`, any other text (a name), or
  `random`, which redirects. [How a seed becomes latents](latents.md).
- The same address gives the same bytes. `name@digest`: `Cache-Control: max-age=31536000, immutable`; the name
  alone: `max-age=300` and `Content-Location` with the pinned address. The ETag is known before the model runs: a
  304 costs nothing.
- HEAD works wherever GET does. All origins may read answers (CORS). An unknown parameter is an error, not ignored.
- PNG and WebP carry [their recipe](recipes.md). Log-probabilities are in nats an image.
- Errors are [problem+json](problems.md) with a stable `code`, in English or Japanese by `Accept-Language`.

| header of an answer | says |
|---|---|
| `Model-Version` | sha256 of the checkpoint that made it |
| `Latent-Seed` | the seed, where there is one |
| `Content-Location` | the pinned address of what was asked for by name |
| `Link: <…>; rel="next"` | the next range of seeds, of the JSON of a range |
| `Server-Timing` | milliseconds in the queue, in the model, and in making the file |
| `X-Request-Id` | the id under which the server logs it; sent by the client, it is kept if it is sound |
| `Retry-After` | seconds to wait, with 429 and 503 |"""
LIMITS = """## Limits

Each parameter has the range above; a request's rows through the network, pixels and bytes are bounded as well, and
each card (`GET /v1/models/{m}`) has all limits under `limits`. What is too much is refused before any work, with
the value, the limit and the remedy."""


def page() -> str:
    """The whole page."""
    operations = list(_operations(create_app(Settings()).openapi()["paths"]))
    return markdown.page(
        INTRODUCTION,
        "## Resources",
        markdown.table(("request", "gives", "forms"), [_resource(*each) for each in operations]),
        RULES,
        "## Parameters",
        markdown.table(("name", "is", "values", "default", "of"), _parameters(operations)),
        LIMITS,
        "## A request for each",
        "They work with `boot.png` and `shirt.png`, two pictures, in the folder.",
        markdown.fenced("bash", "\n".join([f"H={HOME}", *(_request(*each) for each in operations)])),
        "What a POST reads, as JSON, as a form or as an npy file, is in `/openapi.json` with examples.",
    )


def _operations(paths: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, operations in paths.items():
        for method, operation in operations.items():
            yield method.upper(), path, operation


def _resource(method: str, path: str, operation: Operation) -> tuple[str, str, str]:
    content = operation["responses"]["200"].get("content", {})
    forms = next((each["schema"]["enum"] for each in _of(operation, "path") if each["name"] == "extension"), None)
    return f"`{method} {path}`", operation["summary"], ", ".join(forms or map(_short, content))


def _short(media_type: str) -> str:
    return SHORT.get(media_type, media_type.rpartition("/")[2])


def _of(operation: Operation, place: str) -> list[Mapping[str, Any]]:
    return [each for each in operation.get("parameters", []) if each["in"] == place]


def _parameters(operations: list[tuple[str, str, Operation]]) -> list[tuple[str, str, str, str, str]]:
    """A row for each parameter of a query, or of a JSON body, with the resources that take it."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for _, path, operation in operations:
        for name, schema in _fields(operation):
            default = schema.get("default")
            row = (f"`{name}`", schema.get("description", ""), _values(schema), "" if default is None else f"{default}")
            resource = _resource_of(path)
            if resource not in rows.setdefault(row, []):
                rows[row].append(resource)
    return sorted(((*row, ", ".join(resources)) for row, resources in rows.items()), key=lambda row: row[0])


def _fields(operation: Operation) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for parameter in _of(operation, "query"):
        yield parameter["name"], {"description": parameter.get("description", ""), **parameter["schema"]}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for name, schema in body.get("schema", {}).get("properties", {}).items():
        if "description" in schema:
            yield name, schema


def _resource_of(path: str) -> str:
    return path.removeprefix(MODEL).strip("/").partition("/")[0].partition(".")[0].replace("{seeds}", "/{seeds}.png")


def _values(schema: Mapping[str, Any]) -> str:
    """What a value may be: words, or a type with its range."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return " or ".join(_value(each) for each in kinds)


def _value(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " ".join(f"`{word}`" for word in schema.get("enum", [schema.get("const")]))
    low, high = schema.get("minimum"), schema.get("maximum")
    span = f" {low:g} … {_exact(high)}" if low is not None and high is not None else ""
    return f"{schema.get('type', 'object')}{span}"


def _exact(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _request(method: str, path: str, operation: Operation) -> str:
    """A line of the shell that works as it stands, with boot.png in the folder."""
    address = f"$H{_filled(path, operation)}"
    if method == "GET":
        more = " -H 'Accept: text/event-stream'" if "text/event-stream" in _content(operation) else ""
        return f'curl -sf{more} "{address}" -o answer'
    bodies = operation["requestBody"]["content"]
    if "multipart/form-data" in bodies:
        return f'curl -sf -F image=@boot.png{_second(path)} "{address}" -o answer'
    example = json.dumps(bodies["application/json"]["example"])
    return f"curl -sf --json '{example}' \"{address}\" -o answer"


def _second(path: str) -> str:
    """A path needs two pictures."""
    return " -F image=@shirt.png" if "interpolations" in path else ""


def _content(operation: Operation) -> Mapping[str, Any]:
    content: Mapping[str, Any] = operation["responses"]["200"].get("content", {})
    return content


def _filled(path: str, operation: Operation) -> str:
    """With the first example, or the first word, in each gap."""
    values = {each["name"]: _first(each["schema"], each.get("examples")) for each in _of(operation, "path")}
    values["m"] = "fashion-draw" if "stages" in path else values.get("m", "")
    return re.sub(r"\{(\w+)\}", lambda gap: str(values[gap[1]]), path)


def _first(schema: Mapping[str, Any], examples: Any) -> Any:
    known: list[Any] = examples or schema.get("examples") or schema["enum"]
    return known[0]
