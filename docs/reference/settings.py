"""The page about the server's settings, from the one object that holds them."""

from docs.reference import markdown
from service.settings import Settings

INTRODUCTION = """# Settings of the server

*Made by `python -m docs.reference` from `service/settings.py`.* Each is an option of `latentserve serve` and of
`python -m service`, and a variable; the option wins."""
LIMITS = """What one request may ask for is no setting: `GET /v1/models/{m}` shows all limits, and
[`service/limits.py`](../../service/limits.py) has the reason of each."""


def page() -> str:
    """The whole page."""
    rows = [
        (f"`--{name.replace('_', '-')}`", f"`LATENTSERVE_{name.upper()}`", str(field.description), _default(name))
        for name, field in Settings.model_fields.items()
    ]
    return markdown.page(INTRODUCTION, markdown.table(("option", "variable", "is", "default"), rows), LIMITS)


def _default(name: str) -> str:
    default = Settings.model_fields[name].default
    if default is None:
        return ""
    return "the shipped models" if name == "store" else f"`{default}`"
