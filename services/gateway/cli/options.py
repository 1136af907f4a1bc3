"""Options that several commands share."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

#: Where `landscape up` keeps everything unless told otherwise.
DATA_DIR = Path(".landscape")
#: A data directory with this file in it was made by a demo; the next one may delete it, unless `up` was told to keep it.
DEMO_MARK = "demo"


def data_dir(function: F) -> F:
    """--data-dir"""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=DATA_DIR,
        show_default=True,
        help="Of the system to talk to, unless LANDSCAPE_URL is set.",
    )(function)


def as_json(function: F) -> F:
    """--json"""
    return click.option("--json", "as_json", is_flag=True, help="The API's answer on standard output.")(
        function
    )


def pipeline_id(function: F) -> F:
    """The pipeline, by default the newest."""
    return click.argument("pipeline_id", required=False)(function)


def actor(function: F) -> F:
    """--actor"""
    return click.option("--actor", default="", help="Who does it; by default the name of the API key.")(
        function
    )


def steered(function: F) -> F:
    """PIPELINE_ID, which must be given, --actor and --reason."""
    for option in (
        click.option("--reason", default="", help="Why; kept with what was done."),
        actor,
        click.argument("pipeline_id", type=click.UUID),
    ):
        function = option(function)
    return function


def signed(actor: str, reason: str) -> dict[str, str]:
    """Both as fields of a body. An actor that was not given is not sent: the API knows whose key it is."""
    return ({"actor": actor} if actor else {}) | {"reason": reason}


def searches(function: F) -> F:
    """What to search for: KEYWORDS, --file, --region and --type; `keyword_file.searches` makes a body of them."""
    for option in (
        click.option("--type", "types", multiple=True, help="organic, news or video; all three unless given."),
        click.option("--region", "regions", multiple=True, help="ISO country code; may be given several times."),
        click.option("--file", "file", type=click.File("rb"), help="CSV with a keyword column, or one keyword a line; - is standard input."),
        click.argument("keywords", nargs=-1),
    ):  # fmt: skip
        function = option(function)
    return function


def output(function: F) -> F:
    """-o table|json|ids, and --json for `-o json`"""
    for option in (
        click.option("--json", "form", flag_value="json", help="As -o json."),
        click.option(
            "-o",
            "--output",
            "form",
            type=click.Choice(["table", "json", "ids"]),
            default="table",
            show_default=True,
            help="For people, the API's answer, or ids alone, one a line.",
        ),
    ):
        function = option(function)
    return function


def sure(function: F) -> F:
    """--dry-run and --yes"""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
    ):
        function = option(function)
    return function


def goes_on(what: str, *, dry_run: bool, yes: bool) -> bool:
    """Whether to do it: not on a dry run, and after a question where somebody sits at the terminal.

    Raises click.UsageError where nobody can be asked.
    """
    if dry_run:
        click.echo(f"would {what}", err=True)
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"about to {what}; say --yes")
    return click.confirm(f"{what}?", err=True)
