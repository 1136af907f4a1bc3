"""Options that several commands share."""

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


def pipeline_id(function: F) -> F:
    """The pipeline, by default the newest."""
    return click.argument("pipeline_id", required=False)(function)


def reason(function: F) -> F:
    """--reason"""
    return click.option("--reason", default="", help="Why; kept with what was done.")(function)


def actor(function: F) -> F:
    """--actor"""
    return click.option("--actor", default="", help="Who does it; by default the name of the API key.")(
        function
    )


def steered(function: F) -> F:
    """PIPELINE_ID, which must be given, --actor and --reason."""
    for option in (
        reason,
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


def page(function: F) -> F:
    """--cursor and --limit, of a list by falling numbers"""
    for option in (
        click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True),
        click.option("--cursor", type=click.IntRange(min=1), help="Of the page before."),
    ):
        function = option(function)
    return function


def given_page(cursor: int | None, limit: int) -> dict[str, int]:
    """Both as parameters of a request."""
    return ({"cursor": cursor} if cursor else {}) | {"limit": limit}


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
