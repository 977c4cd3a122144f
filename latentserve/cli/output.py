"""Where results go: files whole or not at all, stdout for pipes, the terminal for eyes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from latentserve.cli.where import remark

if TYPE_CHECKING:
    from latentserve.images import Images
    from latentserve.png import Bytes

Output = Annotated[
    Path | None,
    Parameter(
        name=["--output", "-o"],
        allow_leading_hyphen=True,
        help="a file whose end says its form, a folder as in out/, or - for stdout; without it: the terminal",
    ),
]
STDOUT = Path("-")


def wants_look(output: Path | None) -> bool:
    """Whether the result is to be shown here: nothing else was asked for, and somebody looks."""
    return output is None and sys.stdout.isatty()


def is_folder(output: Path | None) -> bool:
    """Whether each image goes into a file of its own: a folder, or a name with {seed} or {number} in it."""
    return output is not None and output != STDOUT and ("{" in output.name or not output.suffix or output.is_dir())


def form_of(output: Path | None, forms: Sequence[str]) -> str:
    """The form that the file's name asks for; stdout gets the first. Raises ValueError for any other."""
    if output is None or output == STDOUT:
        return forms[0]
    for form in sorted(forms, key=len, reverse=True):
        if output.name.endswith(f".{form}"):
            return form
    raise ValueError(f"{output} cannot be made here; let it end in .{', .'.join(forms)}")


def write(content: bytes, output: Path | None) -> None:
    """To the file, or to stdout."""
    from latentserve.file import write_whole  # noqa: PLC0415  # numpy is not needed before

    if output is None or output == STDOUT:
        sys.stdout.buffer.write(content)
        return
    write_whole(output, content)
    remark(f"{output}  {len(content) / 1000:.1f} kB")


def write_each(images: "Images", output: Path, name: str) -> None:
    """Into a folder under the name, or where the output's own pattern says; `{seed}` and `{number}` are filled in."""
    pattern = output if "{" in output.name else output / f"{name}.png"
    paths = images.save(pattern)
    remark(f"{len(paths)} files: {paths[0]} … {paths[-1]}" if len(paths) > 1 else str(paths[0]))


def look(pictures: "Bytes", *, columns: int | None = None) -> None:
    """Shows levels (N, H, W, C) in the terminal."""
    from latentserve.cli.terminal import rendered, terminal_colours, terminal_width  # noqa: PLC0415  # numpy again

    sys.stdout.write(rendered(pictures, columns=columns, colours=terminal_colours(), width=terminal_width()))
