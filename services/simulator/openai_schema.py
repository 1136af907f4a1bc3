"""The subset of JSON Schema that strict structured output takes."""

from collections.abc import Mapping
from typing import Any

from services.simulator.openai_errors import RefusedError

MAX_LEVELS = 10
MAX_PROPERTIES = 5000
MAX_ENUM_VALUES = 1000
LOWEST, HIGHEST, FINEST = -(10**15), 10**15, 1e-6
"""Bounds and steps of numbers that can be chosen from; the real subset has no such limits."""

_ALWAYS = {"type", "title", "description", "enum", "const", "anyOf", "$ref", "$defs", "definitions"}
_BY_TYPE: Mapping[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"format"},
    "number": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "integer": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
    "null": set(),
}
_AMOUNTS = {"minItems", "maxItems"} | _BY_TYPE["number"]
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")

Path = tuple[str, ...]


def check(name: str, schema: Any) -> None:
    """Raises RefusedError with code invalid_json_schema where the schema leaves the subset.

    `pattern` is in the real subset but not simulated; minLength and maxLength are in neither.
    """
    _Check(name, schema).run()


class _Check:
    def __init__(self, name: str, schema: Any) -> None:
        self._name, self._schema = name, schema
        self._properties = self._enum_values = 0

    def run(self) -> None:
        root = self._schema
        if not isinstance(root, dict) or root.get("type") != "object":
            got = root.get("type") if isinstance(root, dict) else type(root).__name__
            raise self._wrong(
                (), f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{got}\"'."
            )
        if "anyOf" in root:
            raise self._wrong((), "'anyOf' is not permitted at the root.")
        self._node((), root, 1)
        if self._properties > MAX_PROPERTIES:
            raise self._wrong((), f"{self._properties} properties exceed the limit of {MAX_PROPERTIES}.")
        if self._enum_values > MAX_ENUM_VALUES:
            raise self._wrong((), f"{self._enum_values} enum values exceed the limit of {MAX_ENUM_VALUES}.")

    def _wrong(self, at: Path, what: str) -> RefusedError:
        message = f"Invalid schema for response_format '{self._name}': In context={at!r}, {what}"
        return RefusedError(message, "response_format", "invalid_json_schema")

    def _node(self, at: Path, node: Any, level: int) -> None:
        if not isinstance(node, dict):
            raise self._wrong(at, "a schema must be an object.")
        if level > MAX_LEVELS:
            raise self._wrong(at, f"{level} levels of nesting exceed the limit of {MAX_LEVELS}.")
        for keyword in ("$defs", "definitions"):
            for key, definition in self._mapping(at, node, keyword).items():
                self._node((*at, keyword, key), definition, level)
        if "$ref" in node:
            self._reference(at, node)
            return
        self._keywords(at, node)
        for number, branch in enumerate(node.get("anyOf", [])):
            self._node((*at, "anyOf", str(number)), branch, level)
        if "properties" in node or "object" in _types(node):
            self._object(at, node, level)
        if "array" in _types(node):
            if "items" not in node:
                raise self._wrong(at, "array schema missing items.")
            self._node((*at, "items"), node["items"], level + 1)

    def _reference(self, at: Path, node: dict[str, Any]) -> None:
        if beside := sorted(node.keys() - {"$ref", "$defs", "definitions"}):
            raise self._wrong(at, f"$ref cannot have keywords {beside}.")
        if resolve(self._schema, node["$ref"]) is None:
            raise self._wrong(
                at, f"reference to component {node['$ref']!r} which was not found in the schema."
            )

    def _keywords(self, at: Path, node: dict[str, Any]) -> None:
        types = _types(node)
        if not types and "anyOf" not in node:
            raise self._wrong(at, "schema must have a 'type' key.")
        if unknown := [name for name in types if not (isinstance(name, str) and name in _BY_TYPE)]:
            raise self._wrong(at, f"{unknown[0]!r} is not a valid type.")
        allowed = _ALWAYS.union(*(_BY_TYPE[name] for name in types))
        if foreign := [keyword for keyword in node if keyword not in allowed]:
            raise self._wrong(at, f"'{foreign[0]}' is not permitted.")
        if "enum" in node and not (isinstance(node["enum"], list) and node["enum"]):
            raise self._wrong(at, "'enum' must be an array with at least one value.")
        if not isinstance(node.get("anyOf", [{}]), list) or node.get("anyOf") == []:
            raise self._wrong(at, "'anyOf' must be an array with at least one schema.")
        if node.get("format", "date") not in FORMATS:
            raise self._wrong(at, f"{node['format']!r} is not a valid format.")
        for keyword in _AMOUNTS & node.keys():
            value = node[keyword]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self._wrong(at, f"'{keyword}' must be a number.")
            if not LOWEST <= value <= HIGHEST or (keyword == "multipleOf" and value < FINEST):
                raise self._wrong(at, f"'{keyword}' is {value}, which is not simulated.")
        self._enum_values += len(node.get("enum", []))

    def _object(self, at: Path, node: dict[str, Any], level: int) -> None:
        if node.get("additionalProperties") is not False:
            raise self._wrong(at, "'additionalProperties' is required to be supplied and to be false.")
        properties = self._mapping(at, node, "properties")
        given = node.get("required")
        required = given if isinstance(given, list) else []
        missing = [key for key in properties if key not in required]
        if missing:
            raise self._wrong(
                at,
                "'required' is required to be supplied and to be an array including every key in properties. "
                f"Missing '{missing[0]}'.",
            )
        if further := [key for key in required if not isinstance(key, str) or key not in properties]:
            raise self._wrong(
                at, f"'required' is required to hold keys of properties only. Extra '{further[0]}'."
            )
        self._properties += len(properties)
        for key, value in properties.items():
            self._node((*at, "properties", key), value, level + 1)

    def _mapping(self, at: Path, node: dict[str, Any], keyword: str) -> dict[str, Any]:
        value = node.get(keyword, {})
        if not isinstance(value, dict):
            raise self._wrong(at, f"'{keyword}' must be an object.")
        return value


def resolve(schema: Any, reference: Any) -> Any:
    """What a $ref within the schema leads to, or None."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found = schema
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _types(node: Mapping[str, Any]) -> list[Any]:
    given = node.get("type", [])
    return given if isinstance(given, list) else [given]
