"""What the calls of services came to by the minute: written by workers, read by the gateway, forgotten in time."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from shared.domain.service_health import OK, STRETCH_SECONDS, Window, figure
from shared.store import queries
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("service_health")

_counts = msgspec.json.Decoder(dict[str, int])
_buckets = msgspec.json.Decoder(dict[int, int])

#: How long windows are kept.
KEPT_DAYS: Final = 30
#: How long stretches are.
STRETCHES_KEPT_DAYS: Final = 2
#: Rows deleted at once.
_CHUNK: Final = 50_000


async def save_windows(
    conn: Connection,
    service: str,
    holder: str,
    windows: Sequence[Window],
    stretches: Sequence[Window] = (),
) -> None:
    """What this process has counted so far. Saying it again changes nothing. One transaction, the caller's."""
    whose = {"service": service, "holder": holder}
    await conn.execute(_SQL["save_windows"], {**whose, "windows": rows(map(_row, windows))})
    if stretches:
        await conn.execute(_SQL["save_stretches"], {**whose, "stretches": rows(map(_row, stretches))})


def _row(window: Window) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(figure(window)),
        "start": window.start,
        "seconds": window.seconds,
        "buckets": msgspec.to_builtins(window.buckets, str_keys=True),
    }


async def find_windows(
    conn: Connection, service: str, since: int, *, in_stretches: bool = False
) -> list[Window]:
    """Of all its processes, since this Unix time. With `in_stretches` in as few as possible: windows up to the first
    whole stretch, which are kept for STRETCHES_KEPT_DAYS, and those.
    """
    first = -(-since // STRETCH_SECONDS) * STRETCH_SECONDS if in_stretches else None
    parameters = {"service": service, "since": since, "stretches_from": first}
    cursor = await conn.execute(_SQL["find_windows"], parameters)
    found = cast("list[tuple[int, int, str, int, float, str]]", await cursor.fetchall())
    return [
        Window(
            start,
            {OK: successes, **_counts.decode(errors)},
            timeouts,
            seconds,
            _buckets.decode(buckets),
        )
        for start, successes, errors, timeouts, seconds, buckets in found
    ]


async def sum_outcomes(conn: Connection, seconds: float) -> list[tuple[str, str, int]]:
    """(service, ok or the error, calls) of the last seconds."""
    cursor = await conn.execute(_SQL["sum_outcomes"], {"seconds": seconds})
    return cast("list[tuple[str, str, int]]", await cursor.fetchall())


async def delete_windows(conn: Connection) -> int:
    """Forget some of those older than KEPT_DAYS; how many."""
    cursor = await conn.execute(_SQL["delete_windows"], {"days": KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount


async def delete_stretches(conn: Connection) -> int:
    """Forget some of those older than STRETCHES_KEPT_DAYS; how many."""
    cursor = await conn.execute(_SQL["delete_stretches"], {"days": STRETCHES_KEPT_DAYS, "limit": _CHUNK})
    return cursor.rowcount
