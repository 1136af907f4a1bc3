"""`landscape schedules`: templates that are started by the clock; create, edit, pause, run now, see what is to come and what came."""

from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options, plan, templates
from services.gateway.cli.consent import Consent, Foreseen, acts
from services.gateway.cli.listing import Column, listing, one, rows
from services.gateway.cli.naming import identity
from shared.domain.schedule import refusal
from shared.errors import ConflictError

PATH: Final = "/schedules"
OVERLAPS: Final = ("skip", "allow", "cancel_previous")
_schedule = click.argument("schedule")
_zone = click.option("--time-zone", help="In which CRON is meant, as in Europe/Berlin; UTC unless given.")
_overlap = click.option(
    "--overlap",
    type=click.Choice(OVERLAPS),
    help="While an earlier pipeline of it is under way: start nothing (the default), start another one, or cancel the earlier one.",
)


def _following(schedule: dict[str, Any]) -> str:
    if schedule["paused_at"]:
        return f"paused by {schedule['paused_by']}: {schedule['paused_reason']}"
    return next((f"next {fire['told']}" for fire in schedule["next_fires"]), "never again")


def _latest(schedule: dict[str, Any]) -> str | None:
    latest = schedule["latest"]
    if not latest or latest["outcome"] == "started":
        return None
    return f"the latest was {latest['outcome']}: {latest['reason']}"


_COLUMNS: tuple[Column, ...] = (
    "schedule_id", "name", "template", ("fires", lambda found: found["in_words"]), "time_zone", "overlap",
    ("to come", _following), ("latest", _latest),
)  # fmt: skip
_FIRES: tuple[Column, ...] = (
    "fired_at", ("due", lambda fire: fire["due_at"] or "run now"), "outcome", "actor",
    ("became", lambda fire: fire["pipeline_id"] or fire["reason"]),
)  # fmt: skip
command = listing(
    "schedules",
    "Templates that are started by the clock, by their next time. SCHEDULE is a name or an id.",
    PATH,
    "schedule_id",
    _COLUMNS,
)


@command.command("create")
@click.argument("template")
@click.argument("cron")
@_zone
@_overlap
@click.option("--name", help="The template's unless given.")
@options.actor
@options.reason
@options.data_dir
@acts
def create(
    template: str,
    cron: str,
    *,
    actor: str,
    reason: str,
    data_dir: Path,
    consent: Consent,
    **given: str | None,
) -> int:
    """Start TEMPLATE by CRON from now on: minute, hour, day, month, weekday, as in "0 6 * * 1"."""
    with api.connect(data_dir) as gateway:
        template_id = identity(gateway, templates.PATH, template)

        def foresee() -> Foreseen:
            found = _preview(gateway, cron, given["time_zone"])
            return f"start {template} by this: {_told(found)}", found

        if consent.free(foresee):
            body = {"template_id": template_id, "cron": cron, **_said(given), **options.signed(actor, reason)}
            made = gateway.ask("POST", PATH, json=body)
            consent.tell(made, f"{render(made)}\n{foretold(made)}")
    return 0


@command.command("edit")
@_schedule
@click.option("--cron", help='As in "0 6 * * 1".')
@_zone
@_overlap
@click.option("--name", help="Another name.")
@options.actor
@options.reason
@options.data_dir
@acts
def edit(
    schedule: str, *, actor: str, reason: str, data_dir: Path, consent: Consent, **given: str | None
) -> int:
    """Change when SCHEDULE fires, from now on. What is not given stays as it is."""
    wanted = _said(given)
    if not wanted:
        raise click.UsageError("say what is to be other")
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}"

        def foresee() -> Foreseen:
            now = gateway.ask("GET", path)
            found = _preview(gateway, given["cron"] or now["cron"], given["time_zone"] or now["time_zone"])
            changes = ", ".join(f"{name} {value}" for name, value in wanted.items())
            return f"set {changes} of {render(now)}; it would fire so: {_told(found)}", found

        if consent.free(foresee):
            edited = gateway.ask("PATCH", path, json=wanted | options.signed(actor, reason))
            consent.tell(edited, f"{render(edited)}\n{foretold(edited)}")
    return 0


