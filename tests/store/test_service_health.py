"""The windows of workers in the record: written whole, by process, and forgotten in time."""

import msgspec
import pytest

from shared.domain.durations import bucket
from shared.domain.service_health import STRETCH_SECONDS, Window, figure, gather, merge
from shared.store.pool import Connection
from shared.store.service_health import (
    KEPT_DAYS,
    delete_stretches,
    delete_windows,
    find_windows,
    save_windows,
    sum_outcomes,
)
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

START = 1_800_000_000 // 60 * 60


def window(start: int = START, ok: int = 1) -> Window:
    return Window(start, {"ok": ok, "recoverable": 1}, 1, 0.5, {bucket(0.2): ok, bucket(0.3): 1})


async def test_what_was_saved_is_found(conn: Connection) -> None:
    """Exactly, of all processes, and only of this service."""
    await save_windows(conn, "serp", "one", [window(), window(START + 60, ok=4)])
    await save_windows(conn, "serp", "two", [window()])
    await save_windows(conn, "media", "one", [window()])
    found = await find_windows(conn, "serp", START)
    assert found == [window(), window(), window(START + 60, ok=4)]
    assert await find_windows(conn, "serp", START + 1) == [window(START + 60, ok=4)]


async def test_a_later_count_replaces_the_earlier(conn: Connection) -> None:
    """So a save that is repeated, because its answer was lost, counts nothing twice."""
    for ok in (1, 5, 5):
        await save_windows(conn, "serp", "one", [window(ok=ok)])
    assert await find_windows(conn, "serp", START) == [window(ok=5)]


async def test_rows_can_be_read_without_our_code(conn: Connection) -> None:
    """The seed's figures stand in columns."""
    await save_windows(conn, "serp", "one", [window(ok=3)])
    figures = figure(window(ok=3))
    assert await fetch(
        conn,
        "SELECT requests, successes, failures, timeouts, avg_seconds, p95_seconds, p99_seconds, errors"
        " FROM service_health_metrics",
    ) == [(4, 3, 1, 1, 0.125, figures.p95_seconds, figures.p99_seconds, {"recoverable": 1})]


async def test_old_windows_are_forgotten(conn: Connection) -> None:
    """Those of the last days stay."""
    ((now,),) = await fetch(conn, "SELECT ARRAY[extract(epoch FROM now())::bigint]")
    old = now - (KEPT_DAYS + 1) * 24 * 60 * 60
    await save_windows(conn, "serp", "one", [window(old), window(now)])
    assert await delete_windows(conn) == 1
    assert await find_windows(conn, "serp", 0) == [window(now)]


async def test_recent_calls_are_summed_by_outcome(conn: Connection) -> None:
    """Over processes and windows; what is older does not count."""
    ((now,),) = await fetch(conn, "SELECT ARRAY[extract(epoch FROM now())::bigint]")
    await save_windows(conn, "serp", "one", [window(now, ok=2), window(now - 60), window(now - 3600)])
    await save_windows(conn, "serp", "two", [window(now, ok=2)])
    assert sorted(await sum_outcomes(conn, 600)) == [("serp", "ok", 5), ("serp", "recoverable", 3)]


async def test_a_long_time_is_read_in_stretches(conn: Connection) -> None:
    """Windows up to the first whole stretch, and each call once; old ones are forgotten."""
    first = START // STRETCH_SECONDS * STRETCH_SECONDS
    windows = [window(first + 60 * n, ok=n + 1) for n in range(10)]
    stretches = [
        msgspec.structs.replace(merge(inside), start=start)
        for start, inside in gather(windows, STRETCH_SECONDS).items()
    ]
    await save_windows(conn, "serp", "one", windows, stretches)
    found = await find_windows(conn, "serp", first + 120, in_stretches=True)
    assert found == [*windows[2:5], stretches[1]]
    assert figure(merge(found)) == figure(merge(await find_windows(conn, "serp", first + 120)))
    assert await find_windows(conn, "serp", first, in_stretches=True) == stretches
    await conn.execute(
        "UPDATE service_health_stretches SET stretch_start = stretch_start - interval '1 year'"
    )
    assert await delete_stretches(conn) == 2
