"""Commands that make images: of seeds, of paths, of latents."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from latentserve.cli.output import Output, form_of, is_folder, look, wants_look, write, write_each
from latentserve.cli.where import Where

Size = Annotated[int | None, Parameter(help="pixels of an image's longer side")]
Temperature = Annotated[float | None, Parameter(help="0 to 2, scales the prior's deviation")]
Label = Annotated[str | None, Parameter(help="the class, of models that know classes")]
HERE = Where()


def sample(
    model: str,
    seeds: str = "0-15",
    /,
    *,
    output: Output = None,
    size: Size = None,
    columns: Annotated[int | None, Parameter(help="columns of a sheet")] = None,
    temperature: Temperature = None,
    label: Label = None,
    index: Annotated[int | None, Parameter(help="which image of each seed")] = None,
    where: Where = HERE,
) -> None:
    """Images of seeds: in the terminal, or as files.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    seeds
        42, 0-63, 7,9,100-120, or any name
    """
    with where.model(model, needs="sample") as opened:
        options: dict[str, Any] = {"index": index, "temperature": temperature, "label": label}
        if wants_look(output):
            look(opened.sample(seeds, **options).to_numpy(), columns=columns)
        elif output is not None and is_folder(output):
            write_each(opened.sample(seeds, size=size, **options), output, f"{opened.name}-seed{{seed}}")
        else:
            form = form_of(output, ("png", "webp", "npy", "zip"))
            write(opened.sheet(seeds, form, size=size, columns=columns, **options).content, output)


def interpolate(
    model: str,
    seeds: str = "42,79",
    /,
    *,
    output: Output = None,
    steps: Annotated[int | None, Parameter(help="frames of a leg, 2 to 256")] = None,
    loop: Annotated[bool, Parameter(help="return to the first point", negative="")] = False,
    method: Annotated[Literal["slerp", "lerp"] | None, Parameter(help="great circle or straight line")] = None,
    easing: Annotated[Literal["linear", "smooth"] | None, Parameter(help="how each leg is walked")] = None,
    fps: Annotated[int | None, Parameter(help="frames a second")] = None,
    size: Size = None,
    temperature: Temperature = None,
    label: Label = None,
    where: Where = HERE,
) -> None:
    """The path through the images of seeds, as an animation or a strip.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    seeds
        2 to 16 key points, as in 42,79,1001
    """
    with where.model(model, needs="interpolate") as opened:
        path: dict[str, Any] = {"steps": steps, "loop": loop or None, "method": method, "easing": easing}
        points: dict[str, Any] = {"temperature": temperature, "label": label}
        if wants_look(output):
            look(opened.interpolate(seeds, **path, **points).frames.to_numpy())
        else:
            form = form_of(output, ("webp", "gif", "apng", "strip.png", "png", "zip", "npy", "json"))
            write(opened.interpolation(seeds, form, fps=fps, size=size, **path, **points).content, output)


def traverse(
    model: str,
    seed: str = "0",
    /,
    *,
    output: Output = None,
    dimensions: Annotated[int | None, Parameter(help="how many of them")] = None,
    steps: Annotated[int | None, Parameter(help="images of each, from -3 to 3")] = None,
    size: Size = None,
    where: Where = HERE,
) -> None:
    """One dimension of the latent space after the other, from -3 to 3.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    seed
        the point that is varied
    """
    with where.model(model, needs="decode") as opened:
        if wants_look(output):
            look(opened.traverse(seed, dimensions=dimensions, steps=steps, gap=0).to_numpy()[None])
        else:
            form = form_of(output, ("png", "json"))
            found = opened.traverse(seed, form, dimensions=dimensions, steps=steps, size=size)
            write(found.content, output)


def decode(
    model: str,
    latents: Path,
    /,
    *,
    output: Output = None,
    size: Size = None,
    columns: Annotated[int | None, Parameter(help="columns of a sheet")] = None,
    where: Where = HERE,
) -> None:
    """The images of latents.

    Parameters
    ----------
    model
        its name, or name@digest for one version for ever
    latents
        an npy file, (n, latent_dim), as `latentserve encode` writes it
    """
    import numpy as np  # noqa: PLC0415  # not before somebody asks for it: see `app`

    rows = np.load(latents, allow_pickle=False)
    with where.model(model, needs="decode") as opened:
        if wants_look(output):
            look(opened.decode(rows).to_numpy(), columns=columns)
        elif output is not None and is_folder(output):
            write_each(opened.decode(rows, size=size), output, f"{opened.name}-{{number}}")
        else:
            form = form_of(output, ("png", "npy"))
            write(opened.decode_sheet(rows, form, size=size, columns=columns).content, output)
