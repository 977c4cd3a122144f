"""The languages of errors: raised in English, and turned into the caller's language when they are answered."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from service.japanese import SENTENCES, TITLES

Language = Literal["en", "ja"]
GAP = re.compile(r"\\\{(\d)\\\}")
"""A value's place in a sentence, once it is escaped for a pattern."""
PLACE = re.compile(r"\{\d\}")
ONE_WORD = r"(\S+|\{.+\})"
"""Or an object in JSON: "ask {0}" means a model to ask, and not every hint that begins with ask."""
FEW_LETTERS = 10
LONGEST_SENTENCE = 512
"""Characters; every value in a sentence has 64 at most."""
LONGEST_HEADER = 256
"""Characters of Accept-Language that are looked at."""


def language_of(accepted: str) -> Language:
    """The language that an Accept-Language header wants most (RFC 9110, 12.5.4); English if it wants neither more."""
    weights = {"en": 0.0, "ja": 0.0}
    for part in accepted[:LONGEST_HEADER].lower().split(","):
        tag, _, weight = part.replace(" ", "").partition(";q=")
        name = tag.partition("-")[0]
        if name in weights:
            weights[name] = max(weights[name], _number(weight or "1"))
    return "ja" if weights["ja"] > weights["en"] else "en"


def title_in(language: Language, slug: str, title: str) -> str:
    """The title of a kind of error."""
    return title if language == "en" else TITLES[slug]


def sentence_in(language: Language, sentence: str) -> str:
    """A detail or a hint; one that the catalogue does not know stays English, which is better than none."""
    if language == "en" or len(sentence) > LONGEST_SENTENCE:
        return sentence
    pointer, colon, message = sentence.partition(": ")
    if sentence.startswith("/") and colon:
        return f"{pointer}: {sentence_in(language, message)}"
    for pattern, order, template in _catalogue():
        if found := pattern.fullmatch(sentence):
            values = dict(zip(order, found.groups(), strict=True))
            return template.format(*(_inner(values[number]) for number in sorted(values)))
    return sentence


def facts_in(language: Language, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an error, with its hint and the messages of its list in that language; names and numbers stay."""
    told = dict(facts)
    if isinstance(told.get("hint"), str):
        told["hint"] = sentence_in(language, told["hint"])
    if "errors" in told:
        told["errors"] = [{**each, "message": sentence_in(language, each["message"])} for each in told["errors"]]
    return told


def _inner(value: str) -> str:
    """A value may be a sentence itself, as the reason inside a refusal is."""
    return sentence_in("ja", value) if " " in value else value


@cache
def _catalogue() -> list[tuple[re.Pattern[str], list[int], str]]:
    """Each English sentence as a pattern, which of its values is which, and the Japanese one; the wordiest first."""
    rows = []
    for english, japanese in sorted(SENTENCES, key=lambda pair: -_words(pair[0])):
        escaped = re.escape(english)
        order = [int(number) for number in GAP.findall(escaped)]
        value = ONE_WORD if _words(english) < FEW_LETTERS else "(.+?)"
        pattern = value.join(GAP.split(escaped)[::2])
        rows.append((re.compile(pattern, re.DOTALL), order, japanese))
    return rows


def _words(sentence: str) -> int:
    """Letters that are the sentence's own."""
    return len(PLACE.sub("", sentence))


def _number(text: str) -> float:
    """A weight; what is no number counts as none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
