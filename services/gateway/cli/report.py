"""`landscape report`: the report as a page, as JSON, or one of its tables as CSV."""

import sys
from pathlib import Path
from typing import Final

import click

from services.gateway.cli import options
from services.gateway.cli.offline import source
from services.gateway.reports.controller import Form
from services.gateway.reports.csv import TABLES, Table

_FORMS: Final[dict[str, Form]] = {".html": "html", ".htm": "html", ".csv": "csv"}


@click.command("report")
@options.pipeline_id
@options.data_dir
@click.option("--format", "form", type=click.Choice(["html", "json", "csv"]), help="By default as the output file's name says, else json.")  # fmt: skip
@click.option("--table", type=click.Choice(TABLES), help="Which table of the report; for csv, companies unless given.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output unless given.")  # fmt: skip
def command(
    pipeline_id: str | None, data_dir: Path, form: Form | None, table: Table | None, output: Path | None
) -> int:
    """The report of PIPELINE_ID, or of the newest; at any time, with its coverage stated."""
    form = form or ("csv" if table else _FORMS.get(output.suffix.lower() if output else "", "json"))
    if table and form != "csv":
        raise click.UsageError("--table goes with --format csv; the other forms have all tables")
    with source(data_dir) as pipelines:
        content = pipelines.report(pipeline_id or pipelines.newest(), form, table)
    if output:
        output.write_bytes(content)
        click.echo(f"written: {output}", err=True)
    else:
        sys.stdout.buffer.write(content.rstrip(b"\r\n") + b"\n")
    return 0
