"""The client of latentserve, and its command line: needs httpx and numpy, imports neither torch nor the server.

from latentserve import Client

vae = Client().model("fashion-vae")
vae.sample("0-15").save("out/{seed}.png")
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentserve.animation import Animation, AsyncAnimation
    from latentserve.async_client import AsyncClient, AsyncModel
    from latentserve.card import Card
    from latentserve.client import Client, Model
    from latentserve.errors import (
        CapabilityError,
        ConnectionFailed,
        LatentserveError,
        NotFound,
        RateLimited,
        ServerError,
        ValidationError,
    )
    from latentserve.file import File
    from latentserve.images import Image, Images
    from latentserve.latents import Latents
    from latentserve.scores import Scores
    from latentserve.stream import Frame

_HOMES = {
    "Animation": "animation",
    "AsyncAnimation": "animation",
    "AsyncClient": "async_client",
    "AsyncModel": "async_client",
    "CapabilityError": "errors",
    "Card": "card",
    "Client": "client",
    "ConnectionFailed": "errors",
    "File": "file",
    "Frame": "stream",
    "Image": "images",
    "Images": "images",
    "LatentserveError": "errors",
    "Latents": "latents",
    "Model": "client",
    "NotFound": "errors",
    "RateLimited": "errors",
    "Scores": "scores",
    "ServerError": "errors",
    "ValidationError": "errors",
}

__all__ = [
    "Animation",
    "AsyncAnimation",
    "AsyncClient",
    "AsyncModel",
    "CapabilityError",
    "Card",
    "Client",
    "ConnectionFailed",
    "File",
    "Frame",
    "Image",
    "Images",
    "Latents",
    "LatentserveError",
    "Model",
    "NotFound",
    "RateLimited",
    "Scores",
    "ServerError",
    "ValidationError",
]


def __getattr__(name: str) -> Any:
    """Each name is imported when it is first asked for: `latentserve --help` need not wait for httpx and numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
