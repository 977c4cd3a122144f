"""What is inside a picture: its recipe, the address of the very same picture, and whether it can be made again here."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from latentserve.cli.outcome import FAILED, OK
from latentserve.cli.where import Where

HERE = Where()


def inspect(*files: Path, where: Where = HERE) -> int:
    """What is inside a picture: its recipe, its address, and whether it can be made again here.

    Parameters
    ----------
    files
        PNG or WebP
    """
    from latentserve.recipe import read_recipe  # noqa: PLC0415  # numpy is not needed before

    if not files:
        raise ValueError("no files; name at least one picture, as in grid.png")
    found = OK
    for file in files:
        recipe = read_recipe(file.read_bytes())
        if recipe is None:
            sys.stdout.write(f"{file}: no recipe; it was not made by latentserve, or was changed since\n")
            found = FAILED
        else:
            sys.stdout.write(_described(file, dict(recipe), where))
    return found


def _described(file: Path, recipe: dict[str, Any], where: Where) -> str:
    lines = [f"{file}: {recipe['resource']} of {recipe.get('model')}@{str(recipe.get('digest'))[:8]}"]
    shown = {name: value for name, value in recipe.items() if name not in ("resource", "model", "digest")}
    lines += [f"  {name:12}{_shortened(value)}" for name, value in shown.items()]
    path = address(recipe)
    url = (where.server or "").rstrip("/") + path if path else "none: its latents were sent, not addressed"
    lines.append(f"  {'url':12}{url}")
    lines.append(f"  {'here':12}{_availability(recipe, where)}")
    return "\n".join(lines) + "\n"


def address(recipe: dict[str, Any]) -> str | None:
    """The path, for ever, of what the recipe describes; None where it came from numbers in a request's body."""
    values = dict(recipe)
    resource, model, digest = (str(values.pop(name, "")) for name in ("resource", "model", "digest"))
    base = f"/v1/models/{model}@{digest[:8]}/{resource}"
    draws = values.pop("draws", None)
    if draws:
        if len({index for _, index in draws}) > 1:
            return None
        values |= {"seeds": [seed for seed, _ in draws], "index": draws[0][1]}
    if "seed" in values or "seeds" in values:
        seeds = values.pop("seeds", None) or [values.pop("seed")]
        return f"{base}/{','.join(map(str, seeds))}.{_extension(resource, values)}{_query(values)}"
    return f"{base}.png{_query(values)}" if resource == "manifold" else None


def _extension(resource: str, values: dict[str, Any]) -> str:
    """The lossless form that shows all of it."""
    return "strip.png" if resource == "interpolations" and values.get("at") is None else "png"


def _query(values: dict[str, Any]) -> str:
    changed = {name: value for name, value in values.items() if value is not None and DEFAULTS.get(name) != value}
    plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in changed.items()}
    return f"?{urlencode(plain)}" if plain else ""


DEFAULTS: dict[str, Any] = {"index": 0, "temperature": 1.0, "images": "url", "loop": False}
"""Left out of an address, where they say nothing."""


def _availability(recipe: dict[str, Any], where: Where) -> str:
    """Whether the model's very weights are at hand."""
    model, digest = str(recipe.get("model")), str(recipe.get("digest"))
    found = _digests(where).get(model)
    if found is None:
        return f"no: there is no model {model!r} here"
    if found == digest:
        return f"yes: {model} has this digest, so the same picture can be made"
    return f"no: {model} is at {found[:8]} here, the picture was made by {digest[:8]}"


def _digests(where: Where) -> dict[str, str]:
    """Name -> sha256 of each model, on the server or in the store; of the latter only the pointers are read."""
    from latentserve.cli.store import store_folder  # noqa: PLC0415  # the store's package needs torch
    from latentserve.local import pointers  # noqa: PLC0415  # httpx is not needed before

    if where.server:
        with where.client() as client:
            return {card.name: card.digest for card in client.models()}
    return {name: str(pointer.get("sha256")) for name, pointer in pointers(store_folder(where.store)).items()}


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
