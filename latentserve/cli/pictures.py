"""Commands that look at pictures: encode, reconstruct, score."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from latentserve.cli.output import Output, form_of, look, wants_look, write
from latentserve.cli.scores import FORMS
from latentserve.cli.where import Where

if TYPE_CHECKING:
    from latentserve.latents import Latents

HERE = Where()
Fit = Annotated[
    Literal["contain", "cover", "stretch"] | None, Parameter(help="how a picture of another shape is brought to size")
]
Invert = Annotated[Literal["auto", "true", "false"] | None, Parameter(help="dark on light becomes light on dark")]


def encode(
    model: str,
    /,
    *pictures: Path,
    output: Output = None,
    draw: Annotated[int | None, Parameter(help="a draw of the posterior by this seed, not its mean")] = None,
    fit: Fit = None,
    invert: Invert = None,
    where: Where = HERE,
) -> None:
    """The latents of pictures: exact where a picture carries its recipe, else what the encoder finds.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    pictures
        PNG, JPEG or WebP
    """
    with where.model(model, needs="decode") as opened:  # a recipe needs no encoder
        found = opened.encode(
            _some(pictures), encode=None if draw is None else "sample", seed=draw, fit=fit, invert=invert
        )
    if wants_look(output):
        for picture, z64, source in zip(pictures, found.z64, found.sources, strict=True):
            sys.stdout.write(f"{picture.name}\t{source}\t{z64}\n")
    else:
        write(_as_file(found, form_of(output, ("npy", "json"))), output)


def _as_file(latents: "Latents", form: str) -> bytes:
    from latentserve.pictures import npy  # noqa: PLC0415  # numpy is not needed before

    if form == "npy":
        return npy(latents.rows)
    rows = [{**origin, "latents": row.tolist()} for origin, row in zip(latents.origins, latents.rows, strict=True)]
    return json.dumps(rows, indent=1).encode() + b"\n"


def reconstruct(
    model: str,
    /,
    *pictures: Path,
    output: Output = None,
    size: Annotated[int | None, Parameter(help="pixels of an image's longer side")] = None,
    fit: Fit = None,
    invert: Invert = None,
    where: Where = HERE,
) -> None:
    """Pictures beside what a model makes of them: input, output, a row each.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    pictures
        PNG, JPEG or WebP, at most 16
    """
    shown = wants_look(output)
    form_of(output, ("png",))
    with where.model(model, needs="reconstruct") as opened:
        found = opened.reconstruction_pairs(
            _some(pictures), size=None if shown else size, gap=0 if shown else None, fit=fit, invert=invert
        )
    if shown:
        look(found.to_numpy()[None])
    else:
        write(found.content, output)


def score(
    model: str,
    /,
    *pictures: Path,
    k: Annotated[int | None, Parameter(help="draws of the importance-weighted bound, 1 to 5000")] = None,
    mc: Annotated[int | None, Parameter(help="draws of the ELBO, 1 to 1000")] = None,
    seed: Annotated[int | None, Parameter(help="of the noise; the same seed gives the same scores")] = None,
    form: Annotated[Literal["table", "json", "csv"], Parameter(name="--format", help="how they are printed")] = "table",
    output: Output = None,
    fit: Fit = None,
    invert: Invert = None,
    where: Where = HERE,
) -> None:
    """The ELBO of pictures in its parts, in nats, the least likely picture first.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    pictures
        PNG, JPEG or WebP
    """
    with where.model(model, needs="score") as opened:
        found = opened.score(_some(pictures), k=k, mc=mc, seed=seed, fit=fit, invert=invert).worst_first()
    text = FORMS[form](found)
    if output is None:
        sys.stdout.write(text)
    else:
        write(text.encode(), output)


def _some(pictures: tuple[Path, ...]) -> list[Path]:
    """Raises ValueError for none at all, before any model is loaded."""
    if not pictures:
        raise ValueError("no pictures; name at least one file, as in boot.png")
    missing = [str(picture) for picture in pictures if not picture.is_file()]
    if missing:
        raise ValueError(f"there is no file {missing[0]}")
    return list(pictures)
