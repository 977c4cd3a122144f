"""What an address means: a version of a model and a place below it. The same for every way that a request can go."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from service.engine.catalog import ServedModel

ENCODER_VERSION = "5"
"""Raise it when files of the same images get other bytes: it is part of every ETag."""
YEAR_S = 31_536_000
ALIAS_S = 300
MEDIA_TYPES = {
    "png": "image/png",
    "strip.png": "image/png",
    "webp": "image/webp",
    "json": "application/json",
    "npy": "application/x-npy",
    "zip": "application/zip",
    "apng": "image/apng",
    "gif": "image/gif",
    "sse": "text/event-stream",
    "jsonl": "application/jsonl",
}

SAFE = "/@,.-_~"
"""What stands in an address as it is, beside letters and digits."""
PLAIN = re.compile(rf"[A-Za-z0-9{re.escape(SAFE)}]*")

Recipe = Mapping[str, Any]
"""What fixes an answer, as JSON: resource, model, digest, and every parameter."""
Headers = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Pure functions of the address: nothing of who asks, or how."""

    reference: str
    """The model as the address names it, by name or by name@digest."""
    place: str
    """The rest of the path, below the model."""
    query: str
    model: ServedModel

    def recipe(self, resource: str, **parameters: Any) -> Recipe:
        """The recipe of an answer; it names the model by its digest, so it does not depend on how it was asked for."""
        return {"resource": resource, "model": self.model.name, "digest": self.model.digest, **parameters}

    def url(self, rest: str) -> str:
        """The address, for ever, of a resource of this very version of the model."""
        return f"/v1/models/{self.model.pinned}/{rest}"

    def with_query(self, path: str) -> str:
        """The path as an address, with the query of this one."""
        quoted = path if PLAIN.fullmatch(path) else quote(path, safe=SAFE)
        return f"{quoted}?{self.query}" if self.query else quoted

    def cache_headers(self, recipe: Recipe, extension: str) -> Headers:
        """The ETag, known before anything is computed, and how long the answer may be kept."""
        return {"ETag": etag_of(fixed_text(recipe, extension)), **self.lifetime_headers()}

    def lifetime_headers(self) -> Headers:
        """How long the answer may be kept, and the address where it may be kept for longest."""
        headers = {"Model-Version": self.model.digest}
        if "@" in self.reference:
            headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
        else:
            headers["Cache-Control"] = f"max-age={ALIAS_S}"
            headers["Content-Location"] = self.with_query(self.url(self.place))
        return headers

    def file_headers(self, extension: str, stem: str) -> Headers:
        """Of a file with a name, from this version of the model."""
        return {
            "Content-Disposition": f'inline; filename="{self.model.name}-{stem}.{extension}"',
            "Model-Version": self.model.digest,
        }


def fixed_text(recipe: Recipe, extension: str) -> bytes:
    """All that the bytes of a file depend on, in one form only."""
    return orjson.dumps([recipe, extension, ENCODER_VERSION], option=orjson.OPT_SORT_KEYS)


def etag_of(text: bytes) -> str:
    """The ETag of the file of which this is the `fixed_text`."""
    return f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'
