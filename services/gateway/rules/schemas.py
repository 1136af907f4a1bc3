"""What the error-rule endpoints take and answer."""

from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from services.gateway.actor import Actor, GivenReason
from shared.domain import strict_json
from shared.domain.category import DEFAULT_RULES
from shared.domain.error_rule import RuleData, contradictions
from shared.store.error_rules import RuleRow

D = TypeVar("D", bound=RuleData)


class ErrorRuleReset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who sets a rule back, and why."""

    actor: Actor = ""
    reason: GivenReason


class ErrorRuleEdit(RuleData, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule's new values."""

    actor: Actor = ""
    reason: GivenReason
    version: int | None = None
    """Refused if the rule has another by now."""


class ErrorRuleDraft(RuleData, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule that is not there yet."""

    provider: str
    """Name of the provider or of its service."""


class ErrorRuleAddition(ErrorRuleDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule to be added."""

    actor: Actor = ""
    reason: GivenReason


class ErrorRule(RuleData, frozen=True, kw_only=True):
    """A rule as it is."""

    rule_id: str
    provider: str
    service: str
    declared: bool
    """As its provider declares it; false: edited or added."""
    declaration: RuleData | None
    """What a reset sets it back to; null: somebody added it."""
    version: int
    changed_by: str
    reason: str
    changed_at: str


class GeneralRule(msgspec.Struct, frozen=True):
    """What holds for every provider where its own rules say nothing; part of this version."""

    category: str
    status: int | None
    code: str | None
    attempts: int | None


class ErrorRules(msgspec.Struct, frozen=True):
    """Rules by provider in the order they are read; behind them the general ones."""

    rules: list[ErrorRule]
    general: list[GeneralRule]


class Reclassified(msgspec.Struct, frozen=True):
    """Attempts that would fall into another category."""

    old: str
    new: str
    attempts: int


class DryRun(msgspec.Struct, frozen=True):
    """What a change would have meant for the attempts of the last days."""

    days: float
    attempts: int
    """Looked at: those that ended in a provider's error and spent an attempt."""
    reclassified: int
    """Of these: in another category with the change than with the rules as they are."""
    changes: list[Reclassified]
    complete: bool
    """False: there were so many different errors that only the newest were looked at."""


def _optional(struct: type[msgspec.Struct], name: str, keep: tuple[str, ...] = ()) -> type[msgspec.Struct]:
    """The struct with every field but these free to be left out: how a partial body is described."""
    hints: dict[str, Any] = get_type_hints(struct, include_extras=True)
    kept: list[Any] = [(field, hints[field]) for field in keep]
    free: list[Any] = [(field, hint | UnsetType, UNSET) for field, hint in hints.items() if field not in keep]
    return msgspec.defstruct(name, kept + free, kw_only=True, forbid_unknown_fields=True)


#: Bodies of PATCH and of a dry run: what is left out stays as it is.
ErrorRulePatch = _optional(ErrorRuleEdit, "ErrorRulePatch", keep=("reason",))
ErrorRuleChange = _optional(RuleData, "ErrorRuleChange")


def general() -> list[GeneralRule]:
    """DEFAULT_RULES."""
    return [GeneralRule(r.category.value, r.status, r.code, r.attempts) for r in DEFAULT_RULES]


def described(row: RuleRow) -> ErrorRule:
    """A row as the API shows it."""
    fields = msgspec.structs.asdict(row)
    return ErrorRule(**msgspec.structs.asdict(fields.pop("data")), **fields)


def read_change(body: bytes, current: RuleData, type_: type[D]) -> D:
    """The rule with the fields of a partial body. Raises MalformedError or InputError."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        given = None
    if isinstance(given, dict):
        body = msgspec.json.encode(msgspec.structs.asdict(current) | given)
    return read_rule(body, type_)


def read_rule(body: bytes, type_: type[D]) -> D:
    """A whole rule. Raises MalformedError or InputError."""
    rule = strict_json.decode(body, type_)
    strict_json.refuse(contradictions(rule))
    return rule


def values(rule: RuleData) -> RuleData:
    """Without who wanted it and why."""
    return RuleData(**{field: getattr(rule, field) for field in RuleData.__struct_fields__})
