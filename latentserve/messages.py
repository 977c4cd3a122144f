"""What goes over the wire, as plain values: requests, answers, and calls made of them. No input or output here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Request:
    """One request; `path` is quoted already, a value of None in the query or the JSON body leaves it out."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    accept: str = "*/*"
    body: Mapping[str, Any] | None = None
    """Sent as JSON."""
    content: bytes | None = None
    """Sent as it is, of the type `content_type`."""
    content_type: str | None = None
    files: Sequence[tuple[str, bytes]] = ()
    """(name, content) of each picture, sent as a form."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """As the keywords of `build_request` of an httpx client."""
        found: dict[str, Any] = {
            "method": self.method,
            "url": self.path,
            "params": given(self.query) or None,
            "headers": {"Accept": self.accept, **self.headers},
        }
        if self.body is not None:
            found["json"] = given(self.body)
        if self.content is not None:
            found["content"] = self.content
            found["headers"]["Content-Type"] = self.content_type
        if self.files:
            found["files"] = [("image", file) for file in self.files]
        return found


@dataclass(frozen=True)
class Answer:
    """One answer, read to its end; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Call(Generic[Result]):
    """Requests to be sent one after the other, and what their answers mean together."""

    requests: Sequence[Request]
    read: Callable[[Sequence[Answer]], Result]


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that are None: for them the server's default holds."""
    return {name: value for name, value in values.items() if value is not None}
