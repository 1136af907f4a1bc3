"""Batches of rows as one JSON parameter, which Postgres unpacks by json_to_recordset."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
#: An escaped NUL that is not itself the text "\u0000"; Postgres text cannot hold it.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
#: Half a surrogate pair: no character, and nothing that can be encoded.
_HALF = re.compile("[\ud800-\udfff]")


def rows(batch: Iterable[Any]) -> str:
    """JSON array of structs or mappings, as Postgres takes it: without NUL, half a surrogate pair as U+FFFD."""
    batch = list(batch)
    try:
        text = _encoder.encode(batch).decode()
    except UnicodeEncodeError:
        text = _encoder.encode(_mend(msgspec.to_builtins(batch))).decode()
    return _NUL.sub(r"\1", text) if "\\u0000" in text else text


def _mend(value: Any) -> Any:
    match value:
        case str():
            return _HALF.sub("\ufffd", value)
        case dict():
            return {_mend(name): _mend(inner) for name, inner in value.items()}
        case list():
            return [_mend(inner) for inner in value]
        case _:
            return value
