"""Writes docs/reference/errors.md from the code that raises and classifies: `python -m tests.architecture.errors_reference`."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from http import HTTPStatus

from services.gateway import problems
from shared import errors
from shared.domain import category
from shared.domain.category import DEFAULT_RULES, ErrorCategory, ErrorRule
from shared.domain.phases import SERVICES
from tests.architecture.pages import ROOT

REFERENCE = ROOT / "docs/reference/errors.md"

_HEAD = """# Errors

Generated from `shared/errors.py`, `services/gateway/problems.py` and the providers' rules by `python -m tests.architecture.errors_reference`; a test fails when
it is out of date.

## Problems of the API
Every answer of 400 and above is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `instance`, `request_id`, and in `errors` one
entry per wrong field with its JSON pointer. Nothing was done, unless the detail says otherwise.

| type | status | when |
|---|---|---|
"""
_CATEGORIES = """
## Categories
What an error of a provider means for the item that asked.

| category | what happens |
|---|---|
"""
_RULES = """
## Rules
The first of a provider's rules that matches counts, then those of every provider; beyond both, no answer, a useless one and 5xx are
`recoverable`, any other status is not. Rules added or edited at run time come before these (`landscape rules`, `GET /api/v1/error-rules`).
"""


def _problems() -> Iterator[tuple[str, int, str]]:
    """(type, status, when) by status."""
    told = {
        kind.code: (inspect.getdoc(kind) or "").replace("\n", " ")
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, errors.LandscapeError)
    }
    for status, code in problems.KINDS.items():
        yield (
            f"/errors/{code}",
            status,
            problems.DETAILS.get(status) or told.get(code, HTTPStatus(status).description),
        )
    yield f"/errors/{errors.SchemaError.code}", 503, told[errors.SchemaError.code]


def _categories() -> Iterator[tuple[str, str]]:
    """(category, what happens): each with the text below it in the source."""
    (body,) = [
        node.body
        for node in ast.parse(inspect.getsource(category)).body
        if isinstance(node, ast.ClassDef) and node.name == ErrorCategory.__name__
    ]
    texts = [
        node.value.value
        for node in body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    for member, text in zip(ErrorCategory, texts[1:], strict=True):
        yield member.value, str(text)


def _rule(rule: ErrorRule) -> str:
    meets = [f"`{rule.code}`" if rule.code else "", f"text `{rule.pattern}`" if rule.pattern else ""]
    tries = [
        f"{rule.attempts} attempts" if rule.attempts else "",
        rule.strategy or "",
    ]
    condition = ", ".join(filter(None, meets)).replace("|", "\\|")
    return (
        f"| {rule.status or ''} | {condition} | {rule.category.value} | {', '.join(filter(None, tries))} |\n"
    )


def reference() -> str:
    """The page."""
    parts = [_HEAD]
    parts += [
        f"| `{kind}` | {status} | {when} |\n"
        for kind, status, when in sorted(_problems(), key=lambda p: p[1])
    ]
    parts += [_CATEGORIES, *(f"| `{name}` | {text} |\n" for name, text in _categories()), _RULES]
    rules = {
        provider.name: provider.errors
        for provider in (importlib.import_module(f"services.{name}.provider").PROVIDER for name in SERVICES)
    }
    for name, found in {**rules, "Every provider": DEFAULT_RULES}.items():
        parts.append(f"\n### {name}\n\n| status | code or text | category | tries |\n|---|---|---|---|\n")
        parts += map(_rule, found)
    return "".join(parts)


if __name__ == "__main__":
    REFERENCE.write_text(reference())
