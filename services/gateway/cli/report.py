"""`landscape report`: the report as a page, a workbook or JSON, or one of its tables; published or not."""

import sys
from pathlib import Path
from typing import Final, get_args
from uuid import UUID

import click

from services.gateway.cli import options
from services.gateway.cli.curve import read as read_curve
from services.gateway.cli.offline import source
from services.gateway.reports.wanted import OF_ONE_TABLE, Form, Wanted
from shared.domain.report_columns import TABLES, Table

_FORMS: Final[dict[str, Form]] = {
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
}


@click.command("report")
@options.pipeline_id
@options.data_dir
@click.option("--format", "form", type=click.Choice(get_args(Form)), help="By default as the output file's name says, else json.")  # fmt: skip
@click.option("--table", type=click.Choice(TABLES), help="Which table of the report; for csv and parquet, companies unless given.")  # fmt: skip
@click.option("--curve", help="Click curve in place of the pipeline's own: a built-in one by its id, or a CSV file with position,share or position,percent.")  # fmt: skip
@click.option("--against", type=click.UUID, help="An earlier pipeline: what moved since, and by what.")
@click.option("--publish", is_flag=True, help="Only if every gate passes or is waived; refused otherwise.")
@click.option("--waive", "waivers", multiple=True, metavar="GATE=REASON", help="Let a gate pass; the report prints who did and why. May be given several times.")  # fmt: skip
@options.actor
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output unless given.")  # fmt: skip
def command(  # noqa: PLR0917  click passes them by name
    pipeline_id: str | None,
    data_dir: Path,
    form: Form | None,
    table: Table | None,
    curve: str | None,
    against: UUID | None,
    publish: bool,
    waivers: tuple[str, ...],
    actor: str,
    output: Path | None,
) -> int:
    """The report of PIPELINE_ID, or of the newest; at any time, with its coverage stated."""
    form = form or ("csv" if table else _FORMS.get(output.suffix.lower() if output else "", "json"))
    if table and form not in OF_ONE_TABLE:
        raise click.UsageError("--table goes with --format csv or parquet; the other forms have all tables")
    wanted = Wanted(form, table, read_curve(curve) if curve else None, against, publish)
    waived = [_waiver(given) for given in waivers]
    with source(data_dir) as pipelines:
        pipeline_id = pipeline_id or pipelines.newest()
        for gate, reason in waived:
            pipelines.waive(pipeline_id, gate, actor=actor, reason=reason)
        content = pipelines.report(pipeline_id, wanted)
    if output:
        output.write_bytes(content)
        click.echo(f"written: {output}", err=True)
    elif form in {"xlsx", "parquet"}:
        sys.stdout.buffer.write(content)
    else:
        sys.stdout.buffer.write(content.rstrip(b"\r\n") + b"\n")
    return 0


def _waiver(given: str) -> tuple[str, str]:
    gate, equals, reason = given.partition("=")
    if not equals or not reason.strip():
        raise click.BadParameter(f"{given!r}: expected GATE=REASON, and a reason must be given")
    return gate, reason.strip()
