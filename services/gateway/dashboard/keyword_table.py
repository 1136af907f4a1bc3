"""Keywords as they are pasted or uploaded: one a line, or a CSV whose columns are mapped to what they mean."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

#: What a column may hold.
MEANINGS: Final = ("keyword", "group", "brand")
#: Header names that say it by themselves, in lower case.
_KNOWN: Final = {
    "keyword": "keyword", "keywords": "keyword", "query": "keyword", "term": "keyword", "search term": "keyword",
    "group": "group", "category": "group", "topic": "group", "cluster": "group",
    "brand": "brand", "branded": "brand", "is brand": "brand",
}  # fmt: skip
_YES: Final = {
    "yes": True,
    "true": True,
    "1": True,
    "y": True,
    "no": False,
    "false": False,
    "0": False,
    "n": False,
    "": False,
}
#: Rows that are shown when columns are mapped, and faults that are listed.
PREVIEW, FAULTS = 5, 50
#: Characters of a header that are looked at to find out what separates the cells.
_SAMPLE: Final = 4096
_SEPARATORS: Final = ",;\t"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a row."""

    line: int
    """From 1, as an editor counts."""
    detail: str


class Table(msgspec.Struct, frozen=True):
    """What was pasted or uploaded, cut into cells."""

    header: list[str]
    """Empty: there is none, every line is a keyword."""
    rows: list[tuple[int, list[str]]]
    """Line number and cells, without blank rows."""
    faults: list[Fault] = []
    """That keep it from being read at all."""

    def guess(self) -> dict[str, int]:
        """Meaning -> column, as far as the header's names tell."""
        found: dict[str, int] = {}
        for column, name in enumerate(self.header):
            if meaning := _KNOWN.get(name.strip().lower()):
                found.setdefault(meaning, column)
        return found


def decode(content: bytes) -> str | Fault:
    """Text of an uploaded file."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Fault(line, "is not UTF-8; save the file as UTF-8")


def read(text: str) -> Table:
    """A table with a header when the first line has several cells or a known name; else one keyword a line."""
    text = text.removeprefix("\ufeff")
    # What is pasted may begin with blank lines.
    head = next((line for line in text.splitlines() if line.strip()), "")[:_SAMPLE]
    separator = max(_SEPARATORS, key=head.count)
    first = next(csv.reader([head], delimiter=separator), [])
    if len(first) < 2 and not (first and first[0].strip().lower() in _KNOWN):
        lines = enumerate(text.splitlines(), 1)
        return Table([], [(number, [line.strip()]) for number, line in lines if line.strip()])
    try:
        rows = list(_rows(csv.reader(io.StringIO(text), delimiter=separator, strict=True)))
    except csv.Error as error:
        return Table(first, [], [Fault(1, f"is no CSV: {error}")])
    return Table([name.strip() for name in rows[0][1]], rows[1:])


def keywords(table: Table, mapping: dict[str, int]) -> tuple[list[Any], list[Fault]]:
    """As the start body wants them, and what is wrong, row by row. A broken row starts nothing."""
    if table.faults:
        return [], table.faults
    if not table.header:
        return [cells[0] for _, cells in table.rows], []
    if "keyword" not in mapping:
        return [], [Fault(1, "no column is said to hold the keyword")]
    found, faults = list[Any](), list[Fault]()
    for line, cells in table.rows:
        row = _keyword(cells, len(table.header), mapping)
        if isinstance(row, str):
            faults.append(Fault(line, row))
        else:
            found.append(row)
    return found, faults


def _keyword(cells: list[str], width: int, mapping: dict[str, int]) -> dict[str, Any] | str:
    if len(cells) != width:
        return f"has {len(cells)} cells, the header has {width}"
    given = {meaning: cells[column].strip() for meaning, column in mapping.items()}
    if not given["keyword"]:
        return "the keyword is blank"
    brand = _YES.get(given.get("brand", "").lower())
    if brand is None:
        return f"brand is {given['brand'][:40]!r}; expected yes or no"
    return {"keyword": given["keyword"], "brand": brand} | (
        {"group": given["group"]} if given.get("group") else {}
    )


def _rows(reader: Any) -> Iterator[tuple[int, list[str]]]:
    before = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield before + 1, cells
        before = reader.line_num


def lines(text: str) -> Iterable[str]:
    """Lines of a field, without blank ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]
