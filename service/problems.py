"""Errors as answers: RFC 9457 problem+json for ours, the framework's and those that nobody expected."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from service.errors import KINDS, InvalidParameter, MethodNotAllowed, NotFound, ServiceError, shown
from service.languages import facts_in, language_of, sentence_in, title_in

MEDIA_TYPE = "application/problem+json"
MOST_ENTRIES = 10


def problem(error: ServiceError, request_id: str, accept_language: str = "") -> Response:
    """The answer that tells of an error, in the language that the header wants; the code is the same in all."""
    kind, language = KINDS[type(error)], language_of(accept_language)
    content = {
        "type": f"/problems/{kind.slug}",
        "title": title_in(language, kind.slug, kind.title),
        "status": kind.status,
        "detail": sentence_in(language, error.detail),
        "code": kind.code,
        "request_id": request_id,
        **facts_in(language, error.facts),
    }
    headers = {"Cache-Control": "no-store", "Content-Language": language, "Vary": "Accept-Language"}
    if "retry_after" in error.facts:
        headers["Retry-After"] = str(error.facts["retry_after"])
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.facts["allowed"])
    return Response(orjson.dumps(content), kind.status, headers, MEDIA_TYPE)


def invalid(errors: Sequence[Any], *, root: str = "") -> InvalidParameter:
    """Pydantic's list of errors as one of ours; `root` is where the validated value lies, as in `/body`."""
    entries = [_entry(error, root) for error in errors[:MOST_ENTRIES]]
    return InvalidParameter(f"{entries[0]['pointer']}: {entries[0]['message']}", errors=entries)


def _entry(error: Any, root: str) -> dict[str, Any]:
    place = "".join(f"/{shown(part)}" for part in (*error["loc"], *_unknown(error)))
    entry = {"pointer": root + place, "message": error["msg"]}
    if isinstance(error.get("input"), str | int | float):
        entry["got"] = shown(error["input"])
    allowed = {name: limit for name, limit in (error.get("ctx") or {}).items() if name in _BOUNDS}
    return entry | ({"allowed": allowed} if allowed else {})


_BOUNDS = ("ge", "gt", "le", "lt", "expected", "min_length", "max_length")


def _unknown(error: Any) -> tuple[str, ...]:
    """An unknown name is refused by its whole object; the pointer goes on to the name."""
    return (error["ctx"]["name"],) if error["type"] == "unknown_parameter" else ()


def install(app: FastAPI) -> None:
    """Every error that reaches the framework is answered by one of these."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)  # noqa: S101  # registered for it below
        return answer_of(request, error)

    async def unread(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)  # noqa: S101  # registered for them below
        root = "" if isinstance(error, RequestValidationError) else "/body"
        return answer_of(request, invalid(error.errors(), root=root))

    async def unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  # registered for it below
        return answer_of(request, _from_framework(request, error))

    app.add_exception_handler(ServiceError, ours)
    app.add_exception_handler(RequestValidationError, unread)
    app.add_exception_handler(ValidationError, unread)
    app.add_exception_handler(HTTPException, unrouted)


def answer_of(request: Request, error: ServiceError) -> Response:
    """The problem as the answer to that request."""
    return problem(error, request.state.id, request.headers.get("accept-language", ""))


def _from_framework(request: Request, error: HTTPException) -> ServiceError:
    if error.status_code == 405:
        allowed = sorted({*(error.headers or {}).get("allow", "GET").replace(" ", "").split(",")})
        allowed = [*allowed, "HEAD"] if "GET" in allowed and "HEAD" not in allowed else allowed
        return MethodNotAllowed(f"{shown(request.method)} is not for this address", allowed=allowed)
    return NotFound(f"nothing lies at {shown(request.url.path)}", hint="see /docs for what there is")
