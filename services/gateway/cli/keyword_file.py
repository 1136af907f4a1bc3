"""Keyword files: a CSV with a `keyword` column, or one keyword a line."""

import csv
from typing import Any

from shared.errors import InputError, Problem

#: Columns of a CSV that are understood; `brand` is yes or no.
COLUMNS = ("keyword", "group", "brand")
_BRAND = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


def read(content: bytes) -> list[str | dict[str, Any]]:
    """Keywords as the start body wants them, from UTF-8. Raises InputError naming each broken line."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(Problem(f"/line {line}", "is not UTF-8; save the file as UTF-8")) from None
    try:
        return _read(text)
    except csv.Error as error:
        raise InputError(Problem("/keywords", f"is no CSV: {error}")) from None


def searches(
    keywords: tuple[str, ...], file: Any, regions: tuple[str, ...], types: tuple[str, ...]
) -> dict[str, Any]:
    """A start's body with what `options.searches` was given. Raises InputError as `read`."""
    body: dict[str, Any] = {
        "keywords": [*keywords, *(read(file.read()) if file else [])],
        "regions": list(regions),
    }
    return body | ({"content_types": list(types)} if types else {})


def _read(text: str) -> list[str | dict[str, Any]]:
    lines = text.removeprefix("\ufeff").splitlines()
    header = [name.strip().lower() for name in next(csv.reader(lines[:1]), [])]
    if "keyword" not in header:
        return [line.strip() for line in lines if line.strip()]
    if unknown := sorted(set(header) - set(COLUMNS)):
        raise InputError(
            Problem("/keywords", f"unknown column {unknown[0]!r}; there are {', '.join(COLUMNS)}")
        )
    problems, keywords = [], list[str | dict[str, Any]]()
    for number, cells in enumerate(csv.reader(lines[1:]), 2):
        if not any(cell.strip() for cell in cells):
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        brand = _BRAND.get(row.get("brand", "").lower())
        if len(cells) != len(header):
            problems.append(
                Problem(f"/line {number}", f"has {len(cells)} cells, the header has {len(header)}")
            )
        elif not row["keyword"]:
            problems.append(Problem(f"/line {number}", "the keyword is blank"))
        elif brand is None:
            problems.append(Problem(f"/line {number}", f"brand is {row['brand']!r}; expected yes or no"))
        else:
            keywords.append(
                {"keyword": row["keyword"], "brand": brand}
                | ({"group": row["group"]} if row.get("group") else {})
            )
    if problems:
        raise InputError(*problems)
    return keywords
