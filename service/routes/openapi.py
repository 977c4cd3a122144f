"""What the API description says about bodies and answers that are not plain models."""

from typing import Any

from pydantic import BaseModel

from service.errors import KINDS, ServiceError
from service.routes.exchange import MEDIA_TYPES
from service.routes.uploads import ACCEPTED, NPY

Description = dict[str, Any]
Responses = dict[int | str, Description]
BINARY = {"type": "string", "format": "binary"}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/invalid-parameter"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for people; names the value, the limit and the remedy"},
        "code": {
            "type": "string",
            "description": "for programs; never changes",
            "enum": [k.code for k in KINDS.values()],
        },
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "hint": {"type": "string"},
    },
}


def answers(*extensions: str, example: Any = None, errors: tuple[type[ServiceError], ...] = ()) -> Responses:
    """The media types of a 200, an example of its JSON, and the errors that are particular to this address."""
    content: Description = {}
    for extension in extensions:
        if extension == "json":
            content[MEDIA_TYPES["json"]] = {"schema": {"type": "object"}, "example": example}
        else:
            content[MEDIA_TYPES[extension]] = {"schema": BINARY}
    responses: Responses = {200: {"description": "The answer", "content": content}, 422: _problem(422)}
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
        "example": {"images": ["iVBORw0KGgo…"]},
    }
    content[NPY] = {
        "schema": BINARY | {"description": "uint8, or floats in [0, 1], of shape (n, height, width, channels)"}
    }
    return {"requestBody": {"required": True, "content": content}}


def _problem(status: int) -> Description:
    titles = sorted({kind.title for kind in KINDS.values() if kind.status == status})
    return {"description": " · ".join(titles), "content": {"application/problem+json": {"schema": PROBLEM}}}


def _schema(model: type[BaseModel]) -> Description:
    return model.model_json_schema()
