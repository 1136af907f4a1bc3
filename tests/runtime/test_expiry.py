"""What is kept for a time only is deleted after it, and not before."""

import pytest

from shared.runtime.expiry import ROUND_SECONDS, Expiry
from shared.store.audit_log import Write, open_entry
from shared.store.idempotency import Asked, claim
from shared.store.pool import Connection, Pool, unit_of_work
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio


async def test_what_is_old_goes_and_what_is_young_stays(pool: Pool, conn: Connection) -> None:
    """One round is enough for a little."""
    for n in range(2):
        await open_entry(conn, Write(f"a{n}", None, "token", "x", "/x", "", "r"))
        async with unit_of_work(pool) as own:
            await claim(own, Asked("token", "/x", f"k{n}", b""))
    await conn.execute("UPDATE audit_log SET asked_at = now() - interval '367 days' WHERE actor = 'a0'")
    await conn.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'k0'"
    )

    assert await Expiry(pool).round() == ROUND_SECONDS

    assert await fetch(conn, "SELECT actor FROM audit_log") == ["a1"]
    assert await fetch(conn, "SELECT key FROM idempotency_keys") == ["k1"]
