"""What a call may raise: the server's problem+json (RFC 9457) as exceptions, named after what happened."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from latentserve.messages import Answer


class LatentserveError(Exception):
    """Something was refused or failed; `code` is for programs and never changes, `hint` is the remedy if known."""

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        hint: str | None = None,
        request_id: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{detail}; {hint}" if hint else detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.hint = hint
        self.request_id = request_id
        self.facts: Mapping[str, Any] = facts or {}
        """Everything else that the server said, as in the problem's JSON."""

    @property
    def retry_after(self) -> float | None:
        """Seconds after which it may be worth another try, as the server sees it."""
        return _seconds(self.facts.get("retry_after"))


class ConnectionFailed(LatentserveError):
    """No answer came: the server is not there, or the connection broke."""


class NotFound(LatentserveError):
    """There is no such model, version or address; `hint` has the nearest name."""


class CapabilityError(LatentserveError):
    """A model of this kind cannot do that."""

    @property
    def supported_by(self) -> Sequence[str]:
        """The names of the models that can."""
        return tuple(self.facts.get("supported_by", ()))


class ValidationError(LatentserveError):
    """The server refuses the request as it is: a value, a body, a media type, or too much at once."""

    @property
    def errors(self) -> Sequence[Mapping[str, Any]]:
        """Each with `pointer` and `message`, and often `got` and `allowed`."""
        return tuple(self.facts.get("errors", ()))


class RateLimited(LatentserveError):
    """The server has all the work that it can take (429), and trying again did not help."""


class ServerError(LatentserveError):
    """A fault of the server, or one that is not ready (5xx)."""


def error_of(answer: Answer, files: Sequence[tuple[str, bytes]] = ()) -> LatentserveError | None:
    """The error that an answer tells of, with the name of the picture that it is about; None for a good one.

    `files` are those of the request.
    """
    if answer.status < 400:
        return None
    known = {"request_id": answer.headers.get("x-request-id"), "retry_after": answer.headers.get("retry-after")}
    facts = known | _problem(answer) | {"status": answer.status}
    number = facts.get("picture")
    if isinstance(number, int) and 0 <= number < len(files):
        facts["detail"] = f"{files[number][0]}: {facts.get('detail')}"
    return error_of_problem(facts)


def error_of_problem(facts: Mapping[str, Any]) -> LatentserveError:
    """The error that a problem's JSON describes."""
    status, code = int(facts.get("status", 500)), facts.get("code")
    return _kind(status, code)(
        str(facts.get("detail") or facts.get("title") or f"the server answered with status {status}"),
        status=status,
        code=code,
        hint=facts.get("hint"),
        request_id=facts.get("request_id"),
        facts=facts,
    )


def _seconds(value: object) -> float | None:
    """A Retry-After in seconds; its other form, a date, counts as none."""
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return None


def _problem(answer: Answer) -> dict[str, Any]:
    """The body, or nothing where something between here and the server answered in its own words."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _kind(status: int, code: str | None) -> type[LatentserveError]:
    if code == "capability_not_supported":
        return CapabilityError
    if status >= 500:
        return ServerError
    return {404: NotFound, 429: RateLimited}.get(status, ValidationError)
