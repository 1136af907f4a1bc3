"""Google's published description of the YouTube Data API: its methods with their parameters, its resources."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
#: Of integers that JSON text holds: proto3 JSON writes 64 bits in quotes.
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


@lru_cache(maxsize=1)
def document() -> Mapping[str, Any]:
    """The whole of it, as it comes with Google's client library."""
    path = files("googleapiclient") / "discovery_cache" / "documents" / "youtube.v3.json"
    found: Mapping[str, Any] = json.loads(path.read_text())
    return found


def method(resource: str, name: str = "list") -> Mapping[str, Any]:
    """One method: `flatPath`, `httpMethod`, `parameters` and more."""
    found: Mapping[str, Any] = document()["resources"][resource]["methods"][name]
    return found


def properties(schema: str) -> Mapping[str, Any]:
    """The fields of a resource."""
    found: Mapping[str, Any] = document()["schemas"][schema]["properties"]
    return found


def misfits(value: Any, schema: Mapping[str, Any] | str, at: str = "$") -> list[str]:
    """What of the value the schema, or the one of that name, does not allow; empty when it fits."""
    if isinstance(schema, str):
        return misfits(value, document()["schemas"][schema], at)
    if "$ref" in schema:
        return misfits(value, schema["$ref"], at)
    kind = schema["type"]
    if kind == "object":
        return _of_fields(value, schema, at)
    if kind == "array":
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no array"]
        return [part for n, one in enumerate(value) for part in misfits(one, schema["items"], f"{at}[{n}]")]
    return [] if _fits(value, kind, schema) else [f"{at}: {value!r} is no {schema.get('format', kind)}"]


def _of_fields(value: Any, schema: Mapping[str, Any], at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r} is no object"]
    fields, other = schema.get("properties", {}), schema.get("additionalProperties")
    found = []
    for name, content in value.items():
        if (field := fields.get(name, other)) is None:
            found.append(f"{at}.{name}: is not documented")
        else:
            found += misfits(content, field, f"{at}.{name}")
    return found


def _fits(value: Any, kind: str, schema: Mapping[str, Any]) -> bool:
    form = schema.get("format", "")
    if form in ("int64", "uint64"):
        return isinstance(value, str) and _is_whole(value) and _is_within(int(value), form)
    if kind == "string":
        return isinstance(value, str) and _is_text(value, schema)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and _is_within(value, form)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool) if kind == "boolean" else kind == "any"


def _is_text(value: str, schema: Mapping[str, Any]) -> bool:
    # A kind is a constant, told as the default.
    kind = schema.get("default", "")
    if kind.startswith("youtube#") and value != kind:
        return False
    is_moment = schema.get("format") == "date-time"
    return value in schema.get("enum", [value]) and (not is_moment or _MOMENT.fullmatch(value) is not None)


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text, re.ASCII) is not None


def _is_within(number: int, form: str) -> bool:
    low, high = _RANGES.get(form, (number, number))
    return low <= number <= high
