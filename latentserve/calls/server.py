"""Calls about the server and the models that it has."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from latentserve.card import Card
from latentserve.file import File
from latentserve.messages import Answer, Call, Request
from latentserve.seeds import Seeds, quoted, seeds_text

MODELS = "/v1/models"


class ServerCalls:
    """Builds them."""

    def models(self) -> Call[list[Card]]:
        """The cards of all models that are served."""
        return Call([Request("GET", MODELS)], lambda answers: [Card(each) for each in answers[0].json()["data"]])

    def card(self, name: str) -> Call[Card]:
        """The card of one model, `name` or `name@digest`. Raises NotFound with the nearest name."""
        request = Request("GET", f"{MODELS}/{quote(name, safe='@')}")
        return Call([request], lambda answers: Card(answers[0].json()))

    def image(
        self,
        seeds: Seeds,
        form: str = "png",
        *,
        index: int | None = None,
        temperature: float | None = None,
        size: int | None = None,
        label: str | int | None = None,
        columns: int | None = None,
        gap: int | None = None,
    ) -> Call[File]:
        """The server's shortest addresses, `/42.png`: `sheet` of its default model."""
        options = {"index": index, "temperature": temperature, "label": label, "columns": columns, "gap": gap}
        request = Request("GET", f"/{quoted(seeds_text(seeds))}.{form}", {"size": size, **options})
        return Call([request], File.of)

    def health(self) -> Call[Mapping[str, Any]]:
        """Whether the process answers."""
        return Call([Request("GET", "/healthz")], _json)

    def readiness(self) -> Call[Mapping[str, Any]]:
        """Whether to send requests there, and which models it serves. Raises ServerError while it is not ready."""
        return Call([Request("GET", "/readyz")], _json)

    def metrics(self) -> Call[str]:
        """Text in Prometheus' exposition format."""
        return Call([Request("GET", "/metrics")], lambda answers: answers[0].content.decode())

    def problem(self, code: str) -> Call[Mapping[str, Any]]:
        """What the `code` of an error means."""
        return Call([Request("GET", f"/problems/{quote(code.replace('_', '-'), safe='')}")], _json)

    def guide(self) -> Call[str]:
        """A short description of this server in Markdown, `/llms.txt`."""
        return Call([Request("GET", "/llms.txt")], lambda answers: answers[0].content.decode())


def _json(answers: Sequence[Answer]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answers[0].json()
    return found
