"""What the API description says about bodies and answers that are not plain models."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from service.errors import KINDS, ServiceError
from service.routes.examples import IMAGE
from service.routes.target import MEDIA_TYPES
from service.routes.uploads import ACCEPTED, NPY

Description = dict[str, Any]
Responses = dict[int | str, Description]
BINARY = {"type": "string", "format": "binary"}
TEXT = {"type": "string"}
STREAMS = ("sse", "jsonl")
FAULT = {
    "type": "object",
    "required": ["pointer", "message"],
    "properties": {
        "pointer": TEXT | {"description": "where it lies, as in /query/size"},
        "message": TEXT,
        "got": TEXT,
        "allowed": {"type": "object", "additionalProperties": True},
    },
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/invalid-parameter"]},
        "title": {"type": "string", "description": "as detail and hint in English or, by Accept-Language, Japanese"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for people; names the value, the limit and the remedy"},
        "code": {
            "type": "string",
            "description": "for programs; never changes",
            "enum": [k.code for k in KINDS.values()],
        },
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": FAULT, "description": "one for each parameter that was refused"},
        "hint": {"type": "string", "description": "the remedy, where there is one to name"},
        "supported_by": {"type": "array", "items": TEXT, "description": "the models that can"},
        "retry_after": {"type": "integer", "description": "seconds"},
    },
}


def answers(
    *extensions: str, shape: Any = None, example: Any = None, errors: tuple[type[ServiceError], ...] = ()
) -> Responses:
    """The media types of a 200, shape and example of its JSON, and the errors that are particular to this address."""
    content: Description = {}
    for extension in extensions:
        if extension == "json":
            content[MEDIA_TYPES["json"]] = {"example": example}
        else:
            content[MEDIA_TYPES[extension]] = {"schema": TEXT if extension in STREAMS else BINARY}
    # The framework writes the schema of `model` under application/json, and its parts under components.
    shaped = {"model": shape} if shape else {}
    responses: Responses = {200: {"description": "The answer", "content": content, **shaped}, 422: _problem(422)}
    for error in errors:
        responses[KINDS[error].status] = _problem(KINDS[error].status)
    return responses


def json_body(model: type[BaseModel], example: Any, *, npy: str | None = None) -> Description:
    """A JSON body, or where it says what that means, an npy file."""
    content: Description = {"application/json": {"schema": _schema(model), "example": example}}
    if npy:
        content[NPY] = {"schema": BINARY | {"description": npy}}
    return {"requestBody": {"required": True, "content": content}}


def picture_body() -> Description:
    """Pictures in any of the forms that `uploads` reads."""
    image = {"type": "array", "items": BINARY}
    form = {"type": "object", "required": ["image"], "properties": {"image": image}}
    base64 = {"type": "array", "items": {"type": "string", "format": "byte"}}
    content: Description = {kind: {"schema": BINARY} for kind in ACCEPTED}
    content["multipart/form-data"] = {"schema": form}
    content["application/json"] = {
        "schema": {"type": "object", "required": ["images"], "properties": {"images": base64}},
        "example": {"images": [IMAGE]},
    }
    content[NPY] = {
        "schema": BINARY | {"description": "uint8, or floats in [0, 1], of shape (n, height, width, channels)"}
    }
    return {"requestBody": {"required": True, "content": content}}


def path_body(model: type[BaseModel], examples: Mapping[str, Any]) -> Description:
    """Key points as JSON, as latents in an npy file, or as pictures."""
    description = picture_body()
    content = description["requestBody"]["content"]
    named = {name: {"value": value} for name, value in examples.items()}
    content["application/json"] = {"schema": _schema(model), "examples": named}
    content[NPY] = {"schema": BINARY | {"description": "latents: float16, 32 or 64 (points, latent_dim)"}}
    return description


def _problem(status: int) -> Description:
    titles = sorted({kind.title for kind in KINDS.values() if kind.status == status})
    return {"description": " · ".join(titles), "content": {"application/problem+json": {"schema": PROBLEM}}}


def _schema(model: type[BaseModel]) -> Description:
    """Its JSON schema in one piece: a reference would be looked up in the whole description."""
    schema = model.model_json_schema()
    whole: Description = _inlined(schema, schema.pop("$defs", {}))
    return whole


def _inlined(part: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            return _inlined(definitions[part["$ref"].rpartition("/")[2]], definitions)
        return {name: _inlined(value, definitions) for name, value in part.items()}
    return [_inlined(each, definitions) for each in part] if isinstance(part, list) else part
