"""The page about the elements for other people's pages, from the head of each element's file."""

import re
from pathlib import Path

from docs.reference import markdown

ROOM = Path(__file__).parents[2] / "service/page/elements"
NAMES = ("latent-map", "film-strip", "elbo-meter", "draw-pad")
HEAD = re.compile(r"/\*\*\n(.*?)\n \*/", re.DOTALL)
INTRODUCTION = """# Elements for your page

*Made by `python -m docs.reference` from the heads of `service/page/elements/*.js`.* The parts of the service's own
page as custom elements, for any page of any origin. One line brings them; they speak to the server that they came
from."""
EXAMPLE = """<script type="module" src="http://127.0.0.1:8000/elements.js"></script>
<latent-map model="fashion-vae-2d" at="42"></latent-map>
<film-strip model="fashion-vae" a="42" b="79"></film-strip>
<draw-pad model="fashion-vae"></draw-pad>
<elbo-meter model="fashion-vae"></elbo-meter>
<script type="module">
  const [pad, meter] = ["draw-pad", "elbo-meter"].map((name) => document.querySelector(name));
  pad.addEventListener("picture-change", (event) => (meter.picture = event.detail.picture));
</script>"""
STYLE = """They take the page's language (`<html lang="ja">`) and its light or dark scheme. [A page with all of
them](../how-to/front-end.md)."""


def page() -> str:
    """The whole page."""
    heads = [part for name in NAMES for part in (f"## `<{name}>`", markdown.fenced("text", head_of(name)))]
    return markdown.page(INTRODUCTION, markdown.fenced("html", EXAMPLE), STYLE, *heads)


def head_of(name: str) -> str:
    """The comment that the element's file opens with."""
    found = HEAD.search((ROOM / f"{name}.js").read_text())
    if found is None:
        raise ValueError(f"{name}.js does not open with a comment that says what it takes")
    return "\n".join(line.removeprefix(" *").removeprefix(" ") for line in found[1].splitlines())
