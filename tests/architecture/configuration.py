"""Writes docs/reference/configuration.md and .env.example from the settings: `python -m tests.architecture.configuration`."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import msgspec

from services.gateway.standalone.services import discover
from shared import config
from shared.config import PARTICULAR, PREFIX
from shared.domain.provider import Provider

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference/configuration.md"
EXAMPLE = ROOT / ".env.example"

#: Variables that are no settings of a process: who reads them, and what they say.
ELSEWHERE = {
    "LANDSCAPE_VENV": ("landscape", "Directory of the Python environment `./landscape` installs; `.venv` unless set."),
    "LANDSCAPE_PG_BIN": (
        "services/gateway/standalone/postgres.py",
        "Directory with `postgres` and `initdb` for `landscape up`; the wheel's unless set.",
    ),
}  # fmt: skip

_REFERENCE_HEAD = """# Configuration

Generated from `shared/config.py` by `python -m tests.architecture.configuration`; a test fails when it is out of date.

Every setting is an environment variable. Groups are nested with `__`. Any variable may be given as `NAME_FILE`
instead: the path of a file that holds the value, as secrets are mounted; `NAME` goes before it. A variable that begins with `LANDSCAPE_` and
is no setting stops the process, with the nearest valid name. Names that end in `_SECONDS` are seconds.

`landscape up` sets the two stores and the token by itself. A store whose URL is set is used instead of its own.
"""
_EXAMPLE_HEAD = """# Every setting with its default, in the syntax of a shell. Copy to .env, remove the # of what you change, then
#   set -a; . ./.env; set +a; ./landscape up
# Generated from shared/config.py by `python -m tests.architecture.configuration`; docs/reference/configuration.md
# says the same as tables. Nothing of it is needed for ./landscape demo, ./landscape test or ./landscape up.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a struct in shared/config.py."""

    name: str
    type: str
    default: str
    """As a shell would take it; empty for none."""
    meaning: str


def groups() -> dict[str, tuple[str, list[Setting]]]:
    """Class name -> its docstring and its fields that are single values."""
    return {
        node.name: (ast.get_docstring(node) or "", list(_fields(node)))
        for node in ast.parse(inspect.getsource(config)).body
        if isinstance(node, ast.ClassDef)
    }


def _fields(node: ast.ClassDef) -> Iterator[Setting]:
    struct = msgspec.inspect.type_info(getattr(config, node.name))
    assert isinstance(struct, msgspec.inspect.StructType)
    meanings = _docstrings(node)
    for field in struct.fields:
        if isinstance(field.type, msgspec.inspect.StructType | msgspec.inspect.DictType):
            continue
        default = "" if field.default is None else str(field.default)
        default = default.lower() if isinstance(field.default, bool) else default
        yield Setting(field.name.upper(), _value(field.type), default, meanings.get(field.name, ""))


def _docstrings(node: ast.ClassDef) -> dict[str, str]:
    """Of the fields: the text that follows each."""
    return {
        field.target.id: " ".join(str(after.value.value).split())
        for field, after in pairwise(node.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def _value(type_: msgspec.inspect.Type) -> str:
    """What may be given, in words."""
    match type_:
        case msgspec.inspect.UnionType(types=types):
            return _value(next(t for t in types if not isinstance(t, msgspec.inspect.NoneType)))
        case msgspec.inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case msgspec.inspect.BoolType():
            return "`true` or `false`"
        case msgspec.inspect.IntType(ge=least):
            return "whole number" + ("" if least is None else f" from {least}")
        case msgspec.inspect.FloatType(gt=above, ge=least):
            return "number" + (
                f" above {above:g}" if above is not None else "" if least is None else f" from {least:g}"
            )
        case _:
            return "text"


def providers() -> list[Provider]:
    """What every service declares."""
    return [import_module(f"services.{service}.provider").PROVIDER for service in discover()]


def variables() -> Iterator[tuple[str, str, str, list[Setting]]]:
    """(heading, introduction, what the names begin with, settings), in the order of the page."""
    found = groups()
    own = found["Settings"]
    yield "Addresses and the token", own[0], PREFIX, own[1]
    for name in ("Gateway", "Exposition", "Log", "Webhooks", "Runtime"):
        yield name, found[name][0], f"{PREFIX}{name.upper()}__", found[name][1]
    yield "Providers", found["Provider"][0], f"{PREFIX}PROVIDERS__<SERVICE>__", found["Provider"][1]


def reference() -> str:
    """The page."""
    parts = [_REFERENCE_HEAD]
    for heading, introduction, prefix, settings in variables():
        parts.append(f"## {heading}\n\n{introduction}\n")
        if heading == "Providers":
            services = ", ".join(f"`{service.upper()}`" for service in discover())
            parts.append(f"`<SERVICE>` is the name of the service's folder in capitals: {services}.\n")
            for service in dict.fromkeys(PARTICULAR.values()):
                names = ", ".join(f"`{n.upper()}`" for n, owner in PARTICULAR.items() if owner == service)
                parts.append(f"Only `{service.upper()}` has {names}.\n")
        rows = [
            (f"`{prefix}{s.name}`", s.type, f"`{s.default}`" if s.default else "-", s.meaning)
            for s in settings
        ]
        parts.append(_table(("variable", "value", "default", "meaning"), rows))
        if heading == "Log":
            parts.append("The seed's names of these switches work as well; ours go before them.\n")
            seeds = [(f"`{seed}`", f"`{ours}`") for seed, ours in config.SEED_NAMES.items()]
            parts.append(_table(("seed", "ours"), seeds))
    parts.append("What the services declare, where nothing is set:\n")
    parts.append(
        _table(("service", "provider", *_DECLARED), [_declared(provider) for provider in providers()])
    )
    parts.append(
        "With the simulator, `landscape up` and `landscape demo` set `BASE_URL` and `API_KEY` of every service, and\n"
        "`REQUESTS_PER_SECOND=0` and `CONCURRENCY=20` unless they are set: a real plan's limits would take hours.\n"
    )
    parts.append("## Read elsewhere\n")
    parts.append(
        _table(
            ("variable", "read by", "meaning"),
            [(f"`{name}`", f"`{reader}`", meaning) for name, (reader, meaning) in ELSEWHERE.items()],
        )
    )
    return "\n".join(parts)


_DECLARED = ("BASE_URL", "REQUESTS_PER_SECOND", "CONCURRENCY", "TIMEOUT_SECONDS", "FRESHNESS_SECONDS", "unit")


def _declared(provider: Provider) -> tuple[str, ...]:
    numbers = (
        provider.limits.requests_per_second,
        provider.limits.concurrency,
        provider.timeout_seconds,
        provider.freshness_seconds,
    )
    return (
        provider.service,
        provider.name,
        f"`{provider.base_url}`",
        *(f"{number:g}" for number in numbers),
        provider.unit,
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def example() -> str:
    """The file to copy."""
    parts = [_EXAMPLE_HEAD]
    for heading, introduction, prefix, settings in variables():
        services = discover() if heading == "Providers" else [""]
        for service in services:
            lines = [f"# {heading}{' of ' + service if service else ''}: {introduction}"]
            for s in settings:
                if PARTICULAR.get(s.name.lower(), service) != service:
                    continue
                lines += [
                    f"# {s.meaning}",
                    f"#{prefix.replace('<SERVICE>', service.upper())}{s.name}={s.default}",
                ]
            parts.append("\n".join(lines) + "\n")
    lines = ["# Read elsewhere."]
    for name, (_, meaning) in ELSEWHERE.items():
        lines += [f"# {meaning}", f"#{name}="]
    parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(reference())
    EXAMPLE.write_text(example())
