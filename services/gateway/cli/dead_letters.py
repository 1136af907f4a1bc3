"""`landscape dead-letters`: what was given up; by cause, one by one, and back to work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from services.gateway.cli import api, operations, options
from services.gateway.cli.listing import listing
from shared.domain.phases import PHASES

F = TypeVar("F", bound=Callable[..., Any])

PATH: Final = "/dead-letters"
_CONDITIONS: Final = ("phase", "service", "category", "fingerprint", "pipeline_id")


def conditions(function: F) -> F:
    """--phase, --service, --category, --fingerprint, --pipeline"""
    for option in (
        click.option("--pipeline", "pipeline_id", help="Of this pipeline."),
        click.option("--fingerprint", help="Of this cause."),
        click.option("--category", help="That failed with this category."),
        click.option("--service", help="Of this service, such as serp."),
        click.option("--phase", type=click.Choice(list(PHASES)), help="Of this phase."),
    ):
        function = option(function)
    return function


command = listing(
    "dead-letters",
    "What was given up. Without a subcommand: how many there are of each cause.",
    f"{PATH}/groups",
    lambda found: render_groups(found["groups"]),
)


@command.command("list")
@conditions
@click.option("--state", type=click.Choice(["open", "replayed", "discarded", "all"]), default="open", show_default=True)  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.as_json
def list_(state: str, limit: int, data_dir: Path, as_json: bool, **given: str | None) -> int:
    """The newest dead letters."""
    params = _given(given) | {"in_state": state, "limit": str(limit)}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", PATH, params=params)
    click.echo(json.dumps(found) if as_json else render_letters(found))
    return 0


@command.command("show")
@click.argument("job_id", type=int)
@options.data_dir
def show(job_id: int, data_dir: Path) -> int:
    """All there is about one, as JSON."""
    with api.connect(data_dir) as gateway:
        click.echo(json.dumps(gateway.ask("GET", f"{PATH}/{job_id}"), indent=2, ensure_ascii=False))
    return 0


@command.command("edit")
@click.argument("job_id", type=int)
@click.option("--input", "text", required=True, help="The item's new input: a JSON object.")
@click.option("--reason", required=True, help="Why; it stays in the history.")
@options.data_dir
def edit(job_id: int, text: str, reason: str, data_dir: Path) -> int:
    """Give its item another input, for when it is replayed."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"is not JSON: {error}", param_hint="--input") from None
    body = {"input": given, "reason": reason}
    with api.connect(data_dir) as gateway:
        gateway.ask("PATCH", f"{PATH}/{job_id}", json=body)
    click.echo(f"dead letter {job_id} has a new input; `landscape dead-letters replay {job_id}` uses it")
    return 0


@command.command("replay")
@click.argument("ids", type=int, nargs=-1)
@conditions
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@click.option("--reason", default="", help="Why; it stays in the history.")
@options.data_dir
def replay(
    ids: tuple[int, ...], *, everything: bool, dry_run: bool, reason: str, data_dir: Path, **given: str | None
) -> int:
    """Put items back to work: by IDS, by conditions, or --all."""
    return _move("replay", data_dir, _body(ids, given, everything=everything, dry_run=dry_run, reason=reason))


@command.command("discard")
@click.argument("ids", type=int, nargs=-1)
@conditions
@click.option("--all", "everything", is_flag=True, help="All that are open.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@click.option("--reason", required=True, help="Why nobody needs them; it stays in the history.")
@options.data_dir
def discard(
    ids: tuple[int, ...], *, everything: bool, dry_run: bool, reason: str, data_dir: Path, **given: str | None
) -> int:
    """Close them for good: by IDS, by conditions, or --all. Their items stay failed."""
    return _move(
        "discard", data_dir, _body(ids, given, everything=everything, dry_run=dry_run, reason=reason)
    )


def render_groups(groups: list[dict[str, Any]]) -> str:
    """A line per cause."""
    if not groups:
        return "no dead letters"
    return "\n".join(
        f"{group['letters']:>7}  {group['fingerprint']:<16}  {', '.join(group['phases'])}  {group['cause']}"
        for group in groups
    )


def render_letters(page: dict[str, Any]) -> str:
    """A line per letter."""
    lines = [
        f"{letter['job_id']:>9}  {letter['phase']:<18}  {letter['category']}: {letter['error']}  {letter['key']}"
        for letter in page["items"]
    ]
    if page["next_cursor"]:
        lines.append("there are more; narrow it down, or use the API's cursor")
    return "\n".join(lines) or "no dead letters"


def _given(conditions_: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name in _CONDITIONS if (value := conditions_.get(name)) is not None}


def _body(
    ids: tuple[int, ...],
    conditions_: dict[str, str | None],
    *,
    everything: bool,
    dry_run: bool,
    reason: str,
) -> dict[str, Any]:
    filter_ = _given(conditions_)
    if bool(ids) + bool(filter_) + everything != 1:
        raise click.UsageError("name ids, or give conditions, or say --all")
    which = {"ids": list(ids)} if ids else {"filter": filter_}
    return which | {"dry_run": dry_run, "reason": reason}


def _move(verb: str, data_dir: Path, body: dict[str, Any]) -> int:
    with api.connect(data_dir) as gateway:
        moved = gateway.ask("POST", f"{PATH}/{verb}", json=body)
    if said := operations.begun(moved):
        click.echo(said)
        return 0
    would = "would be " if moved["dry_run"] else ""
    aside = [
        f"{moved[name]} {text}"
        for name, text in (
            ("refused", "refused: their pipeline was cancelled"),
            ("unchanged", "closed before"),
        )
        if moved[name]
    ]
    done = {"replay": "replayed", "discard": "discarded"}[verb]
    click.echo("; ".join([f"{moved['letters']} {would}{done}", *aside]))
    return 0
