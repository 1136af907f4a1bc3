"""What the dead-letter endpoints take and answer."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from services.gateway.actor import Actor, GivenReason, Reason
from services.gateway.service_names import ALIASES, check_phase, check_queue
from shared.domain.dead_letter import INPUT_BYTES
from shared.domain.strict_json import decode
from shared.errors import InputError, MalformedError, Problem
from shared.store.dead_letter_views import Group, Letter, Selection

#: Ids in one request.
IDS: Final = 10_000
#: Characters of a category or fingerprint.
WORD_LENGTH: Final = 100


def _check_word(word: str | None) -> None:
    if word is not None and not (word.isprintable() and len(word) <= WORD_LENGTH):
        raise ValueError(f"must be a word of at most {WORD_LENGTH} characters")


def _check_uuid(text: str | None) -> None:
    if text is not None:
        try:
            UUID(text)
        except ValueError:
            raise ValueError("is no pipeline id") from None


Word = Annotated[str | None, Meta(extra={"check": _check_word})]
PhaseName = Annotated[str | None, Meta(extra={"check": check_phase})]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Ids = Annotated[list[Id], Meta(min_length=1, max_length=IDS)]


class Filter(msgspec.Struct, frozen=True):
    """Every condition given must hold; `{}` are all open letters."""

    phase: PhaseName = None
    service: Annotated[str | None, Meta(extra={"check": check_queue})] = None
    category: Word = None
    fingerprint: Word = None
    pipeline_id: Annotated[str | None, Meta(extra={"check": _check_uuid})] = None

    def selection(self) -> Selection:
        """As the store wants it."""
        return Selection(
            queue=self.service and ALIASES.get(self.service, self.service),
            phase=self.phase,
            category=self.category,
            fingerprint=self.fingerprint,
            pipeline_id=UUID(self.pipeline_id) if self.pipeline_id else None,
        )


class ReplayRequest(msgspec.Struct, frozen=True):
    """Which letters, by `ids` or by `filter`."""

    ids: Ids | None = None
    filter: Filter | None = None
    dry_run: bool = False
    """Only count them."""
    actor: Actor = ""
    reason: Reason = ""


class DiscardRequest(msgspec.Struct, frozen=True):
    """Which letters, by `ids` or by `filter`, and why nobody needs them."""

    reason: GivenReason
    ids: Ids | None = None
    filter: Filter | None = None
    dry_run: bool = False
    """Only count them."""
    actor: Actor = ""


class EditRequest(msgspec.Struct, frozen=True):
    """Another input for the letter's item: the same fields, other values."""

    input: dict[str, Any]
    actor: Actor = ""
    reason: Reason = ""


class _EditWords(msgspec.Struct, frozen=True):
    actor: Actor = ""
    reason: Reason = ""


class LetterPage(msgspec.Struct, frozen=True):
    """Letters, the newest first."""

    items: list[Letter]
    next_cursor: int | None
    """For `cursor` of the next request; null at the end."""


class GroupPage(msgspec.Struct, frozen=True):
    """Open letters by cause, the most frequent first."""

    groups: list[Group]


class Moved(msgspec.Struct, frozen=True):
    """What came of it."""

    letters: int
    """Replayed or discarded; with `dry_run` those that would be."""
    refused: int
    """Left alone, because their pipeline was cancelled."""
    unchanged: int
    """Asked for by id, and replayed or discarded before."""
    dry_run: bool


def selection_of(body: ReplayRequest | DiscardRequest) -> Selection:
    """Raises InputError unless it is either ids or a filter."""
    if (body.ids is None) == (body.filter is None):
        raise InputError(Problem("", "give either ids or filter; an empty filter means all open letters"))
    if body.filter is not None:
        return body.filter.selection()
    return Selection(job_ids=tuple(dict.fromkeys(body.ids or ())))


def parse_edit(body: bytes) -> EditRequest:
    """Raises MalformedError and InputError. The input may hold any JSON, which the general decoder does not know."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(Problem("", f"the body is not JSON: {error}")) from None
    given = raw.pop("input", None) if isinstance(raw, dict) else None
    words = decode(msgspec.json.encode(raw), _EditWords)
    if not isinstance(given, dict):
        raise InputError(Problem("/input", "must be an object: the item's input"))
    encoded = msgspec.json.encode(given)
    if len(encoded) > INPUT_BYTES:
        raise InputError(
            Problem("/input", f"has {len(encoded):,} bytes; at most {INPUT_BYTES:,} are allowed")
        )
    if b"\\u0000" in encoded:
        raise InputError(Problem("/input", "must not hold the character U+0000"))
    return EditRequest(given, words.actor, words.reason)


def selection_from_query(**given: str | None) -> Selection:
    """From query parameters, by the rules of the bodies. Raises InputError."""
    try:
        return decode(msgspec.json.encode(given), Filter).selection()
    except InputError as error:
        problems = [Problem(f"?{problem.pointer.lstrip('/')}", problem.detail) for problem in error.problems]
        raise InputError(*problems) from None
