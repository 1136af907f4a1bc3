"""`landscape start`: a pipeline from keywords."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from services.gateway.cli import api, keyword_file, options, plan, watch
from services.gateway.cli.consent import Consent, acts
from services.gateway.cli.curve import read as read_curve


@click.command("start")
@options.searches
@click.option("--company", help='Whose landscape: "Name=domain,domain".')
@click.option(
    "--competitor", "competitors", multiple=True, help='"Name=domain,domain"; may be given several times.'
)
@click.option(
    "--config", "config_", type=click.File("r", encoding="utf-8"), help="JSON for the body's `config`."
)
@click.option("--curve", help="Click curve of the report: a built-in one by its id, or a CSV file with position,share or position,percent.")  # fmt: skip
@click.option("--resume-from", type=click.UUID, help="An earlier pipeline: what is not given is taken from it, and what it completed is not done again.")  # fmt: skip
@click.option("--failed-only", is_flag=True, help="With --resume-from: of the rest only what had failed.")
@click.option("--plan", "as_plan", is_flag=True, help="As --dry-run.")
@click.option("--watch/--no-watch", "follow", default=False, help="Follow it until it ends.")
@options.data_dir
@acts
def command(  # noqa: PLR0917  click passes them by name
    keywords: tuple[str, ...],
    file: Any,
    regions: tuple[str, ...],
    types: tuple[str, ...],
    company: str | None,
    competitors: tuple[str, ...],
    config_: Any,
    curve: str | None,
    resume_from: UUID | None,
    failed_only: bool,
    as_plan: bool,
    follow: bool,
    data_dir: Path,
    consent: Consent,
) -> int:
    """Start a pipeline for KEYWORDS. A broken row starts nothing."""
    body = keyword_file.searches(keywords, file, regions, types)
    if company:
        body["company"] = _company(company)
    if competitors:
        body["competitors"] = [_company(competitor) for competitor in competitors]
    if config_:
        body["config"] = _decode(config_)
    if curve:
        body["config"] = _with_curve(body.get("config", {}), curve)
    if resume_from or failed_only:
        body = _resume(body, resume_from, failed_only=failed_only)
    with api.connect(data_dir) as gateway:
        if as_plan or consent.dry_run:
            return plan.show(gateway, body, "json" if consent.as_json else "table")
        return _start(gateway, body, consent, follow=follow)


def _with_curve(given: Any, curve: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise click.BadParameter("--config must be a JSON object")
    return {**given, "curve": msgspec.to_builtins(read_curve(curve))}


def _resume(body: dict[str, Any], earlier: UUID | None, *, failed_only: bool) -> dict[str, Any]:
    """Without what was not given, so that the earlier pipeline's counts."""
    if earlier is None:
        raise click.UsageError(
            "--failed-only goes with --resume-from; `landscape resume` goes on with a pipeline"
        )
    if not isinstance(given := body.get("config", {}), dict):
        raise click.BadParameter("--config must be a JSON object")
    config = {
        **given,
        "resume_from_pipeline_id": str(earlier),
        "resume_failed_only": failed_only,
    }
    return {name: value for name, value in body.items() if value} | {"config": config}


def _start(gateway: api.Api, body: dict[str, Any], consent: Consent, *, follow: bool) -> int:
    started = gateway.start(json.dumps(body).encode())
    consent.tell(started, started["pipeline_id"])
    for merged in started["merged"]:
        click.echo(f"merged: {merged['keyword']!r} is the same search as {merged['into']!r}", err=True)
    for warning in started["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    if follow:
        return watch.follow(gateway, started["pipeline_id"])
    click.echo(
        f"{started['items']} searches; follow with: landscape watch {started['pipeline_id']}", err=True
    )
    return 0


def _company(text: str) -> dict[str, Any]:
    name, equals, domains = text.partition("=")
    if not equals:
        raise click.BadParameter(f'{text!r}: expected "Name=domain,domain"')
    return {"name": name, "domains": [domain for domain in domains.split(",") if domain]}


def _decode(file: Any) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise click.BadParameter(f"--config is no JSON: {error}") from None
