"""The control API: what a test or a demonstration asks of the simulator itself."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.simulator.faults import COMMON, Rule
from services.simulator.port import Answer
from services.simulator.stage import Stage

PREFIX = "/_control/"
_DETAILS = "subjects or requests"


class RefusedError(Exception):
    """A control request is wrong. Carries the field at fault and what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


def answer(stage: Stage, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
    """The answer to `path` below the prefix; 400 or 404 with {"error": {"field", "message"}}."""
    act = _ACTIONS.get((method, path))
    if act is None:
        known = ", ".join(f"{method} /_control{path}" for method, path in _ACTIONS)
        return _error(404, "", f"{method} /_control{path} does not exist; there are {known}")
    try:
        return Answer(200, msgspec.json.encode(act(stage, query, body)))
    except RefusedError as refused:
        return _error(400, refused.field, str(refused))


def _error(status: int, field: str, message: str) -> Answer:
    return Answer(status, msgspec.json.encode({"error": {"field": field, "message": message}}))


def _get_ledger(stage: Stage, query: Mapping[str, str], _: bytes) -> object:
    for name in query:
        if name != "detail":
            raise RefusedError(name, f"{name} is not a parameter of the ledger; there is detail={_DETAILS}")
    if (detail := query.get("detail", "")) not in ("", "subjects", "requests"):
        raise RefusedError("detail", f"detail must be {_DETAILS}, not {detail!r}")
    return stage.ledger.pages(detail=detail)


def _get_settings(stage: Stage, _: Mapping[str, str], __: bytes) -> object:
    return msgspec.to_builtins(stage.settings)


def _post_settings(stage: Stage, _: Mapping[str, str], body: bytes) -> object:
    try:
        settings = stage.settings.updated(_object(body))
    except msgspec.ValidationError as error:
        raise _refusal(error) from None
    for name in settings.limits:
        if name not in stage.faults.tables:
            raise RefusedError(f"limits.{name}", f"{name} is not a provider; there are {_known(stage)}")
    stage.apply(settings)
    return msgspec.to_builtins(settings)


def _get_faults(stage: Stage, _: Mapping[str, str], __: bytes) -> object:
    return {"faults": stage.faults.describe()}


def _post_faults(stage: Stage, query: Mapping[str, str], body: bytes) -> object:
    given = _object(body)
    if "clear" in given:
        if given != {"clear": True}:
            raise RefusedError("clear", 'clear must be true and stand alone: {"clear": true}')
        return _delete_faults(stage, query, body)
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
    return stage.faults.add(rule)


def _delete_faults(stage: Stage, _: Mapping[str, str], __: bytes) -> object:
    stage.faults.clear()
    return {"faults": []}


def _post_reset(stage: Stage, _: Mapping[str, str], __: bytes) -> object:
    stage.reset()
    return {"reset": True}


_ACTIONS: Mapping[tuple[str, str], Callable[[Stage, Mapping[str, str], bytes], object]] = {
    ("GET", "/ledger"): _get_ledger,
    ("GET", "/settings"): _get_settings,
    ("POST", "/settings"): _post_settings,
    ("GET", "/faults"): _get_faults,
    ("POST", "/faults"): _post_faults,
    ("DELETE", "/faults"): _delete_faults,
    ("POST", "/reset"): _post_reset,
}


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise RefusedError("", f"the body must be a JSON object: {error}") from None


def _known(stage: Stage) -> str:
    return ", ".join(sorted(stage.faults.tables))


def _refusal(error: msgspec.ValidationError) -> RefusedError:
    """`Expected `float` - at `$.limits[...].requests_per_second`` as field and message."""
    message, _, at = str(error).partition(" - at ")
    path = at.strip("`").removeprefix("$").removeprefix(".")
    if "field `" in message:
        name = message.split("`")[1]
        path = f"{path}.{name}" if path else name
    return RefusedError(path, message)
