"""`landscape audit`: does the record of a pipeline prove what it claims?"""

from pathlib import Path
from typing import Any

import click

from services.gateway.cli import exits, listing, options
from services.gateway.cli.offline import source


@click.command("audit")
@options.pipeline_id
@options.data_dir
@options.output
def command(pipeline_id: str | None, data_dir: Path, form: str) -> int:
    """Audit PIPELINE_ID, or the newest. Exit code 1 when a check fails."""
    with source(data_dir) as pipelines:
        found = pipelines.audit(pipeline_id or pipelines.newest())
    listing.one(found, form, found["pipeline_id"], render)
    return 0 if found["passed"] else exits.ERROR


def render(found: dict[str, Any]) -> str:
    """A line per check, then what was spent."""
    lines = [f"audit of {found['pipeline_id']} ({found['state']})"]
    for check in found["checks"]:
        mark = "ok  " if check["passed"] else "FAIL"
        figures = f" [{check['actual']}]" if isinstance(check["actual"], int) and check["actual"] else ""
        lines.append(f"  {mark} {check['name']}: {check['detail']}{figures}")
    for cost in found["costs"]:
        units = "an unknown number of" if cost["units"] is None else f"{cost['units']:g}"
        doubt = f", {cost['in_doubt']} in doubt" if cost["in_doubt"] else ""
        lines.append(f"  cost {cost['provider']}: {cost['calls']} calls{doubt}, {units} units")
    lines.append(
        "green: nothing lost, nothing contradicts the record" if found["passed"] else "RED: see FAIL above"
    )
    return "\n".join(lines)
