"""The audit: does the record of a pipeline prove what it claims? Read-only, and valid while it runs.

Nothing is compared with itself: keys are recomputed from the configuration and from recorded results,
counters are held against rows, calls against what they left.
"""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from shared.domain.event import EventName
from shared.domain.phases import CLOSING
from shared.domain.pipeline import PipelineConfig, config_hash
from shared.store import queries
from shared.store.audit_keys import actual_keys, expected_keys
from shared.store.events import emit, forget_others
from shared.store.pipelines import get_pipeline, get_stored_config
from shared.store.pool import Connection
from shared.store.progress import phase_progress
from shared.store.snapshot import snapshot

_SQL = queries.load("audit")

#: How long a lease may have been over before it counts as dead: the reaper looks every second or so.
GRACE_SECONDS: Final = 10.0
#: Keys named when they differ.
_NAMED: Final = 3
#: Name of a check -> the query that finds what contradicts it.
_CONTRADICTIONS: Final = {
    "references": "find_broken_references",
    "counters": "compare_counters",
    "results": "find_unproven_completions",
    "leases": "find_unheld_items",
    "places": "find_misplaced_items",
    "facts": "find_unmatched_calls",
    "calls": "find_unsettled_calls",
    "spending": "find_uncounted_spending",
    "lineage": "find_dangling_lineage",
    "jobs": "find_open_jobs",
    "items": "find_open_items",
}


class Check(msgspec.Struct, frozen=True):
    """One question put to the record."""

    name: str
    passed: bool
    detail: str
    """What was found; on failure with examples."""
    expected: int | str
    actual: int | str


class Cost(msgspec.Struct, frozen=True):
    """Sum of the ledger for a phase and provider. Units and money are null as soon as one call's are unknown."""

    phase: str
    provider: str
    calls: int
    in_doubt: int
    """Calls that may have been charged although no answer was recorded."""
    units: float | None
    money: float | None


class Audit(msgspec.Struct, frozen=True):
    """The answer."""

    pipeline_id: UUID
    state: str
    passed: bool
    checks: list[Check]
    costs: list[Cost]
    audited_at: datetime | None = None
    """When it was recorded; null: it was made just now."""


async def audit(conn: Connection, pipeline_id: UUID) -> Audit:
    """All checks, as of one moment. Opens a transaction of its own. Raises NotFoundError."""
    async with snapshot(conn):
        pipeline = await get_pipeline(conn, pipeline_id)
        checks = [_check_config(await get_stored_config(conn, pipeline_id), pipeline.config_hash)]
        checks += await _check_keys(conn, pipeline_id, pipeline.config)
        for name, query in _CONTRADICTIONS.items():
            checks.append(await _check_contradictions(conn, pipeline_id, name, query))
        check, costs = await _check_ledger(conn, pipeline_id)
        checks.append(check)
    return Audit(pipeline_id, pipeline.state, all(check.passed for check in checks), checks, costs)


async def tell_audit(conn: Connection, found: Audit) -> None:
    """Tell of an audit if it failed; once as long as it fails for the same checks."""
    checks = sorted(check.name for check in found.checks if not check.passed)
    name, pipeline_id = EventName.AUDIT_FAILED, found.pipeline_id
    once = f"{name} {pipeline_id} {' '.join(checks)}"
    await forget_others(conn, name, pipeline_id, "" if found.passed else once)
    if not found.passed:
        await emit(conn, name, {"checks": checks}, pipeline_id=pipeline_id, once=once)


def _check_config(config: dict[str, Any], recorded: str) -> Check:
    actual = config_hash(config)
    detail = "the configuration is the one frozen at the start"
    if actual != recorded:
        detail = "the configuration is not the one frozen at the start"
    return Check("config", actual == recorded, detail, recorded, actual)


async def _check_keys(conn: Connection, pipeline_id: UUID, config: PipelineConfig) -> list[Check]:
    expected = await expected_keys(conn, pipeline_id, config)
    actual = await actual_keys(conn, pipeline_id)
    checks = []
    for phase in [*expected, *sorted(actual.keys() - expected.keys())]:
        wanted, found = expected.get(phase, set()), actual.get(phase, set())
        differences = {"missing": sorted(wanted - found), "not accounted for": sorted(found - wanted)}
        detail = "; ".join(
            f"{len(keys)} {what}, such as {', '.join(keys[:_NAMED])}"
            for what, keys in differences.items()
            if keys
        )
        checks.append(
            Check(f"keys.{phase}", not detail, detail or "every item and no other", len(wanted), len(found))
        )
    return checks


async def _check_contradictions(conn: Connection, pipeline_id: UUID, name: str, query: str) -> Check:
    parameters = {"pipeline_id": pipeline_id, "grace": GRACE_SECONDS, "closing": list(CLOSING)}
    cursor = await conn.execute(_SQL[query], parameters)
    found = cast("list[tuple[str, int]]", await cursor.fetchall())
    detail = "; ".join(example for example, _ in found)
    return Check(name, not found, detail or "nothing contradicts it", 0, found[0][1] if found else 0)


async def _check_ledger(conn: Connection, pipeline_id: UUID) -> tuple[Check, list[Cost]]:
    """Calls of the counters against the ledger's rows; no negative and no groundless amount."""
    cursor = await conn.execute(_SQL["sum_ledger"], {"pipeline_id": pipeline_id})
    rows = cast("list[tuple[Any, ...]]", await cursor.fetchall())
    costs, problems, ended, counted = [], [], dict[str, int](), 0
    for phase, provider, calls, counted_calls, in_doubt, units, money, groundless in rows:
        costs.append(Cost(phase, provider, calls, in_doubt, units, money))
        ended[phase] = ended.get(phase, 0) + counted_calls
        if groundless:
            problems.append(
                f"{groundless} calls to {provider} have a negative amount, or money without units"
            )
    for progress in await phase_progress(conn, pipeline_id):
        counted += progress.calls
        if progress.calls != ended.get(progress.phase, 0):
            problems.append(
                f"{progress.phase} has {ended.get(progress.phase, 0)} calls, the counter says {progress.calls}"
            )
    detail = "; ".join(problems) or "counters and ledger agree"
    return Check("ledger", not problems, detail, sum(ended.values()), counted), costs
