"""Batches of rows as one JSON parameter, which Postgres unpacks by json_to_recordset."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
#: An escaped NUL that is not itself the text "\u0000"; Postgres text cannot hold it.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def rows(batch: Iterable[Any]) -> str:
    """JSON array of structs or mappings, without the NUL characters Postgres refuses."""
    text = _encoder.encode(list(batch)).decode()
    return _NUL.sub(r"\1", text) if "\\u0000" in text else text
