"""`landscape templates`: bodies of a start, kept by name; save, show, start, try out, delete."""

import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
import msgspec

from services.gateway.cli import api, options, plan, watch
from services.gateway.cli.consent import Consent, Foreseen, acts
from services.gateway.cli.listing import listing, one
from services.gateway.cli.naming import identity
from shared.domain import tryout
from shared.domain.start import parse
from shared.errors import ConfigError, ConflictError

PATH: Final = "/templates"
_template = click.argument("template")


command = listing(
    "templates",
    "Bodies of a start, by name. TEMPLATE is a name or an id.",
    PATH,
    "template_id",
    ("template_id", "name", "keywords", "regions", "schedules", "version"),
)


@command.command("save")
@click.argument("name")
@click.option("--pipeline", type=click.UUID, help="As this pipeline was started.")
@click.option("--file", type=click.File("rb"), help="JSON, as POST /api/v1/pipeline/start takes it; - is standard input.")  # fmt: skip
@click.option("--replace", is_flag=True, help="In place of what the template of this name holds.")
@options.actor
@options.reason
@options.data_dir
@acts
def save(  # noqa: PLR0917  click passes them by name
    name: str,
    pipeline: UUID | None,
    file: Any,
    replace: bool,
    actor: str,
    reason: str,
    data_dir: Path,
    consent: Consent,
) -> int:
    """Keep what a pipeline was started with, or a file, as NAME."""
    if (pipeline is None) == (file is None):
        raise click.UsageError("give either --pipeline or --file")
    if replace and file is None:
        raise click.UsageError("--replace goes with --file")
    signed = options.signed(actor, reason)
    with api.connect(data_dir) as gateway:
        start = _decode(file) if file else None

        def foresee() -> Foreseen:
            if start is None:
                found = gateway.ask("GET", f"/pipeline/{pipeline}")
                return f"keep what {pipeline} was started with as {name}", found
            found = gateway.ask("POST", "/pipeline/plan", json=start)
            act = "replace what there is of" if replace else "keep this as"
            return f"{act} {name}:\n{plan.render(found)}", found

        if not (consent.asked if replace else consent.free)(foresee):
            return 0
        if replace:
            path = f"{PATH}/{identity(gateway, PATH, name)}"
            saved = gateway.ask("PATCH", path, json={"start": start} | signed)
        else:
            what = {"start": start} if file else {"pipeline_id": str(pipeline)}
            saved = gateway.ask("POST", PATH, json={"name": name} | what | signed)
    for warning in saved["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    consent.tell(saved, render(saved))
    return 0


@command.command("show")
@_template
@options.data_dir
@options.output
def show(template: str, data_dir: Path, form: str) -> int:
    """What TEMPLATE holds: JSON that `save --file` takes."""
    with api.connect(data_dir) as gateway:
        found = gateway.ask("GET", f"{PATH}/{identity(gateway, PATH, template)}")
    one(found, form, found["template_id"], lambda kept: json.dumps(kept["start"], indent=2))
    return 0


@command.command("start")
@_template
@options.actor
@options.reason
@click.option("--watch/--no-watch", "follow", default=False, help="Follow it until it ends.")
@options.data_dir
@acts
def start(template: str, actor: str, reason: str, follow: bool, data_dir: Path, consent: Consent) -> int:  # noqa: PLR0917  click passes them by name
    """Start a pipeline by TEMPLATE."""
    return _start("start", template, options.signed(actor, reason), data_dir, consent, follow=follow)


@command.command("try")
@_template
@options.actor
@options.reason
@click.option("--watch/--no-watch", "follow", default=False, help="Follow it until it ends.")
@options.data_dir
@acts
def try_out(template: str, actor: str, reason: str, follow: bool, data_dir: Path, consent: Consent) -> int:  # noqa: PLR0917  click passes them by name
    """Start a pipeline of ten keywords of TEMPLATE, taken in turn from every group."""
    return _start("try", template, options.signed(actor, reason), data_dir, consent, follow=follow)


@command.command("delete")
@_template
@options.reason
@options.data_dir
@acts
def delete(template: str, reason: str, data_dir: Path, consent: Consent) -> int:
    """Forget TEMPLATE. Pipelines that it has started stay."""
    with api.connect(data_dir) as gateway:
        path = f"{PATH}/{identity(gateway, PATH, template)}"

        def foresee() -> Foreseen:
            found = gateway.ask("GET", path)
            if found["schedules"]:
                raise ConflictError(
                    f"{found['schedules']} schedules start this template; delete them first, or have them start another"
                )
            return f"delete {render(found)}", found

        if consent.asked(foresee):
            gateway.do("DELETE", path, params={"reason": reason})
            consent.tell({"template": template}, f"template {template} is deleted")
    return 0


def _start(
    verb: str, template: str, signed: dict[str, str], data_dir: Path, consent: Consent, *, follow: bool
) -> int:
    with api.connect(data_dir) as gateway:
        template_id = identity(gateway, PATH, template)
        if consent.dry_run:
            return plan.foretell(consent, foresee_start(gateway, template_id, whole=verb == "start"))
        started = gateway.ask("POST", f"{PATH}/{template_id}/{verb}", json=signed)
        consent.tell(started, started["pipeline_id"])
        for warning in started["warnings"]:
            click.echo(f"warning: {warning}", err=True)
        return watch.follow(gateway, started["pipeline_id"]) if follow else 0


def foresee_start(gateway: api.Api, template_id: str, *, whole: bool = True) -> Foreseen:
    """What starting a template would take, or trying it out."""
    start = gateway.ask("GET", f"{PATH}/{template_id}")["start"]
    if not whole:
        start = json.loads(msgspec.json.encode(tryout.try_out(parse(json.dumps(start).encode()))))
    found = gateway.ask("POST", "/pipeline/plan", json=start)
    return f"start this:\n{plan.render(found)}", found


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
