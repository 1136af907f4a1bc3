"""The rules a JSON schema keeps to be taken as strict structured output, as OpenAI's guide to it gives them."""

import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
LEVELS, PROPERTIES, ENUM_VALUES, CHARACTERS = 10, 5000, 1000, 120_000
"""The most of each: of nesting, in all objects together, in all enums together, of names and enum values."""
_ANY = {"type", "title", "description", "enum", "const", "anyOf", "$ref", "$defs"}
_BY_TYPE: Mapping[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"pattern", "format"},
    "number": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "integer": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
    "null": set(),
}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def misfits(schema: Mapping[str, Any]) -> list[str]:
    """What of the schema leaves the subset, each with its path; empty when nothing does."""
    found = [] if schema.get("type") == "object" else ["$: the root is no object"]
    found += ["$: the root has anyOf"] * ("anyOf" in schema)
    found += _of_node(schema, schema, "$", 0)
    names, values = _counted(schema)
    found += [f"$: {len(names)} properties"] * (len(names) > PROPERTIES)
    found += [f"$: {len(values)} values of enums"] * (len(values) > ENUM_VALUES)
    characters = sum(len(str(text)) for text in names + values)
    return found + [f"$: {characters} characters of names and values"] * (characters > CHARACTERS)


def _of_node(node: Any, root: Mapping[str, Any], at: str, level: int) -> list[str]:
    if not isinstance(node, dict):
        return [f"{at}: is no schema"]
    if level > LEVELS:
        return [f"{at}: {level} levels"]
    if "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        return [] if node["$ref"] == "#" or name in root.get("$defs", {}) else [f"{at}: leads nowhere"]
    types = node["type"] if isinstance(node.get("type"), list) else [node.get("type")]
    if not ({"anyOf", "const", "enum"} & node.keys() or all(one in _BY_TYPE for one in types)):
        return [f"{at}: {types} are no types"]
    allowed = _ANY.union(*(_BY_TYPE.get(str(one), set()) for one in types))
    found = [f"{at}.{name}: is not in the subset" for name in sorted(node.keys() - allowed)]
    if "object" in types:
        properties = node.get("properties", {})
        found += [f"{at}: additionalProperties is not false"] * (
            node.get("additionalProperties") is not False
        )
        found += [f"{at}: required is not all properties"] * (
            sorted(node.get("required", [])) != sorted(properties)
        )
        for name, one in properties.items():
            found += _of_node(one, root, f"{at}.{name}", level + 1)
    if "array" in types:
        found += _of_node(node.get("items"), root, f"{at}[]", level + 1)
    found += [f"{at}: format {node.get('format')}"] * (node.get("format", "date") not in _FORMATS)
    for n, one in enumerate(node.get("anyOf", [])):
        found += _of_node(one, root, f"{at}|{n}", level)
    for name, one in node.get("$defs", {}).items():
        found += _of_node(one, root, f"{at}#{name}", level)
    return found


def _counted(node: Any) -> tuple[list[Any], list[Any]]:
    """The names of all properties and the values of all enums."""
    if isinstance(node, list):
        parts = [_counted(one) for one in node]
    elif isinstance(node, dict):
        parts = [_counted(one) for name, one in node.items() if name not in ("enum", "required")]
        parts.append((list(node.get("properties", {})), list(node.get("enum", []))))
    else:
        return [], []
    return [one for names, _ in parts for one in names], [one for _, values in parts for one in values]
