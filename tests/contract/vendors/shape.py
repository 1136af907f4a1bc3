"""Holds a JSON value against a documented shape: names and types of fields, as the tables of the vendors give them.

A shape is JSON, too. A text names types, "string|null", another shape, "@record", or a value, "=true"; a list of one shape stands for
any number of such values, [shape, least, most] for a limited one; an object has these fields and no others. "name?"
may be absent, "has*" stands for any fields that begin so.
"""

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")

TYPES: Mapping[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "moment": lambda value: isinstance(value, str) and _MOMENT.fullmatch(value) is not None,
    "url": lambda value: isinstance(value, str) and value.startswith(("https://", "http://")),
    "digits": lambda value: isinstance(value, str) and value.isascii() and value.isdigit(),
}


def misfits(value: Any, shape: Any, named: Mapping[str, Any], at: str = "$") -> list[str]:
    """What of the value the shape does not allow, each with its path; empty when it fits."""
    if isinstance(shape, str):
        return _of_types(value, shape, named, at)
    if isinstance(shape, list):
        return _of_list(value, shape, named, at)
    if not isinstance(value, dict):
        return [f"{at}: {_short(value)} is no object"]
    return _of_fields(value, shape, named, at)


def _of_types(value: Any, shape: str, named: Mapping[str, Any], at: str) -> list[str]:
    fewest: list[str] | None = None
    for name in shape.split("|"):
        if name.startswith("@"):
            found = misfits(value, named[name[1:]], named, at)
        else:
            fits = _is_value(value, name[1:]) if name[0] == "=" else TYPES[name](value)
            found = [] if fits else [f"{at}: {_short(value)} is no {name}"]
        if fewest is None or len(found) < len(fewest):
            fewest = found
    return fewest or []


def _is_value(value: Any, text: str) -> bool:
    return value == text if isinstance(value, str) else json.dumps(value) == text


def _of_list(value: Any, shape: list[Any], named: Mapping[str, Any], at: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{at}: {_short(value)} is no array"]
    one, least, most = shape if len(shape) == 3 else (shape[0], 0, None)
    found = [part for n, entry in enumerate(value) for part in misfits(entry, one, named, f"{at}[{n}]")]
    if len(value) < least or (most is not None and len(value) > most):
        found.append(f"{at}: {len(value)} values are not {least} to {most}")
    return found


def _of_fields(
    value: Mapping[str, Any], shape: Mapping[str, Any], named: Mapping[str, Any], at: str
) -> list[str]:
    fields = {name.removesuffix("?"): kind for name, kind in shape.items()}
    required = [name for name in shape if not name.endswith("?") and "*" not in name]
    found = [f"{at}.{name}: is missing" for name in required if name not in value]
    for name, content in value.items():
        kind = fields.get(name)
        if kind is None:
            kind = next((k for wild, k in fields.items() if "*" in wild and fnmatchcase(name, wild)), None)
        if kind is None:
            found.append(f"{at}.{name}: is not documented")
        else:
            found += misfits(content, kind, named, f"{at}.{name}")
    return found


def _short(value: Any) -> str:
    return repr(value)[:60]
