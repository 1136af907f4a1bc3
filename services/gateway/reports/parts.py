"""A report in parts, each read alone: a table, the head with all that is no table, and the page."""

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

import shared.domain
import shared.store
from services.gateway.reports import csv, html
from services.gateway.reports.reading import form
from services.gateway.reports.wanted import Form, Wanted
from shared.domain.report_columns import TABLES
from shared.domain.report_schema import Report

HEAD: Final = "head"
PAGE: Final = "page"

#: A third of the time of the default, for a fifth more.
_LEVEL: Final = 1
_TABLES: Final[frozenset[str]] = frozenset(TABLES)
_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(Report))


def split(report: Report) -> dict[str, bytes]:
    """All parts by name, compressed."""
    head = {name: getattr(report, name) for name in _FIELDS if name not in _TABLES}
    parts = {PAGE: html.render(report).encode(), HEAD: msgspec.json.encode(head)}
    parts |= {table: msgspec.json.encode(getattr(report, table)) for table in TABLES}
    return {name: zlib.compress(content, _LEVEL) for name, content in parts.items()}


def needed(wanted: Wanted) -> tuple[str, ...]:
    """Parts that a form is made of."""
    by_form: dict[Form, tuple[str, ...]] = {
        "html": (PAGE,),
        "csv": (HEAD, wanted.table or csv.TABLES[0]),
        "parquet": (HEAD, wanted.table or csv.TABLES[0]),
    }
    return by_form.get(wanted.form, (HEAD, *TABLES))


def render(parts: Mapping[str, bytes], wanted: Wanted) -> bytes:
    """The form that is wanted, from the parts it needs."""
    plain = {name: zlib.decompress(content) for name, content in parts.items()}
    if wanted.form == "html":
        return plain[PAGE]
    document = join(plain)
    if wanted.form == "json":
        return document
    return form(msgspec.json.decode(document, type=Report), wanted)


def join(parts: Mapping[str, bytes]) -> bytes:
    """The report as JSON, from its head and tables; a table that is not among them is empty."""
    head = msgspec.json.decode(parts[HEAD], type=dict[str, msgspec.Raw])
    fields = {name: parts.get(name, b"[]") if name in _TABLES else bytes(head[name]) for name in _FIELDS}
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), value) for name, value in fields.items())


def _code() -> str:
    found = hashlib.sha256()
    for folder in (shared.domain.__path__[0], shared.store.__path__[0], Path(__file__).parent):
        for file in sorted(Path(folder).rglob("*")):
            if file.suffix in {".py", ".sql", ".html", ".css"}:
                found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


#: Hash of the files that read and make reports, as this process has them: another version of them makes other ones.
CODE: Final = _code()
