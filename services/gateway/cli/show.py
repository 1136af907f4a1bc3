"""How lists are printed: a table for people, the API's answer, or ids alone for the next command."""

import json
from collections.abc import Sequence
from typing import Any

import click


def rows(found: dict[str, Any], form: str, identity: str, columns: Sequence[str]) -> None:
    """Print `found["items"]` as -o says; `columns` may be dotted paths, `identity` is the column of ids."""
    items = found["items"]
    if form == "json":
        click.echo(json.dumps(found))
    elif form == "ids":
        click.echo("".join(f"{_cell(item, identity)}\n" for item in items), nl=False)
    else:
        table(items, columns)
        if found.get("next_cursor"):
            click.echo(f"there are more: --cursor {found['next_cursor']}", err=True)


def table(items: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Columns as wide as their widest cell."""
    cells = [[_cell(item, column) for column in columns] for item in items]
    heads = [column.rpartition(".")[2].replace("_", " ") for column in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for row in (heads, *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(item: Any, path: str) -> str:
    for name in path.split("."):
        item = item[name]
    if item is None:
        return "-"
    if isinstance(item, float):
        return f"{item:.4g}"
    return ",".join(map(str, item)) if isinstance(item, list) else str(item)
