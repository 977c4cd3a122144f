"""Whom a command asks: a server, or the service in this process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from latentserve.client import Client, Model


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """The server, if there is one."""

    url: Annotated[str | None, Parameter(help="a server to ask; else LATENTSERVE_URL; else in this process")] = None
    store: Annotated[Path | None, Parameter(help="without a server: the folder of models, by default the shipped")] = (
        None
    )

    @property
    def server(self) -> str | None:
        """Its address; None: in this process. Raises ValueError for --url together with --store."""
        if self.url and self.store:
            raise ValueError("--store is for models in this process; a server given by --url has its own")
        return self.url or (None if self.store else os.environ.get("LATENTSERVE_URL"))

    @contextmanager
    def client(self, model: str | None = None) -> Iterator["Client"]:
        """A client that is closed at the end; in this process with that model alone, or with the whole store."""
        from latentserve.cli.progress import Progress  # noqa: PLC0415  # rich's bars take time that --help has not
        from latentserve.client import Client  # noqa: PLC0415  # nor does it need httpx and numpy

        with Progress() as progress:
            if self.server:
                opened = Client(self.server, progress=progress.step)
            else:
                with progress.waiting(f"loading {model or 'the models'}"):
                    opened = Client.local(model, store=self.store, progress=progress.step)
            with opened as client:
                yield client

    @contextmanager
    def model(self, name: str, *, needs: str) -> Iterator["Model"]:
        """The model, if it can do what is needed. Raises CapabilityError that names those that can."""
        with self.client(name) as client:
            model = client.model(name)
            if needs in model.capabilities:
                yield model
                return
        from latentserve.errors import CapabilityError  # noqa: PLC0415  # as above

        able = self._able(needs)
        hint = f"these can: {', '.join(able)}" if able else "no model there can"
        raise CapabilityError(
            f"{name} is a {model.kind} and cannot {needs}", code="capability_not_supported", hint=hint
        )

    def _able(self, capability: str) -> list[str]:
        with self.client() as client:
            return [card.name for card in client.models() if capability in card.capabilities]


def remark(text: str) -> None:
    """A word to whoever looks on; stdout is for results."""
    sys.stderr.write(f"{text}\n")
