"""`landscape report`: the share-of-voice report as a page or as JSON."""

import sys
from pathlib import Path

import click

from services.gateway.cli import options
from services.gateway.cli.offline import source


@click.command("report")
@options.pipeline_id
@options.data_dir
@click.option("--format", "form", type=click.Choice(["html", "json"]), help="By default as the output file's name says, else json.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output unless given.")  # fmt: skip
def command(pipeline_id: str | None, data_dir: Path, form: str | None, output: Path | None) -> int:
    """The report of PIPELINE_ID, or of the newest; at any time, with its coverage stated."""
    form = form or ("html" if output and output.suffix in {".html", ".htm"} else "json")
    with source(data_dir) as pipelines:
        content = pipelines.report(pipeline_id or pipelines.newest(), form)
    if output:
        output.write_bytes(content)
        click.echo(f"written: {output}", err=True)
    else:
        sys.stdout.buffer.write(content + b"\n")
    return 0
