"""`landscape demo`: the main job on this machine, without any API key."""

import json
import shutil
import signal
import time
from importlib import resources
from pathlib import Path
from typing import Any

import click
import httpx

from services.gateway.cli import api, audit, exits, options, watch
from services.gateway.demo.chaos import Chaos
from services.gateway.standalone.datadir import DataDir
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from shared.errors import ConfigError

REGIONS = ("US", "DE")
#: They are found in every world the simulator plays.
COMPANIES = {
    "company": {"name": "Northwind", "domains": ["northwind.com"]},
    "competitors": [
        {"name": "Contoso", "domains": ["contoso.com"]},
        {"name": "Fabrikam", "domains": ["fabrikam.com"]},
    ],
}
PERSONAS = [
    {"name": "Finance lead", "description": "Answers for cost, risk and compliance; compares offers."},
    {"name": "Developer", "description": "Integrates a product; wants documentation and examples."},
]
#: Short, so that recovery can be watched; a real system may take its time (30 s and 15 s).
TIMING = {"LANDSCAPE_RUNTIME__LEASE_SECONDS": "5", "LANDSCAPE_RUNTIME__REDISPATCH_SECONDS": "4"}
TOP = 8


@click.command("demo")
@click.option("--chaos", is_flag=True, help="Kill workers and empty Redis on the way.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which world the simulator plays.")
@click.option(
    "--latency-ms", type=click.FloatRange(min=0), default=80.0, show_default=True, help="Of the simulator."
)
@click.option("--fault-rate", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Share of the simulator's answers that fail.")  # fmt: skip
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("landscape-demo"), show_default=True, help="Directory for report.html, report.json and the data.")  # fmt: skip
def command(chaos: bool, seed: int, latency_ms: float, fault_rate: float, output: Path) -> int:
    """From 40 keywords to a share-of-voice report, on real servers, against simulated providers.

    Starts Postgres, a Redis-compatible server, the gateway, a worker per provider and the simulator;
    stops all of them at the end. Exit code 0 when the pipeline completed and its audit is green.
    """
    began = time.monotonic()
    # SIGTERM leaves by the same way as Ctrl-C: through the end of the system below.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    with Standalone(
        _empty(output / "data"),
        simulator=SimulatorOptions(seed, latency_ms, fault_rate),
        environment=TIMING,
        say=_say,
    ) as system:
        versions = ", ".join(system.stores.versions.values())
        _say(f"up in {time.monotonic() - began:.1f} s: {versions}; the simulator stands in for all providers")
        with api.Api(system.run_file.gateway_url, system.run_file.token) as gateway:
            return _run(system, gateway, Chaos(system) if chaos else None, output)


def _empty(folder: Path) -> Path:
    """The data directory without an earlier demo's data: a fact bought then would not be bought now.

    Raises ConfigError for any other data, which is not ours to delete.
    """
    if DataDir(folder).is_in_use():
        raise ConfigError(f"a demo runs in {folder.parent}; wait for it, or pass another --output")
    if folder.exists() and any(folder.iterdir()) and not (folder / options.DEMO_MARK).exists():
        raise ConfigError(f"{folder} holds other data than a demo's; pass another --output")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    (folder / options.DEMO_MARK).touch()
    return folder


def _run(system: Standalone, gateway: api.Api, chaos: Chaos | None, output: Path) -> int:
    keywords = resources.files("services.gateway.demo").joinpath("keywords.txt").read_text().split("\n")
    body = {
        "keywords": [k for k in keywords if k],
        "regions": REGIONS,
        **COMPANIES,
        "personas": PERSONAS,
        # One result page of ten: every page of it is fetched and analysed, and it stays a matter of a minute.
        "config": {"serp": {"pages": {"organic": 1}}},
    }
    started = gateway.start(json.dumps(body).encode())
    pipeline_id = started["pipeline_id"]
    _say(
        f"pipeline {pipeline_id}: {started['items']} searches = {len(body['keywords'])} keywords x {len(REGIONS)} regions x 3 content types"
    )
    failed = watch.follow(gateway, pipeline_id, chaos or (lambda _: None))
    found = gateway.audit(pipeline_id)
    report = json.loads(content := gateway.report(pipeline_id, "json"))
    (output / "report.json").write_bytes(content)
    (output / "report.html").write_bytes(gateway.report(pipeline_id, "html"))
    click.echo(_leaders(report))
    click.echo(audit.render(found))
    click.echo(_ledger(str(system.run_file.simulator_url)))
    click.echo(f"report: {(output / 'report.html').resolve()}")
    _say(f"the data stays in {output / 'data'}; go on with: landscape up --data-dir {output / 'data'}")
    if chaos and not chaos.done:
        _say("error: the pipeline ended before all of the chaos had happened; try a higher --latency-ms")
        return exits.ERROR
    return failed or (0 if found["passed"] else exits.ERROR)


def _leaders(report: dict[str, Any]) -> str:
    """The headline: organic share of voice and strength over all regions."""
    rows = [
        c
        for c in report["companies"]
        if (c["content_type"], c["region"], c["landscape"]) == ("organic", None, None)
    ]
    shown = rows[:TOP] + [row for row in rows[TOP:] if row["role"] in {"client", "competitor"}]
    lines = ["share of voice and Digital Strength Index, organic, all regions:"]
    for row in shown:
        role = f"  ({row['role']})" if row["role"] in {"client", "competitor"} else ""
        share = "   n/a" if row["share_of_voice"] is None else f"{row['share_of_voice']:6.1%}"
        strength = " n/a" if row["dsi"] is None else f"{row['dsi']:4.0f}"
        lines.append(f"  {share}  {strength}  {row['name']}{role}")
    return "\n".join(lines)


def _ledger(url: str) -> str:
    """What the providers saw: the other side's account of the same pipeline."""
    ledger = httpx.get(f"{url}/_control/ledger", timeout=10).json()
    lines = ["the simulator's own ledger:"]
    for provider, row in ledger.items():
        if not row["calls"]:
            continue
        lines.append(
            f"  {provider}: {row['calls']} calls, {row['faults_injected']} faults injected, "
            f"{row['subjects']} subjects bought, {row['repeated_subjects']} bought again"
        )
    return "\n".join(lines)


def _say(text: str) -> None:
    click.echo(text, err=True)
