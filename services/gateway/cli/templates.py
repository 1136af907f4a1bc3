"""`landscape templates`: bodies of a start, kept by name; save, show, start, try out, delete."""

import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from services.gateway.cli import api, options, watch
from services.gateway.cli.listing import listing
from services.gateway.cli.naming import identity
from shared.errors import ConfigError

PATH: Final = "/templates"
_template = click.argument("template")


command = listing(
    "templates",
    "Bodies of a start, by name. TEMPLATE is a name or an id.",
    PATH,
    lambda found: "\n".join(map(render, found["items"])) or "no template yet",
)


@command.command("save")
@click.argument("name")
@click.option("--pipeline", type=click.UUID, help="As this pipeline was started.")
@click.option("--file", type=click.File("rb"), help="JSON, as POST /api/v1/pipeline/start takes it; - is standard input.")  # fmt: skip
@click.option("--replace", is_flag=True, help="In place of what the template of this name holds.")
@options.actor
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@options.data_dir
@options.as_json
def save(  # noqa: PLR0917  click passes them by name
    name: str,
    pipeline: UUID | None,
    file: Any,
    replace: bool,
    actor: str,
    reason: str,
    data_dir: Path,
    as_json: bool,
) -> int:
    """Keep what a pipeline was started with, or a file, as NAME."""
    if (pipeline is None) == (file is None):
        raise click.UsageError("give either --pipeline or --file")
    signed = options.signed(actor, reason)
    with api.connect(data_dir) as gateway:
        start = _decode(file) if file else None
        if replace:
            if start is None:
                raise click.UsageError("--replace goes with --file")
            path = f"{PATH}/{identity(gateway, PATH, name)}"
            saved = gateway.ask("PATCH", path, json={"start": start} | signed)
        else:
            what = {"start": start} if file else {"pipeline_id": str(pipeline)}
            saved = gateway.ask("POST", PATH, json={"name": name} | what | signed)
    for warning in saved["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    click.echo(json.dumps(saved) if as_json else render(saved))
    return 0


@command.command("show")
@_template
@options.data_dir
@options.as_json
def show(template: str, data_dir: Path, as_json: bool) -> int:
    """What TEMPLATE holds: JSON that `save --file` takes."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{identity(gateway, PATH, template)}")
    click.echo(json.dumps(found if as_json else found["start"], indent=None if as_json else 2))
    return 0


@command.command("start")
@_template
@options.actor
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@click.option("--watch/--no-watch", "follow", default=False, help="Follow it until it ends.")
@options.data_dir
@options.as_json
def start(template: str, actor: str, reason: str, follow: bool, data_dir: Path, as_json: bool) -> int:  # noqa: PLR0917  click passes them by name
    """Start a pipeline by TEMPLATE."""
    return _start("start", template, options.signed(actor, reason), data_dir, follow=follow, as_json=as_json)


@command.command("try")
@_template
@options.actor
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@click.option("--watch/--no-watch", "follow", default=False, help="Follow it until it ends.")
@options.data_dir
@options.as_json
def try_out(template: str, actor: str, reason: str, follow: bool, data_dir: Path, as_json: bool) -> int:  # noqa: PLR0917  click passes them by name
    """Start a pipeline of ten keywords of TEMPLATE, taken in turn from every group."""
    return _start("try", template, options.signed(actor, reason), data_dir, follow=follow, as_json=as_json)


@command.command("delete")
@_template
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@options.data_dir
def delete(template: str, reason: str, data_dir: Path) -> int:
    """Forget TEMPLATE. Pipelines that it has started stay."""
    with api.connect(data_dir) as gateway:
        gateway.do("DELETE", f"{PATH}/{identity(gateway, PATH, template)}", params={"reason": reason})
    click.echo(f"template {template} is deleted")
    return 0


def _start(
    verb: str, template: str, signed: dict[str, str], data_dir: Path, *, follow: bool, as_json: bool
) -> int:
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, template)}/{verb}"
        started = gateway.ask("POST", path, json=signed)
        click.echo(json.dumps(started) if as_json else started["pipeline_id"])
        for warning in started["warnings"]:
            click.echo(f"warning: {warning}", err=True)
        return watch.follow(gateway, started["pipeline_id"]) if follow else 0


def _decode(file: Any) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise ConfigError(f"--file is no JSON: {error}; it is to be the body of a start") from None


def render(template: dict[str, Any]) -> str:
    """A line: id, name, and how much it is."""
    facts = [f"{template['keywords']:,} keywords", ", ".join(template["regions"])]
    if template["schedules"]:
        facts.append(f"{template['schedules']} schedules")
    return f"{template['template_id']}  {template['name']}  {'; '.join(facts)}; version {template['version']}"
