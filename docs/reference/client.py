"""The pages about the Python client, from its signatures and docstrings."""

import inspect
from collections.abc import Iterator
from typing import Any

import latentserve
from docs.reference import markdown

INTRODUCTION = """# The Python client

*Made by `python -m docs.reference` from its docstrings.* `latentserve` needs httpx and numpy; Pillow, torch and
pandas only where a method's name says so. Everything below can be imported from `latentserve`."""
EXAMPLE = """from latentserve import Client

with Client("http://127.0.0.1:8000") as client:
    vae = client.model("fashion-vae")  # pinned: it stays this version
    images = vae.sample("0-15", size=56)  # or sample(n=16), or sample(["alice", "bob"])
    z = vae.latents([42, 79])
    middle = vae.decode((z[0] + z[1]) / 2)
    exact = vae.encode(images[0].png).exact  # True: the file carries its recipe"""
TWINS = """`AsyncClient` and `AsyncModel` have the same methods, awaited; `stream_interpolation` is an asynchronous
iterator there.

**Seeds** are 42, `"0-15"`, `"7,9"`, a name, or a list of them. **Pictures** are one or a list of: a path, bytes, a
Pillow image, an array of uint8 or of floats in [0, 1], a tensor (C, H, W). A parameter that is not given is the
server's default: [HTTP](http.md#parameters)."""
LOCAL = """## Without a server

`Client.local("fashion-vae")` runs the service in this process, with that model alone; `Client.local()` with all of
the store. The calls are the same."""
ERRORS = (
    "LatentserveError",
    "NotFound",
    "CapabilityError",
    "ValidationError",
    "RateLimited",
    "ServerError",
    "ConnectionFailed",
)
NOT_FOR_CALLERS = ("of", "perform", "perform_raw", "stream")
"""Public to the package's other modules."""
RESULTS = ("Images", "Image", "Latents", "Animation", "Frame", "Scores", "File", "Card")


def page() -> str:
    """Client, Model and the errors."""
    return markdown.page(
        INTRODUCTION,
        markdown.fenced("python", EXAMPLE),
        TWINS,
        LOCAL,
        "## `Client`",
        _signature("Client", latentserve.Client),
        _doc(latentserve.Client),
        _members(latentserve.Client),
        "## `Model`",
        _doc(latentserve.Model),
        _members(latentserve.Model),
        "What they return: [results](results.md).",
        "## Errors",
        "Each has `.code`, `.status`, `.hint`, `.request_id` and `.facts`: [codes](problems.md).",
        markdown.table(("error", "means"), [(f"`{name}`", _doc(getattr(latentserve, name))) for name in ERRORS]),
    )


def results_page() -> str:
    """What the methods return."""
    parts = [part for name in RESULTS for part in (f"## `{name}`", *_described(getattr(latentserve, name)))]
    return markdown.page(
        "# What the client's methods return", "*Made by `python -m docs.reference` from docstrings.*", *parts
    )


def _described(kind: type) -> Iterator[str]:
    yield _doc(kind)
    yield _members(kind)


def _members(kind: type) -> str:
    return markdown.table(("", "is"), [(f"`{name}`", doc) for name, doc in _public(kind)])


def _public(kind: type) -> Iterator[tuple[str, str]]:
    """Fields, attributes and methods that this package gives it, each with its type or its docstring."""
    for name, annotation in inspect.get_annotations(kind).items():
        if not name.startswith("_"):
            yield name, f"`{annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)}`"
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if name.startswith("_") or name in NOT_FOR_CALLERS:
            continue
        if isinstance(member, property):
            yield name, _doc(member)
        elif _ours(method := getattr(kind, name)):
            yield _call(name, method), _doc(method)


def _ours(method: Any) -> bool:
    return callable(method) and str(method.__module__).startswith("latentserve")


def _call(name: str, method: Any) -> str:
    parameters = [
        each for each in inspect.signature(method).parameters.values() if each.name not in ("self", "args", "kwargs")
    ]
    return f"{name}({', '.join(_named(parameters))})"


def _named(parameters: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for each in parameters:
        if each.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        default = each.default
        yield each.name if default in (inspect.Parameter.empty, None) else f"{each.name}={default!r}"


def _signature(name: str, kind: Any) -> str:
    return f"`{_call(name, kind)}`"


def _doc(member: Any) -> str:
    return " ".join(str(inspect.getdoc(member)).split())