@command.command("next")
@_schedule
@_zone
@options.data_dir
@options.output
def following(schedule: str, time_zone: str | None, data_dir: Path, form: str) -> int:
    """The next five times of SCHEDULE, in words; or of a cron expression in its place."""
    with api.connect(data_dir) as gateway:
        if len(schedule.split()) > 1:
            found = _preview(gateway, schedule, time_zone)
        else:
            found = gateway.ask("GET", f"{PATH}/{identity(gateway, PATH, schedule)}")
    one(found, form, [fire["at"] for fire in found["next_fires"]], _told)
    return 0


@command.command("fires")
@_schedule
@options.page
@options.data_dir
@options.output
def fires(schedule: str, cursor: int | None, limit: int, data_dir: Path, form: str) -> int:
    """What came of SCHEDULE lately, the newest first; also why nothing was started."""
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}/fires"
        found = gateway.ask("GET", path, params=options.given_page(cursor, limit))
    rows(found, form, "fire_id", _FIRES)
    return 0


@command.command("run-now")
@_schedule
@options.actor
@options.reason
@options.data_dir
@acts
def run_now(schedule: str, actor: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Start the template of SCHEDULE now; its next time stays."""
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}"
        present = gateway.ask("GET", path)
        under_way, cancels = present["under_way"], present["overlap"] == "cancel_previous"

        def foresee() -> Foreseen:
            what, found = templates.foresee_start(gateway, present["template_id"])
            earlier = ", ".join(under_way) or f"what {schedule} has under way by then"
            return (f"cancel {earlier}, and {what}" if cancels else what), found

        if consent.dry_run:
            if why := refusal(present["overlap"], len(under_way)):
                raise ConflictError(why)
            return plan.foretell(consent, foresee())
        if cancels and not consent.asked(foresee):
            return 0
        started = gateway.ask("POST", f"{path}/run-now", json=options.signed(actor, reason))
        consent.tell(started, started["pipeline_id"])
    return 0


@command.command("pause")
@_schedule
@options.actor
@click.option("--reason", required=True, help="Why; it is shown beside the schedule.")
@options.data_dir
@acts
def pause(schedule: str, actor: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Let SCHEDULE not fire for now. Pipelines that it has started go on."""
    return _steer("pause", schedule, options.signed(actor, reason), data_dir, consent)


@command.command("unpause")
@_schedule
@options.actor
@options.reason
@options.data_dir
@acts
def unpause(schedule: str, actor: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Let SCHEDULE fire again. What it missed is not made up for."""
    return _steer("unpause", schedule, options.signed(actor, reason), data_dir, consent)


@command.command("delete")
@_schedule
@options.reason
@options.data_dir
@acts
def delete(schedule: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Forget SCHEDULE. Pipelines that it has started stay."""
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}"
        if consent.asked(lambda: _foresee(gateway, path, "delete")):
            gateway.do("DELETE", path, params={"reason": reason})
            consent.tell({"schedule": schedule}, f"schedule {schedule} is deleted")
    return 0


def _steer(verb: str, schedule: str, signed: dict[str, str], data_dir: Path, consent: Consent) -> int:
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}"
        if consent.free(lambda: _foresee(gateway, path, verb)):
            steered = gateway.ask("POST", f"{path}/{verb}", json=signed)
            consent.tell(steered, render(steered))
    return 0


def _foresee(gateway: api.Api, path: str, what: str) -> Foreseen:
    found = gateway.ask("GET", path)
    return f"{what} {render(found)}", found


def _preview(gateway: api.Api, cron: str, time_zone: str | None) -> dict[str, Any]:
    return gateway.ask("GET", f"{PATH}/next", params={"cron": cron, "time_zone": time_zone or "UTC"})


def _said(wanted: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}


def _told(found: dict[str, Any]) -> str:
    return f"{found['in_words']}\n{foretold(found)}"


def render(schedule: dict[str, Any]) -> str:
    """A line: id, name, rule, and what comes next."""
    name = schedule["name"] + (
        f" ({schedule['template']})" if schedule["template"] != schedule["name"] else ""
    )
    rule = f"{schedule['in_words']}, {schedule['time_zone']}, {schedule['overlap']}"
    facts = [_following(schedule)] + ([latest] if (latest := _latest(schedule)) else [])
    return f"{schedule['schedule_id']}  {name}  {rule}; {'; '.join(facts)}"


def foretold(found: dict[str, Any]) -> str:
    """The fires to come, one a line."""
    return "\n".join(f"  {fire['told']}" for fire in found["next_fires"]) or "  none: it is paused"
