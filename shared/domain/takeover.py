"""Starting where an earlier pipeline stopped: its configuration as a request, and what of its work still holds. Pure."""

from typing import Any
from uuid import UUID

import msgspec

from shared.domain.phases import CLOSING, PHASES
from shared.domain.pipeline import DataSource, PipelineConfig
from shared.domain.start import Config, StartRequest
from shared.errors import InputError, MalformedError, Problem

_FIELD = "resume_from_pipeline_id"
#: Of the request itself, never of the earlier one.
_OWN = frozenset({_FIELD, "resume_failed_only"})


def predecessor(body: bytes) -> UUID | None:
    """The earlier pipeline a start's body names; None when it names none, or is wrong: decoding it says why."""
    if _FIELD.encode() not in body:
        return None
    try:
        config = msgspec.json.decode(body)["config"]
        return UUID(config[_FIELD])
    except (
        msgspec.DecodeError,
        RecursionError,
        UnicodeDecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ):
        return None


def unknown(pipeline_id: UUID) -> InputError:
    """There is no such pipeline."""
    return InputError(Problem(f"/config/{_FIELD}", f"there is no pipeline {pipeline_id}"))


def taken_over(body: bytes, earlier: PipelineConfig, data_source: DataSource) -> bytes:
    """The body with everything it does not say as the earlier pipeline had it. What it says wins, field by field.

    Raises InputError when the answers of the two would come from different worlds.
    """
    if earlier.data_source != data_source:
        detail = f"its answers came from {earlier.data_source}, here they would come from {data_source}"
        raise InputError(Problem(f"/config/{_FIELD}", detail))
    given: dict[str, Any] = msgspec.json.decode(body)
    whole = as_request(earlier)
    return msgspec.json.encode({**whole, **given, "config": {**whole["config"], **given["config"]}})


def as_request(config: PipelineConfig) -> dict[str, Any]:
    """The request that would freeze to this configuration, in plain JSON values."""
    known = {field.name: getattr(config, field.name) for field in msgspec.structs.fields(config)}
    request = {f.name: known[f.name] for f in msgspec.structs.fields(StartRequest) if f.name in known}
    behaviour = {
        f.name: known[f.name] for f in msgspec.structs.fields(Config) if f.name in known.keys() - _OWN
    }
    behaviour |= {
        "serp": {"pages": config.pages, "ai_overview": config.ai_overview},
        "phases": (*config.phases, *config.without_service),
    }
    plain: dict[str, Any] = msgspec.to_builtins({**request, "config": behaviour})
    return plain


def kept_phases(earlier: PipelineConfig, config: PipelineConfig) -> list[str]:
    """Phases whose results of the earlier pipeline are this one's, too: what they were told is the same."""
    return [
        name for name in config.phases
        if name not in CLOSING and all(getattr(earlier, f) == getattr(config, f) for f in PHASES[name].context)
    ]  # fmt: skip


def overridden(body: bytes, earlier: PipelineConfig) -> bytes:
    """The body of a start that is as the earlier one's but for the fields given. Raises MalformedError, InputError."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(Problem("", f"the body is not JSON: {error}")) from None
    if not isinstance(given, dict):
        raise InputError(Problem("", "must be an object: the fields that are to be other"))
    if not isinstance(config := given.get("config", {}), dict):
        raise InputError(Problem("/config", "must be an object"))
    whole = as_request(earlier)
    return msgspec.json.encode({**whole, **given, "config": {**whole["config"], **config}})
