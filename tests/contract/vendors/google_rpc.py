"""What all APIs of Google have in common in their errors: status, details, reasons, as Google's packages publish it.

The packages have no types of their own, so they are imported without.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

_exceptions: Any = import_module("google.api_core.exceptions")
_json_format: Any = import_module("google.protobuf.json_format")
_any: Any = import_module("google.protobuf.any_pb2")
#: Importing them makes their messages known to a detail's "@type".
_details: Any = import_module("google.rpc.error_details_pb2")

#: What is raised for JSON that does not fit.
ParseError: type[Exception] = _json_format.ParseError
#: Name of a status -> HTTP status.
HTTP_STATUS: Mapping[str, int] = {
    kind.grpc_status_code.name: int(kind.code)
    for kind in vars(_exceptions).values()
    if getattr(kind, "grpc_status_code", None) and kind.code
}
#: Why a request never reached the API.
REASONS: frozenset[str] = frozenset(import_module("google.api.error_reason_pb2").ErrorReason.keys())


def parse(body: bytes | str, message: Any) -> dict[str, Any]:
    """The JSON read as an empty `message` and written again: 64-bit integers in quotes, defaults left out.

    Raises ParseError for what the message does not have, unknown values of enums included.
    """
    _json_format.Parse(body, message, ignore_unknown_fields=False)
    found: dict[str, Any] = _json_format.MessageToDict(message)
    return found


def detail(given: Mapping[str, Any]) -> dict[str, Any]:
    """One of an error's details, read as what its "@type" says and written again."""
    return parse(json.dumps(given), _any.Any())
