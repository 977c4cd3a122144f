"""What both clients do with a request before it leaves and with what comes back: no waiting, no sending."""

import inspect
import os
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, get_args

import httpx

from latentserve.errors import ConnectionFailed, LatentserveError, error_of
from latentserve.messages import Answer, Request
from latentserve.retries import Retries

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 60.0
"""Twice the server's own deadline: it gives up first, and says why."""
RETRIES = 3
Method = TypeVar("Method", bound=Callable[..., Any])


class Connection:
    """Where the server is, and how patiently it is asked."""

    def __init__(self, base_url: str | None, max_retries: int) -> None:
        self.base_url = (base_url or os.environ.get("LATENTSERVE_URL") or DEFAULT_URL).rstrip("/")
        self.retries = Retries(max_retries)

    def arguments(self, request: Request) -> dict[str, Any]:
        """For `build_request` of an httpx client; also of one that was made by somebody else, without a base."""
        arguments = request.arguments()
        return arguments | {"url": self.base_url + arguments["url"]}

    def failed(self, error: httpx.TransportError) -> ConnectionFailed:
        """The error of a connection that did not come about or broke."""
        found = f"no answer from {self.base_url} ({str(error) or type(error).__name__})"
        return ConnectionFailed(found, code="connection_failed", hint="is the server running? latentserve serve")

    @staticmethod
    def answer(response: httpx.Response) -> Answer:
        """Of a response that has been read."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content, str(response.url))

    def judged(self, request: Request, outcome: Answer | ConnectionFailed, attempt: int) -> float | Answer:
        """The good answer, or the seconds to wait before the next attempt. Raises the error otherwise."""
        error = outcome if isinstance(outcome, ConnectionFailed) else error_of(outcome, request.files)
        if error is None:
            return outcome  # type: ignore[return-value]  # a connection that failed is an error
        return self.delay_s(error, attempt)

    def delay_s(self, error: LatentserveError, attempt: int) -> float:
        """Seconds to wait before the next attempt. Raises the error if there is to be none."""
        delay = self.retries.delay_s(error, attempt)
        if delay is None:
            raise error
        return delay


def described_as(build: Callable[..., Any], method: Method) -> Method:
    """The method with the name, the text and the keywords of the call that it performs, and the result's type."""
    update_wrapper(method, build)
    del method.__wrapped__  # type: ignore[attr-defined]  # its signature would say that a call is returned
    signature = inspect.signature(build)
    (result,) = get_args(signature.return_annotation) or (Any,)
    method.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
    return method
