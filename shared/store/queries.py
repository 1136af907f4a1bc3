"""Named queries from sql/<aggregate>.sql: `-- name: verb_noun`, a description, one statement."""

import re
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

SQL = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load(aggregate: str) -> dict[str, LiteralString]:
    """Query text by name. Raises KeyError on use of an unknown one, FileNotFoundError for an unknown aggregate."""
    _, *parts = _NAME.split((SQL / f"{aggregate}.sql").read_text())
    # The text comes from our own files only, which is what LiteralString is there to assure.
    return {
        name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
