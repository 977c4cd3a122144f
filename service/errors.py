"""What can go wrong, named after what happened, and the one table that gives each its status. Knows no HTTP library."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

LONGEST_ECHO = 64


def shown(value: object) -> str:
    """A caller's value for an error text: at most 64 characters, and nothing that UTF-8 cannot carry."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_ECHO else text[: LONGEST_ECHO - 1] + "…"


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name that the caller most likely meant, if any comes close."""
    matches = get_close_matches(name[:LONGEST_ECHO], list(known), n=1)
    return matches[0] if matches else None


class ServiceError(Exception):
    """`detail` is for people; `facts` are what a program may want to read, as plain JSON values."""

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts: Mapping[str, Any] = facts


class MalformedRequest(ServiceError):
    """The request's body could not be parsed."""


class InvalidJSON(ServiceError):
    """The body is no JSON that this service reads: NaN, duplicate keys and deep nesting are refused as well."""


class NotFound(ServiceError):
    """Nothing lies at that address."""


class ModelNotFound(ServiceError):
    """The store has no model of that name."""


class VersionNotFound(ServiceError):
    """The model exists, but not with the digest that the address pins."""


class MethodNotAllowed(ServiceError):
    """The address exists and takes other methods; the Allow header lists them."""


class NotAcceptable(ServiceError):
    """None of the media types of the Accept header can be made here."""


class ReceiveTimeout(ServiceError):
    """The request's body did not arrive in time."""


class ContentTooLarge(ServiceError):
    """The body, a file in it, or the number of files is above a limit."""


class ImageTooLarge(ServiceError):
    """A picture has more pixels than this service decodes."""


class UnsupportedMediaType(ServiceError):
    """The body's Content-Type or Content-Encoding is none that this address reads."""


class UnsupportedImageFormat(ServiceError):
    """The picture is neither PNG nor JPEG nor WebP, judged by its first bytes."""


class InvalidParameter(ServiceError):
    """A value is out of its range, of the wrong type, or its name is unknown."""


class ImageUndecodable(ServiceError):
    """The picture starts like one and is broken further on."""


class CapabilityNotSupported(ServiceError):
    """A model of this kind cannot do that; `supported_by` names those that can."""


class RequestTooCostly(ServiceError):
    """Each value is allowed, their product is not: too many rows through the network or too many pixels."""


class NonFiniteResult(ServiceError):
    """The network's answer to this input is not finite: the input lies far outside what it was trained on."""


class QueueFull(ServiceError):
    """The server has accepted as much work as it can do in time."""

    def __init__(self, retry_after_s: float) -> None:
        seconds = max(1, math.ceil(retry_after_s))
        super().__init__(f"the queue is full; try again in {seconds} s", retry_after=seconds)
        self.retry_after_s = retry_after_s


class InternalError(ServiceError):
    """A fault of this service, logged under the request's id."""


class ModelUnavailable(ServiceError):
    """The model's checkpoint was refused when the service started; other models serve."""


class ModelLoading(ServiceError):
    """The models are not loaded yet."""


class ShuttingDown(ServiceError):
    """The server is stopping and takes no new work."""


class DeadlineExceeded(ServiceError):
    """The answer would come too late, so the work for it was dropped."""


@dataclass(frozen=True)
class Kind:
    """How an error looks from outside; the slug, and the code made from it, never change."""

    status: int
    slug: str
    title: str

    @property
    def code(self) -> str:
        return self.slug.replace("-", "_")


KINDS: dict[type[ServiceError], Kind] = {
    MalformedRequest: Kind(400, "malformed-request", "The request cannot be parsed"),
    InvalidJSON: Kind(400, "invalid-json", "The body is not valid JSON"),
    NotFound: Kind(404, "not-found", "Nothing is here"),
    ModelNotFound: Kind(404, "model-not-found", "No such model"),
    VersionNotFound: Kind(404, "version-not-found", "No such version of the model"),
    MethodNotAllowed: Kind(405, "method-not-allowed", "This address takes other methods"),
    NotAcceptable: Kind(406, "not-acceptable", "No acceptable media type"),
    ReceiveTimeout: Kind(408, "receive-timeout", "The request took too long to arrive"),
    ContentTooLarge: Kind(413, "content-too-large", "The body is too large"),
    ImageTooLarge: Kind(413, "image-too-large", "The picture has too many pixels"),
    UnsupportedMediaType: Kind(415, "unsupported-media-type", "This media type is not read here"),
    UnsupportedImageFormat: Kind(415, "unsupported-image-format", "This picture format is not read here"),
    InvalidParameter: Kind(422, "invalid-parameter", "A parameter is not valid"),
    ImageUndecodable: Kind(422, "image-undecodable", "The picture cannot be decoded"),
    CapabilityNotSupported: Kind(422, "capability-not-supported", "The model cannot do this"),
    RequestTooCostly: Kind(422, "request-too-costly", "The request is too costly"),
    NonFiniteResult: Kind(422, "non-finite-result", "The model gives no finite answer"),
    QueueFull: Kind(429, "overloaded", "The server is overloaded"),
    InternalError: Kind(500, "internal-error", "A fault of the service"),
    ModelUnavailable: Kind(503, "model-unavailable", "The model is not available"),
    ModelLoading: Kind(503, "model-loading", "The models are loading"),
    ShuttingDown: Kind(503, "shutting-down", "The server is shutting down"),
    DeadlineExceeded: Kind(504, "deadline-exceeded", "The deadline has passed"),
}
