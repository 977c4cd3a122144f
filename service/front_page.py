"""The page at `/`, drawn before any script: real pictures, the reader's language, an address to take along."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from service.engine.catalog import ServedModel
from service.languages import Language

ROOM = Path(__file__).parent / "page"
SEEDS = (42, 79)
"""The ends of the path that is shown; the picture is the first of them. As in `page/model/state.js`."""
SAMPLES = 16
STEPS = 16
ATLAS_SIDE = 16
PIXELS = 224
"""Of the picture, and half of it of a sample; no fewer."""
LANGUAGES: Mapping[Language, str] = {"en": "EN", "ja": "日本語"}
Words = Mapping[str, str]


class Sheet(Template):
    """A file with gaps, named as the keys of a catalogue are: `${map.title}`."""

    idpattern = r"[a-z][a-z0-9.-]*"


@dataclass(frozen=True)
class FrontPage:
    """What the page shows: a model, the one of `models` that was asked for, in a language."""

    model: ServedModel
    models: Sequence[str]
    language: Language

    def html(self) -> str:
        """The whole document."""
        return Sheet(_text("index.html")).substitute(self._words() | self._frame() | self._pictures())

    def _words(self) -> dict[str, str]:
        return {key: escape(text) for key, text in words_in(self.language).items()}

    def _frame(self) -> dict[str, str]:
        words, here = self._words(), f"lang={self.language}"
        names = ((name, f"?model={name}&amp;{here}", name == self.model.name) for name in self.models)
        languages = (
            (word, f"?lang={tag}&amp;model={self.model.name}", tag == self.language) for tag, word in LANGUAGES.items()
        )
        return {
            "lang": self.language,
            "model": self.model.name,
            "preloads": _preloads(),
            "models": " ".join(_links(names)),
            "languages": "".join(_links(languages)),
            "lead": words["map.lead.latents" if self._flat else "map.lead.seeds"],
            "name": self._name(SEEDS[0]),
        }

    def _pictures(self) -> dict[str, str]:
        film = f"interpolations/{SEEDS[0]},{SEEDS[1]}"
        atlas = f"manifold.png?n={ATLAS_SIDE}" if self._flat else "samples/0-63.png?gap=0"
        title = words_in(self.language)["map.label"].replace("{model}", self.model.name)
        seeds = range(SAMPLES)
        return {
            "map": self._picture(atlas, title, "atlas"),
            "now": self._picture(self._sample(SEEDS[0], PIXELS), self._alt(SEEDS[0]), "now"),
            "path": self._picture(f"{film}.strip.png?steps={STEPS + 1}&method=slerp", self._path(), "strip"),
            "samples": "".join(
                f"<li>{self._picture(self._sample(seed, PIXELS // 2), self._alt(seed), 'sample')}</li>"
                for seed in seeds
            ),
            "address": escape(self._url(self._sample(SEEDS[0], PIXELS))),
            "sheet": escape(self._url(f"samples/0-63.png?size={self._enlarged(PIXELS // 4)}")),
            "animation": escape(self._url(f"{film}.webp?size={self._enlarged(PIXELS)}&loop=true")),
        }

    @property
    def _flat(self) -> bool:
        return self.model.latent_dim == 2

    def _name(self, seed: int) -> str:
        return words_in(self.language)["point.seed"].replace("{seed}", str(seed))

    def _alt(self, seed: int) -> str:
        return f"{self.model.name}, {self._name(seed)}"

    def _path(self) -> str:
        text = words_in(self.language)["path.alt"]
        for gap, value in (("model", self.model.name), ("a", SEEDS[0]), ("b", SEEDS[1])):
            text = text.replace(f"{{{gap}}}", str(value))
        return text

    def _sample(self, seed: int, pixels: int) -> str:
        return f"samples/{seed}.png?size={self._enlarged(pixels)}"

    def _enlarged(self, pixels: int) -> int:
        """No fewer, and a whole multiple of the model's own size."""
        side = max(self.model.image_shape[1:])
        return side * -(-pixels // side)

    def _url(self, rest: str) -> str:
        return f"/v1/models/{self.model.pinned}/{rest}"

    def _picture(self, rest: str, alt: str, kind: str) -> str:
        return f'<img class="{kind}" src="{escape(self._url(rest))}" alt="{escape(alt)}">'


@cache
def words_in(language: Language) -> Words:
    """The page's catalogue of a language: key -> text."""
    words: Words = json.loads(_text(f"words/{language}.json"))
    return words


def _links(given: Iterable[tuple[str, str, bool]]) -> list[str]:
    """(text, address, whether that is what is shown) -> links."""
    return [
        f'<a href="{address}" aria-current="{str(here).lower()}" class="button">{escape(text)}</a>'
        for text, address, here in given
    ]


@cache
def _preloads() -> str:
    """All modules at once, instead of one after the other as each is found to import the next."""
    modules = sorted(path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.js") if path.name != "theme.js")
    return "\n    ".join(f'<link rel="modulepreload" href="/page/{module}">' for module in modules)


@cache
def _text(name: str) -> str:
    return (ROOM / name).read_text(encoding="utf-8")
