"""Writes an answer that satisfies a JSON schema, with words of the world and quotes of the prompt."""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from services.simulator.chance import pick
from services.simulator.openai_schema import resolve
from services.simulator.vocabulary import ASPECTS, TOPICS, sentence
from services.simulator.world import World

INVENTED_SHARE = 0.03
"""Of quotes: not in the prompt."""
NULL_SHARE = 0.15
"""Of values that may be null."""
QUOTE_CHARACTERS = 160
CONTEXT_CHARACTERS = 100
MORE_ITEMS = 3
"""Above the minimum, where a list has no maximum."""
DEEP = 8
"""From this level on, the shorter branch is taken, so that recursive schemas end."""
MAX_LEVELS, MAX_VALUES = 60, 20_000
"""What has not ended here never does, or not within any model's output."""

_OPENING = re.compile(r"<([A-Za-z][\w-]*)[^<>]*>|```\w*\n")
_OPENINGS_READ = 50
_OF_OTHERS = ("page", "text", "document", "content")
"""Parts of the names of tags that hold what the question is about."""
_SENTENCE = re.compile(rf"(?<!\S)[^\s.!?\\][^.!?\n\\]{{20,{QUOTE_CHARACTERS - 2}}}[.!?]")
"""Without backslashes: where the text is escaped in the prompt, what is quoted reads the same unescaped."""
_NAMES = ("entity", "company", "brand", "competitor", "organization", "organisation", "name")
_LABELS = ("topic", "signal", "keyword", "tag", "theme", "factor", "positive", "negative")
_FORMATS: Mapping[str, Callable[[Random], str]] = {
    "date-time": lambda rng: (
        f"2026-{1 + int(rng.random() * 12):02}-{1 + int(rng.random() * 28):02}T09:30:00Z"
    ),
    "date": lambda rng: f"2026-{1 + int(rng.random() * 12):02}-{1 + int(rng.random() * 28):02}",
    "time": lambda rng: f"{int(rng.random() * 24):02}:30:00Z",
    "duration": lambda rng: f"PT{1 + int(rng.random() * 59)}M",
    "email": lambda rng: f"info{int(rng.random() * 100)}@contoso.example",
    "hostname": lambda rng: f"www{int(rng.random() * 100)}.contoso.example",
    "ipv4": lambda rng: f"192.0.2.{int(rng.random() * 256)}",
    "ipv6": lambda rng: f"2001:db8::{int(rng.random() * 65536):x}",
    "uuid": lambda rng: f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}",
}


class EndlessError(Exception):
    """The schema asks for an answer without end."""


