"""The difference, field by field, between an answer and what is expected of it. Names and types alone: no value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

Fields = Mapping[str, str]
"""Path -> types, as in {"items[].id": "string", "items[].tags[]?": "string", "error?": "object|null"}.

`[]` stands for every element of a list, `?` at the end for what may be missing. Types are those of JSON, with
integer beside number; `any` is not looked into. Objects and lists on the way need no line of their own, unless
they may be missing.
"""


class Kind(StrEnum):
    """Of difference."""

    MISSING = "missing"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    """There, and not expected: worth a look, no fault."""
    EMPTY = "empty"
    """A list without elements: what they would look like is not known."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as expected."""

    kind: Kind
    path: str
    detail: str

    @property
    def harmless(self) -> bool:
        """Whether what is read of the answer is still there."""
        return self.kind in {Kind.UNKNOWN, Kind.EMPTY}

    def __str__(self) -> str:
        return f"{self.kind:8}{self.path or 'the answer'}: {self.detail}"


@dataclass(slots=True)
class _Node:
    types: set[str] = field(default_factory=set)
    optional: bool = False
    children: "dict[str, _Node]" = field(default_factory=dict)

    @property
    def expected(self) -> set[str]:
        """The declared types, or what the fields below it imply."""
        if self.types:
            return self.types
        return {"array" if "[]" in self.children else "object"}


def compare(document: Any, fields: Fields) -> list[Difference]:
    """Each difference once, in the order of the answer."""
    return list(dict.fromkeys(_differences(document, _tree(fields), "")))


def _tree(fields: Fields) -> _Node:
    root = _Node()
    for path, types in fields.items():
        node = root
        for name in path.removesuffix("?").replace("[]", ".[]").split("."):
            node = node.children.setdefault(name, _Node())
        node.types = set(types.split("|"))
        node.optional = path.endswith("?")
    return root


def _differences(value: Any, node: _Node, path: str) -> Iterator[Difference]:
    found, expected = type_of(value), node.expected
    if "any" in expected:
        return
    if found not in expected and not (found == "integer" and "number" in expected):
        yield Difference(Kind.CHANGED, path, f"{found}, expected {' or '.join(sorted(expected))}")
    elif isinstance(value, dict):
        yield from _of_object(value, node, path)
    elif isinstance(value, list) and (element := node.children.get("[]")):
        if not value:
            yield Difference(Kind.EMPTY, path, "nothing in it to compare")
        for one in value:
            yield from _differences(one, element, f"{path}[]")


def _of_object(value: Mapping[str, Any], node: _Node, path: str) -> Iterator[Difference]:
    for name, child in node.children.items():
        if name not in value and not child.optional:
            yield Difference(
                Kind.MISSING, _below(path, name), f"expected {' or '.join(sorted(child.expected))}"
            )
    for name, one in value.items():
        if known := node.children.get(name):
            yield from _differences(one, known, _below(path, name))
        else:
            yield Difference(Kind.UNKNOWN, _below(path, name), type_of(one))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def type_of(value: Any) -> str:
    """Of a decoded JSON value."""
    return _TYPES[type(value)]
