"""Holds the parameters of a request against a vendor's table of them.

The table is written as in Google's discovery documents: name -> {type, required, repeated, enum, pattern, minimum,
maximum}, all but the name optional and the limits in text.
"""

import re
from collections.abc import Mapping
from typing import Any

_TYPES = {
    "string": re.compile(r".+", re.DOTALL),
    "integer": re.compile(r"-?\d+"),
    "boolean": re.compile(r"true|false"),
}


def misfits(given: Mapping[str, str], table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the table does not allow; empty when the parameters fit."""
    found = [f"{name}: is not documented" for name in given if name not in table]
    found += [
        f"{name}: is missing" for name, row in table.items() if row.get("required") and name not in given
    ]
    for name, text in given.items():
        row = table.get(name, {})
        values = text.split(",") if row.get("repeated") else [text]
        found += [f"{name}: {value!r} {what}" for value in values if (what := _misfit(value, row))]
        if len(set(values)) < len(values):
            found.append(f"{name}: holds a value twice")
        if len(values) > int(row.get("values", len(values))):
            found.append(f"{name}: {len(values)} values, {row['values']} are the most")
    return found


def _misfit(value: str, row: Mapping[str, Any]) -> str:
    kind = row.get("type", "string")
    if not _TYPES[kind].fullmatch(value):
        return f"is no {kind}"
    if "enum" in row and value not in row["enum"]:
        return f"is none of {row['enum']}"
    if "pattern" in row and not re.fullmatch(row["pattern"], value):
        return f"does not match {row['pattern']}"
    if kind == "integer" and not int(row.get("minimum", value)) <= int(value) <= int(
        row.get("maximum", value)
    ):
        return f"is not within {row.get('minimum')} and {row.get('maximum')}"
    return ""
