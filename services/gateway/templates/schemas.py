"""What the template endpoints take and answer."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.gateway.actor import NAME_LENGTH, Actor, Reason, check_name
from shared.domain.start import PipelineId, StartRequest
from shared.store.templates import Template


def check_label(name: str) -> None:
    """Raise ValueError for a name nobody would know it by."""
    if not name.strip():
        raise ValueError(f"must not be empty: a name of up to {NAME_LENGTH} characters")
    check_name(name)


Label = Annotated[
    str, Meta(extra={"check": check_label}, extra_json_schema={"minLength": 1, "maxLength": NAME_LENGTH})
]


class TemplateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template that is wanted: from a body, or as a pipeline was started. One of the two."""

    name: Label
    start: StartRequest | None = None
    """As POST /api/v1/pipeline/start takes it."""
    pipeline_id: PipelineId | None = None
    actor: Actor = ""
    reason: Reason = ""


class TemplatePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be other; what is left out stays as it is."""

    name: Label | UnsetType = UNSET
    start: StartRequest | UnsetType = UNSET
    """The whole of it."""
    actor: Actor = ""
    reason: Reason = ""


class SignRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who does it, and why; nothing of it is needed."""

    actor: Actor = ""
    reason: Reason = ""


class SavedTemplate(Template, frozen=True, kw_only=True):
    """A template as it is now."""

    warnings: list[str]
    """What a start by it would say."""


class TemplateDetail(Template, frozen=True, kw_only=True):
    """A template with what it holds."""

    start: dict[str, Any]
    """As POST /api/v1/pipeline/start takes it."""


class TemplatePage(msgspec.Struct, frozen=True):
    """By name."""

    items: list[Template]
