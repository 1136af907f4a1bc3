"""How everything that is read is printed: a table for people, the API's answer, or ids alone for the next command."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from services.gateway.cli import api, options

#: A field, also of a field (`profile.service`); or a heading, and what makes the cell of an item.
Column = str | tuple[str, Callable[[Any], object]]


def rows(
    found: dict[str, Any], form: str, identity: str, columns: Sequence[Column], items: str = "items"
) -> None:
    """Print `found[items]` as -o says; `identity` is the field that is printed for ids."""
    listed = found[items]
    if form == "json":
        click.echo(json.dumps(found))
    elif form == "ids":
        click.echo("".join(f"{_cell(item, identity)}\n" for item in listed), nl=False)
    elif listed:
        table(listed, columns)
        if found.get("next_cursor") and _takes_cursor():
            click.echo(f"there are more: --cursor {found['next_cursor']}", err=True)
    else:
        click.echo("none", err=True)


def _takes_cursor() -> bool:
    return any(option.name == "cursor" for option in click.get_current_context().command.params)


def one(found: Any, form: str, ids: str | Sequence[str], text: Callable[[Any], str]) -> None:
    """Print a single thing as -o says; `ids` is its own, or those of its parts."""
    if form == "json":
        click.echo(json.dumps(found))
    elif form == "ids":
        click.echo(
            ids if isinstance(ids, str) else "".join(f"{each}\n" for each in ids), nl=isinstance(ids, str)
        )
    else:
        click.echo(text(found))


def table(items: Sequence[dict[str, Any]], columns: Sequence[Column]) -> None:
    """Columns as wide as their widest cell."""
    cells = [[_cell(item, column) for column in columns] for item in items]
    heads = [
        column.rpartition(".")[2].replace("_", " ") if isinstance(column, str) else column[0]
        for column in columns
    ]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for row in (heads, *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(item: Any, column: Column) -> str:
    if isinstance(column, str):
        for name in column.split("."):
            item = item[name]
    else:
        item = column[1](item)
    if item is None:
        return "-"
    if isinstance(item, float):
        return f"{item:.4g}"
    return ",".join(map(str, item)) if isinstance(item, list) else str(item)


def listing(
    name: str, text: str, path: str, identity: str, columns: Sequence[Column], *, items: str = "items"
) -> click.Group:
    """The group that lists by itself what GET `path` of the API answers, and whose subcommands act on it; `text` is its help."""

    @click.group(name, help=text, invoke_without_command=True)
    @click.pass_context
    @options.data_dir
    @options.output
    def command(context: click.Context, data_dir: Path, form: str) -> int:
        if context.invoked_subcommand is None:
            with api.connect(data_dir) as gateway:
                rows(gateway.ask("GET", path), form, identity, columns, items)
        return 0

    return command


def secret(text: str, secret: str) -> None:
    """Print what was made, for whoever sits there, and its secret alone on standard output: it is shown this once."""
    click.echo(text, err=True)
    click.echo("keep it now: it cannot be shown again", err=True)
    click.echo(secret)