class Writer:
    """Writes one answer. `prompt` is the text of the user's messages."""

    def __init__(self, world: World, rng: Random, schema: Any, prompt: str, *, invent: bool) -> None:
        self._world, self._rng, self._schema, self._prompt = world, rng, schema, prompt
        self._invented_share = 1.0 if invent else INVENTED_SHARE
        self._written = 0
        self._quotable: list[str] | None = None
        self._known: list[str] | None = None

    def write(self) -> Any:
        """The value. Raises EndlessError."""
        return self._value(self._schema, "", 1)

    def _value(self, node: Any, name: str, level: int) -> Any:
        self._written += 1
        if level > MAX_LEVELS or self._written > MAX_VALUES:
            raise EndlessError
        if "$ref" in node:
            return self._value(resolve(self._schema, node["$ref"]), name, level + 1)
        if "anyOf" in node:
            return self._value(self._branch(node["anyOf"], level), name, level + 1)
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return pick(self._rng, node["enum"])
        return self._typed(node, name, level)

    def _branch(self, branches: list[Any], level: int) -> Any:
        """One of the branches; null seldom, unless it is deep."""
        nulls = [
            one for one in branches if one == "null" or (isinstance(one, dict) and one.get("type") == "null")
        ]
        others = [one for one in branches if one not in nulls]
        if nulls and (not others or level > DEEP or self._rng.random() < NULL_SHARE):
            return nulls[0]
        return pick(self._rng, others)

    def _typed(self, node: dict[str, Any], name: str, level: int) -> Any:
        kind = node["type"]
        if isinstance(kind, list):
            kind = self._branch(kind, level)
        if kind == "object":
            properties = node.get("properties", {})
            return {key: self._value(value, key, level + 1) for key, value in properties.items()}
        if kind == "array":
            return self._list(node, name, level)
        if kind in ("number", "integer"):
            return _number(self._rng, node, whole=kind == "integer")
        if kind == "boolean":
            return self._rng.random() < 0.5
        if kind == "null":
            return None
        return _FORMATS[node["format"]](self._rng) if node.get("format") in _FORMATS else self._text(name)

    def _list(self, node: dict[str, Any], name: str, level: int) -> list[Any]:
        low = math.ceil(node.get("minItems", 0))
        high = math.floor(node.get("maxItems", low + MORE_ITEMS))
        count = low if level > DEEP else low + int(self._rng.random() * (high - low + 1))
        found: list[Any] = []
        for _ in range(count):
            item = self._value(node["items"], name, level + 1)
            # Once more: nobody lists the same twice if it can be avoided.
            found.append(self._value(node["items"], name, level + 1) if item in found else item)
        return found

    def _text(self, name: str) -> str:
        rng, words = self._rng, name.lower()
        if "quote" in words or "evidence" in words:
            return self._quote()
        if words == "context":
            return self._quote()[:CONTEXT_CHARACTERS]
        if any(word in words for word in _LABELS):
            return f"{pick(rng, TOPICS)} {pick(rng, ASPECTS)}"
        if any(words.endswith(word) for word in _NAMES):
            return pick(rng, self._names())
        return " ".join(sentence(rng) for _ in range(1 + int(rng.random() * 2)))

    def _quote(self) -> str:
        """Verbatim from the prompt; empty when there is nothing to quote."""
        if self._quotable is None:
            text = _fenced(self._prompt)
            self._quotable = [found[0] for found in _SENTENCE.finditer(text)] or [
                line.strip()[:QUOTE_CHARACTERS].rstrip() for line in text.splitlines() if line.strip()
            ]
        if self._rng.random() < self._invented_share:
            return f"Customers saved {10 + int(self._rng.random() * 80)}.{int(self._rng.random() * 10)} hours a week."
        return pick(self._rng, self._quotable) if self._quotable else ""

    def _names(self) -> list[str]:
        """The companies of the world that the prompt names, else a few of the world."""
        if self._known is None:
            words = set(re.findall(r"\w+", self._prompt))
            named = dict.fromkeys(site.name for site in self._world.sites if site.name in words)
            self._known = list(named) or [site.name for site in self._world.sites[:10]]
        return self._known


def _fenced(prompt: str) -> str:
    """What a prompt holds between tags or backticks: the longest text that is fenced, else all of the prompt."""
    found: list[tuple[bool, int, str]] = []
    for opening in islice(_OPENING.finditer(prompt), _OPENINGS_READ):
        name = opening[1] or ""
        end = prompt.rfind(f"</{name}>") if name else prompt.find("```", opening.end())
        if end > opening.end():
            told = any(word in name.lower() for word in _OF_OTHERS)
            found.append((told, end - opening.end(), prompt[opening.end() : end]))
    return max(found)[2] if found else prompt


def _number(rng: Random, node: dict[str, Any], *, whole: bool) -> int | float:
    """Within the bounds; low values come oftener than high ones."""
    low, high = _bounds(node)
    step = Decimal(str(node["multipleOf"])) if "multipleOf" in node else Decimal(1)
    if "multipleOf" not in node and not whole:
        step = Decimal("0.01") if high - low >= Decimal("0.05") else (high - low) / 100 or Decimal(1)
    first, last = math.ceil(low / step), math.floor(high / step)
    first += first * step == low and "exclusiveMinimum" in node
    last -= last * step == high and "exclusiveMaximum" in node
    value = step * (first + int((last - first + 1) * rng.random() ** 1.4))
    return int(value) if whole else float(value)


def _bounds(node: dict[str, Any]) -> tuple[Decimal, Decimal]:
    lows = [Decimal(str(node[key])) for key in ("minimum", "exclusiveMinimum") if key in node]
    highs = [Decimal(str(node[key])) for key in ("maximum", "exclusiveMaximum") if key in node]
    if lows:
        return max(lows), min(highs, default=max(lows) + 100)
    return (min(highs) - 100, min(highs)) if highs else (Decimal(0), Decimal(100))
