"""`landscape dead-letters`: what was given up; by cause, one by one, and back to work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from services.gateway.cli import api, operations, options
from services.gateway.cli.consent import Consent, acts
from services.gateway.cli.listing import listing, one, rows
from shared.domain.phases import PHASES

F = TypeVar("F", bound=Callable[..., Any])

PATH: Final = "/dead-letters"
_why = click.option("--reason", required=True, help="Why; it stays in the history.")


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


def _which(function: F) -> F:
    """IDS, the conditions and --all."""
    function = click.option("--all", "everything", is_flag=True, help="All that are open.")(function)
    return click.argument("ids", type=int, nargs=-1)(conditions(function))


command = listing(
    "dead-letters",
    "What was given up. Without a subcommand: how many there are of each cause.",
    f"{PATH}/groups",
    "fingerprint",
    ("letters", "fingerprint", "phases", "cause"),
    items="groups",
)


@command.command("list")
@conditions
@click.option("--state", "in_state", type=click.Choice(["open", "replayed", "discarded", "all"]), default="open", show_default=True, help="In this state.")  # fmt: skip
@click.option("--cursor", type=int, help="Of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@options.data_dir
@options.output
def newest(data_dir: Path, form: str, **given: object) -> int:
    """The newest dead letters."""
    params = {name: value for name, value in given.items() if value}
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", PATH, params=params)
    rows(found, form, "job_id", ("job_id", "phase", "category", "error", "key"))
    return 0


@command.command("show")
@click.argument("job_id", type=int)
@options.data_dir
@options.output
def show(job_id: int, data_dir: Path, form: str) -> int:
    """All there is about one, as JSON."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{job_id}")
    one(found, form, str(job_id), lambda letter: json.dumps(letter, indent=2, ensure_ascii=False))
    return 0


@command.command("edit")
@click.argument("job_id", type=int)
@click.option("--input", "text", required=True, help="The item's new input: a JSON object.")
@_why
@options.data_dir
@acts
def edit(job_id: int, text: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Give its item another input, for when it is replayed."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"is not JSON: {error}", param_hint="--input") from None
    path = f"{PATH}/{job_id}"
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("GET", path)
            return f"replace the input of {job_id}, {json.dumps(found['input'], ensure_ascii=False)}", found

        if consent.free(foresee):
            edited = gateway.ask("PATCH", path, json={"input": given, "reason": reason})
            consent.tell(
                edited,
                f"dead letter {job_id} has a new input; `landscape dead-letters replay {job_id}` uses it",
            )
    return 0


@command.command("replay")
@_which
@options.reason
@options.data_dir
@acts
def replay(*, reason: str, data_dir: Path, consent: Consent, **which: Any) -> int:
    """Put items back to work: by IDS, by conditions, or --all."""
    return _move("replay", data_dir, consent, {**_selection(**which), "reason": reason})


@command.command("discard")
@_which
@_why
@options.data_dir
@acts
def discard(*, reason: str, data_dir: Path, consent: Consent, **which: Any) -> int:
    """Close them for good: by IDS, by conditions, or --all. Their items stay failed."""
    return _move("discard", data_dir, consent, {**_selection(**which), "reason": reason})


def _selection(ids: tuple[int, ...], *, everything: bool, **given: str | None) -> dict[str, Any]:
    filter_ = {name: value for name, value in given.items() if value is not None}
    if bool(ids) + bool(filter_) + everything != 1:
        raise click.UsageError("name ids, or give conditions, or say --all")
    return {"ids": list(ids)} if ids else {"filter": filter_}


def _move(verb: str, data_dir: Path, consent: Consent, body: dict[str, Any]) -> int:
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("POST", f"{PATH}/{verb}", json=body | {"dry_run": True})
            return f"{verb} {found['letters']} dead letters{_aside(found)}", found

        if consent.asked(foresee):
            moved = gateway.ask("POST", f"{PATH}/{verb}", json=body)
            done = {"replay": "replayed", "discard": "discarded"}[verb]
            consent.tell(moved, operations.begun(moved) or f"{moved['letters']} {done}{_aside(moved)}")
    return 0


def _aside(moved: dict[str, Any]) -> str:
    aside = (("refused", "refused: their pipeline was cancelled"), ("unchanged", "closed before"))
    return "".join(f"; {moved[name]} {text}" for name, text in aside if moved[name])
