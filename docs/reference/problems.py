"""The page about errors: every code, from the service's one table of them."""

from docs.reference import markdown
from service.errors import KINDS
from service.japanese import TITLES

INTRODUCTION = """# Errors

*Made by `python -m docs.reference` from `service/errors.py`.* Every answer from status 400 on is
`application/problem+json` (RFC 9457). `code` is for programs and never changes. `type` is an address that explains
the error: `GET /problems/overloaded`."""
REQUEST = """curl -s "http://127.0.0.1:8000/v1/models/fashion-vae/samples/42.png?size=4096" | python -m json.tool"""
ANSWER = """{
    "type": "/problems/invalid-parameter",
    "title": "A parameter is not valid",
    "status": 422,
    "detail": "/query/size: Input should be less than or equal to 1024",
    "code": "invalid_parameter",
    "request_id": "…",
    "errors": [
        {
            "pointer": "/query/size",
            "message": "Input should be less than or equal to 1024",
            "got": "4096",
            "allowed": {
                "le": 1024
            }
        }
    ]
}"""
FIELDS = """`title`, `detail` and `hint` are English, or with `Accept-Language: ja` Japanese. `hint`, where there is
one, is the remedy. `errors` lists what is wrong, each with where it is (`pointer`), what was `got` and what is
`allowed`; at most ten. `supported_by` names the models that can what this one cannot. `request_id` is what to ask
the operator with.

Try again after `Retry-After` seconds with `overloaded`, `model_loading` and `shutting_down`; the
[client](client.md) does so by itself. Everything below 500 but `overloaded` and `receive_timeout` will be refused
again."""


def page() -> str:
    """The whole page."""
    rows = [
        (str(kind.status), f"`{kind.code}`", kind.title, str(error.__doc__), TITLES[kind.slug])
        for error, kind in KINDS.items()
    ]
    return markdown.page(
        INTRODUCTION,
        markdown.table(("status", "code", "title", "means", "日本語"), rows),
        "## What an error looks like",
        markdown.fenced("bash", REQUEST),
        markdown.fenced("text", ANSWER),
        FIELDS,
    )
