"""Dead letters: which failures become one, and which of them have the same cause. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

#: Category of an item whose workers died once too often.
CRASH: Final = "crash"
#: Categories of failures that may pass when their cause is gone: nobody refused the item.
REPLAYABLE: Final = frozenset({"recoverable", "degraded", CRASH})

#: What differs between two errors of one cause, most particular first, and what stands for it.
_FOLDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), mark)
    for pattern, mark in (
        (r"\b[a-z][a-z0-9+.-]*://[^\s'\"`<>]+", "<url>"),
        (r"\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']*'(?!\w)", "<text>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
        (r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "<address>"),
        # Lower case at the end: "httpx.ReadTimeout" is no host.
        (r"\b(?:[a-z0-9-]+\.)+(?-i:[a-z]{2,})\b(?:/\S*)?", "<host>"),
        (r"\b0x[0-9a-f]+\b", "<id>"),
        # Letters and digits mixed, in a run long enough to be a key; "http2" and "h264" are words.
        (r"(?<![\w<-])(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{8,}(?![\w>])", "<id>"),
        (r"\d+(?:[.,:]\d+)*", "<n>"),
        (r"\s+", " "),
    )
)
_KINDS: Final = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list, "a list"), (dict, "an object"))  # fmt: skip
#: Bytes of an input, as JSON.
INPUT_BYTES: Final = 64 * 1024


def is_replayable(category: str | None) -> bool:
    """Whether an item that failed with this category becomes a dead letter."""
    return category in REPLAYABLE


def fold(error: str) -> str:
    """The error without what differs between two of one cause: numbers, ids, addresses, quoted parts, case."""
    for pattern, mark in _FOLDS:
        error = pattern.sub(mark, error)
    return error.strip().lower()


def fingerprint(category: str, error: str) -> str:
    """The same 16 letters for errors of one cause; CRASH for crashes: what killed the workers, nobody could write down."""
    if category == CRASH:
        return CRASH
    return hashlib.sha256(f"{category}\n{fold(error)}".encode("utf-8", "replace")).hexdigest()[:16]


def check_input(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, what is wrong) where an edited input could not be worked on: another field, or another kind of value."""
    problems = [(name, "is missing; the provider needs it") for name in before if name not in after]
    for name, value in after.items():
        if name not in before:
            problems.append((name, f"is not a field of this input; it has {', '.join(before) or 'none'}"))
        elif before[name] is not None and _kind(value) != _kind(before[name]):
            problems.append((name, f"must be {_kind(before[name])}, not {_kind(value)}"))
    return problems


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")
