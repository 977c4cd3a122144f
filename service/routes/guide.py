"""The guide at /llms.txt: what is here, as plain Markdown, made from the catalog and the API's description."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from service.engine.catalog import ServedModel
from service.routes.exchange import EngineDep
from service.routes.parameters import NoQuery

router = APIRouter()

RULES = """## Rules

- One seed, one image: `samples/42.png` gives the same bytes every time. A seed is an integer, a range `0-63`, a list \
`7,9`, or any name.
- `name@digest` in the place of a model's name pins its weights; such an answer never changes.
- On GET the extension decides the form of the answer, on POST the Accept header.
- Errors are `application/problem+json` with a stable `code`, the value, the limit and a `hint`.
- Log-probabilities are in nats per image."""


@router.get("/llms.txt", include_in_schema=False)
async def get_guide(request: Request, engine: EngineDep, _query: NoQuery) -> Response:
    """The format of llmstxt.org: a title, a sentence, then lists of links."""
    models = [_model(model) for model in engine.catalog.values()]
    staged = next((model.name for model in engine.catalog.values() if "stage" in model.capabilities), None)
    resources = _resources(request.app.openapi(), engine.catalog.default, staged)
    parts = [
        f"# {request.app.title}\n\n> Deep generative image models over HTTP: the URL is the image.",
        RULES,
        "## Models\n\n" + "\n".join(models),
        "## Resources\n\n" + "\n".join(resources),
        "## More\n\n- [OpenAPI](/openapi.json): every parameter and answer\n- [Docs](/docs): the same, to try out",
    ]
    return Response("\n\n".join(parts) + "\n", 200, {"Cache-Control": "no-cache"}, "text/plain; charset=utf-8")


def _model(model: ServedModel) -> str:
    channels, height, width = model.image_shape
    facts = f"{model.kind}, {height}×{width}×{channels}, {model.latent_dim} latents; {', '.join(model.capabilities)}"
    labels = f"; labels {', '.join(model.card.labels)}" if model.card.labels else ""
    return f"- [{model.name}](/v1/models/{model.name}): {model.card.summary.rstrip('.')} ({facts}{labels})"


def _resources(description: Mapping[str, Any], usual: str, staged: str | None) -> Iterator[str]:
    """A line for each operation; a GET with an address to try, if some model here can answer it."""
    for path, operations in description["paths"].items():
        model = staged if "/stages/" in path else usual
        for method, operation in operations.items():
            address = _example(path, operation.get("parameters", []), model)
            linked = f": [{address}]({address})" if model and method == "get" and "{" in path else ""
            yield f"- `{method.upper()} {path}` {operation['summary']}{linked}"


def _example(path: str, parameters: Sequence[Mapping[str, Any]], model: str | None) -> str:
    """The path with an example in each gap; the first form where there are several."""
    values = {each["name"]: _value(each["schema"], each.get("examples")) for each in parameters}
    return re.sub(r"\{(\w+)\}", lambda gap: str((values | {"m": model})[gap[1]]), path)


def _value(schema: Mapping[str, Any], examples: Any) -> Any:
    return next(iter(examples or schema.get("examples") or schema.get("enum") or [""]))
