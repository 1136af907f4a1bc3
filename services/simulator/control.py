"""The control API: what a test or a demonstration asks of the simulator itself."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.simulator.faults import COMMON, Rule
from services.simulator.port import JSON, Answer
from services.simulator.settings import Settings
from services.simulator.stage import Stage

PREFIX = "/_control"


class RefusedError(Exception):
    """A control request is wrong. Carries the field at fault and what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def answer(stage: Stage, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
    """The answer to `path` below /_control; 400 or 404 with {"error": {"field", "message"}}."""
    try:
        match method, path:
            case "GET", "/ledger":
                return _ok(stage.ledger.pages(detail=_wants_detail(query)))
            case "GET", "/settings":
                return _ok(msgspec.to_builtins(stage.settings))
            case "POST", "/settings":
                stage.apply(_settings(stage, _object(body)))
                return _ok(msgspec.to_builtins(stage.settings))
            case "GET", "/faults":
                return _ok({"faults": stage.faults.describe()})
            case "POST", "/faults":
                return _post_fault(stage, _object(body))
            case "DELETE", "/faults":
                stage.faults.clear()
                return _ok({"faults": []})
            case "POST", "/reset":
                stage.reset()
                return _ok({"reset": True})
    except RefusedError as refused:
        return _error(400, refused.field, str(refused))
    known = "GET /ledger, GET or POST /settings, GET, POST or DELETE /faults, POST /reset"
    return _error(404, "", f"{method} {PREFIX}{path} does not exist; there are {known}")


def _ok(value: object) -> Answer:
    return Answer(200, msgspec.json.encode(value))


def _error(status: int, field: str, message: str) -> Answer:
    return Answer(
        status, msgspec.json.encode({"error": {"field": field, "message": message}}), content_type=JSON
    )


def _wants_detail(query: Mapping[str, str]) -> bool:
    for name in query:
        if name != "detail":
            raise RefusedError(name, f"{name} is not a parameter of the ledger; there is detail=subjects")
    if (detail := query.get("detail", "")) not in ("", "subjects"):
        raise RefusedError("detail", f"detail must be subjects, not {detail!r}")
    return bool(detail)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise RefusedError("", f"the body must be a JSON object: {error}") from None


def _settings(stage: Stage, changes: dict[str, Any]) -> Settings:
    try:
        settings = stage.settings.updated(changes)
    except msgspec.ValidationError as error:
        raise _refusal(error) from None
    for name in settings.limits:
        if name not in stage.faults.tables:
            raise RefusedError(f"limits.{name}", f"{name} is not a provider; there are {_known(stage)}")
    return settings


def _post_fault(stage: Stage, given: dict[str, Any]) -> Answer:
    if "clear" in given:
        if given != {"clear": True}:
            raise RefusedError("clear", 'clear must be true and stand alone: {"clear": true}')
        stage.faults.clear()
        return _ok({"faults": []})
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        raise _refusal(error) from None
    tables = {**stage.faults.tables, "*": COMMON}
    if rule.provider not in tables:
        raise RefusedError("provider", f"{rule.provider} is not a provider; there are {_known(stage)} and *")
    if rule.fault not in tables[rule.provider]:
        names = ", ".join(sorted(tables[rule.provider]))
        raise RefusedError("fault", f"{rule.fault} is not a fault of {rule.provider}; there are {names}")
    return _ok(stage.faults.add(rule))


def _known(stage: Stage) -> str:
    return ", ".join(sorted(stage.faults.tables))


def _refusal(error: msgspec.ValidationError) -> RefusedError:
    """`Expected `float` - at `$.limits[...].requests_per_second`` as field and message."""
    message, _, at = str(error).partition(" - at ")
    path = at.strip("`").removeprefix("$").removeprefix(".")
    if "field `" in message:
        name = message.split("`")[1]
        path = f"{path}.{name}" if path else name
    return RefusedError(path, f"{path}: {message}")
