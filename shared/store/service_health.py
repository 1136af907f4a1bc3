"""What the calls of services came to by the minute: written by workers, read by the gateway, forgotten in time."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from shared.domain.service_health import OK, Window, figure
from shared.store import queries
from shared.store.pool import Connection
from shared.store.rows import rows

_SQL = queries.load("service_health")

_counts = msgspec.json.Decoder(dict[str, int])
_buckets = msgspec.json.Decoder(dict[int, int])

#: How long windows are kept.
KEPT_DAYS: Final = 30
#: Rows deleted at once.
_CHUNK: Final = 50_000


async def save_windows(conn: Connection, service: str, holder: str, windows: Sequence[Window]) -> None:
    """What this process has counted so far. Saying it again changes nothing."""
    told: list[dict[str, Any]] = [
        {
            **msgspec.to_builtins(figure(window)),
            "start": window.start,
            "seconds": window.seconds,
            "buckets": msgspec.to_builtins(window.buckets, str_keys=True),
        }
        for window in windows
    ]
    await conn.execute(_SQL["save_windows"], {"service": service, "holder": holder, "windows": rows(told)})


async def find_windows(conn: Connection, service: str, since: float) -> list[Window]:
    """Of all its processes, since this Unix time."""
    cursor = await conn.execute(_SQL["find_windows"], {"service": service, "since": since})
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
