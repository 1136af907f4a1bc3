"""`landscape schedules`: templates that are started by the clock; create, edit, pause, run now, see what is to come and what came."""

import json
from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options, templates
from services.gateway.cli.listing import listing
from services.gateway.cli.naming import identity

PATH: Final = "/schedules"
OVERLAPS: Final = ("skip", "allow", "cancel_previous")
_schedule = click.argument("schedule")
_reason = click.option("--reason", default="", help="Why; it stays in the audit log.")
_zone = click.option("--time-zone", help="In which CRON is meant, as in Europe/Berlin; UTC unless given.")
_overlap = click.option(
    "--overlap",
    type=click.Choice(OVERLAPS),
    help="While an earlier pipeline of it is under way: start nothing (the default), start another one, or cancel the earlier one.",
)


command = listing(
    "schedules",
    "Templates that are started by the clock, by their next time. SCHEDULE is a name or an id.",
    PATH,
    lambda found: "\n".join(map(render, found["items"])) or "no schedule yet",
)


@command.command("create")
@click.argument("template")
@click.argument("cron")
@_zone
@_overlap
@click.option("--name", help="The template's unless given.")
@options.actor
@_reason
@options.data_dir
@options.as_json
def create(  # noqa: PLR0917  click passes them by name
    template: str,
    cron: str,
    time_zone: str | None,
    overlap: str | None,
    name: str | None,
    actor: str,
    reason: str,
    data_dir: Path,
    as_json: bool,
) -> int:
    """Start TEMPLATE by CRON from now on: minute, hour, day, month, weekday, as in "0 6 * * 1"."""
    wanted = {"cron": cron, "time_zone": time_zone, "overlap": overlap, "name": name}
    with api.connect(data_dir) as gateway:
        body = {"template_id": identity(gateway, templates.PATH, template)} | _given(wanted)
        made = gateway.ask("POST", PATH, json=body | options.signed(actor, reason))
    click.echo(json.dumps(made) if as_json else f"{render(made)}\n{foretold(made)}")
    return 0


@command.command("edit")
@_schedule
@click.option("--cron", help='As in "0 6 * * 1".')
@_zone
@_overlap
@click.option("--name", help="Another name.")
@options.actor
@_reason
@options.data_dir
@options.as_json
def edit(  # noqa: PLR0917  click passes them by name
    schedule: str,
    cron: str | None,
    time_zone: str | None,
    overlap: str | None,
    name: str | None,
    actor: str,
    reason: str,
    data_dir: Path,
    as_json: bool,
) -> int:
    """Change when SCHEDULE fires, from now on. What is not given stays as it is."""
    wanted = _given({"cron": cron, "time_zone": time_zone, "overlap": overlap, "name": name})
    if not wanted:
        raise click.UsageError("say what is to be other")
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}"
        edited = gateway.ask("PATCH", path, json=wanted | options.signed(actor, reason))
    click.echo(json.dumps(edited) if as_json else f"{render(edited)}\n{foretold(edited)}")
    return 0


@command.command("next")
@_schedule
@_zone
@options.data_dir
@options.as_json
def following(schedule: str, time_zone: str | None, data_dir: Path, as_json: bool) -> int:
    """The next five times of SCHEDULE, in words; or of a cron expression in its place."""
    with api.connect(data_dir) as gateway:
        if len(schedule.split()) > 1:
            params = {"cron": schedule, "time_zone": time_zone or "UTC"}
            found = gateway.ask("GET", f"{PATH}/next", params=params)
        else:
            found = gateway.ask("GET", f"{PATH}/{identity(gateway, PATH, schedule)}")
    click.echo(json.dumps(found) if as_json else f"{found['in_words']}\n{foretold(found)}")
    return 0


@command.command("fires")
@_schedule
@options.data_dir
@options.as_json
def fires(schedule: str, data_dir: Path, as_json: bool) -> int:
    """What came of SCHEDULE lately, the newest first; also why nothing was started."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{identity(gateway, PATH, schedule)}/fires")
    click.echo(json.dumps(found) if as_json else "\n".join(map(render_fire, found["items"])) or "none yet")
    return 0


@command.command("run-now")
@_schedule
@options.actor
@_reason
@options.data_dir
@options.as_json
def run_now(schedule: str, actor: str, reason: str, data_dir: Path, as_json: bool) -> int:
    """Start the template of SCHEDULE now; its next time stays."""
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}/run-now"
        started = gateway.ask("POST", path, json=options.signed(actor, reason))
    click.echo(json.dumps(started) if as_json else started["pipeline_id"])
    return 0


@command.command("pause")
@_schedule
@options.actor
@click.option("--reason", required=True, help="Why; it is shown beside the schedule.")
@options.data_dir
def pause(schedule: str, actor: str, reason: str, data_dir: Path) -> int:
    """Let SCHEDULE not fire for now. Pipelines that it has started go on."""
    return _steer("pause", schedule, options.signed(actor, reason), data_dir)


@command.command("unpause")
@_schedule
@options.actor
@_reason
@options.data_dir
def unpause(schedule: str, actor: str, reason: str, data_dir: Path) -> int:
    """Let SCHEDULE fire again. What it missed is not made up for."""
    return _steer("unpause", schedule, options.signed(actor, reason), data_dir)


@command.command("delete")
@_schedule
@_reason
@options.data_dir
def delete(schedule: str, reason: str, data_dir: Path) -> int:
    """Forget SCHEDULE. Pipelines that it has started stay."""
    with api.connect(data_dir) as gateway:
        gateway.do("DELETE", f"{PATH}/{identity(gateway, PATH, schedule)}", params={"reason": reason})
    click.echo(f"schedule {schedule} is deleted")
    return 0


def _steer(verb: str, schedule: str, signed: dict[str, str], data_dir: Path) -> int:
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, schedule)}/{verb}"
        click.echo(render(gateway.ask("POST", path, json=signed)))
    return 0


def _given(wanted: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}


def render(schedule: dict[str, Any]) -> str:
    """A line: id, name, rule, and what comes next."""
    if schedule["paused_at"]:
        following = f"paused by {schedule['paused_by']}: {schedule['paused_reason']}"
    else:
        following = next((f"next {fire['told']}" for fire in schedule["next_fires"]), "never again")
    name = schedule["name"] + (
        f" ({schedule['template']})" if schedule["template"] != schedule["name"] else ""
    )
    rule = f"{schedule['in_words']}, {schedule['time_zone']}, {schedule['overlap']}"
    line = f"{schedule['schedule_id']}  {name}  {rule}; {following}"
    latest = schedule["latest"]
    if latest and latest["outcome"] != "started":
        line += f"; the latest was {latest['outcome']}: {latest['reason']}"
    return line


def render_fire(fire: dict[str, Any]) -> str:
    """A line."""
    became = fire["pipeline_id"] or fire["reason"]
    due = f"due {fire['due_at']}" if fire["due_at"] else "run now"
    return f"{fire['fired_at']}  {due}  {fire['outcome']}  by {fire['actor']}  {became}"


def foretold(found: dict[str, Any]) -> str:
    """The fires to come, one a line."""
    return "\n".join(f"  {fire['told']}" for fire in found["next_fires"]) or "  none: it is paused"
