"""Firing: each moment once, however many gateways there are and whenever they die; and what came of it is on record."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from services.gateway.dependencies import Gateway
from services.gateway.schedules import firing
from services.gateway.schedules.firing import fire_due
from shared.config import Settings
from shared.domain.start import DEFAULT_MODEL
from shared.store.pool import Connection, Pool
from shared.store.schedules import delete_old_fires
from shared.testing.eventually import eventually
from shared.testing.locks import until_blocked
from shared.testing.pipelines import finish_pipeline
from shared.testing.rows import fetch
from tests.gateway.operator import TOKEN
from tests.gateway.test_plan import profile
from tests.gateway.test_schedules import SCHEDULES, schedule

pytestmark = pytest.mark.anyio

#: Far away, so that no gateway's own loop fires what a test fires by hand.
YEARLY = "0 0 1 1 *"


@pytest.fixture
async def gateway(pool: Pool) -> Gateway:
    """What a gateway fires with, without its loop."""
    return Gateway(pool, "simulator", (), DEFAULT_MODEL, None)


async def make_due(conn: Connection, schedule_id: str, ago: timedelta = timedelta(minutes=3)) -> None:
    """Its next moment has passed."""
    await conn.execute(
        "UPDATE schedules SET next_fire_at = now() - %s WHERE schedule_id = %s", (ago, schedule_id)
    )


async def fires(conn: Connection, *columns: str) -> list[Any]:
    """The oldest first."""
    return await fetch(conn, f"SELECT {', '.join(columns)} FROM schedule_fires ORDER BY fire_id")  # noqa: S608 - of the tests


async def states(conn: Connection) -> list[str]:
    """Of all pipelines, in the order of their start."""
    return await fetch(conn, "SELECT state FROM pipelines ORDER BY created_at")


async def due_schedule(conn: Connection, url: str, **fields: Any) -> str:
    """A schedule that is due, made over the API of a gateway that is gone by then."""
    app = create_app(Settings(postgres_url=url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        made = await schedule(client, **{"cron": YEARLY} | fields)
    await make_due(conn, made["schedule_id"])
    return str(made["schedule_id"])


async def test_a_due_schedule_fires_once_over_many_gateways(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """Twelve looks at the same time begin one pipeline, and the schedule has moved on."""
    await due_schedule(conn, postgres_url)
    fired = await asyncio.gather(*(fire_due(gateway) for _ in range(12)))
    assert sum(fired) == 1
    assert await states(conn) == ["running"]
    assert await fires(conn, "outcome") == ["started"]
    assert await fetch(conn, "SELECT next_fire_at > now() FROM schedules") == [True]
    assert await fire_due(gateway) == 0


async def test_the_audit_log_names_the_schedule(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """As the actor, with the moment it was for, and how it went."""
    schedule_id = await due_schedule(conn, postgres_url, name="weekly")
    await fire_due(gateway)
    query = "SELECT actor, key_name, operation, path, status, reason FROM audit_log ORDER BY entry_id DESC LIMIT 1"
    ((actor, key, operation, path, status, reason),) = await fetch(conn, query)
    assert (actor, key, operation, status) == ("schedule weekly", "schedule", "fireSchedule", 201)
    assert path == f"{SCHEDULES}/{schedule_id}"
    assert reason.startswith("due 20")


async def test_what_was_missed_is_one_fire(gateway: Gateway, conn: Connection, postgres_url: str) -> None:
    """A schedule of every minute that nobody fired for three hours fires once, for the first moment of them."""
    schedule_id = await due_schedule(conn, postgres_url, overlap="allow")
    await conn.execute("UPDATE schedules SET cron = '* * * * *'")
    await make_due(conn, schedule_id, timedelta(hours=3))
    assert [await fire_due(gateway) for _ in range(3)] == [1, 0, 0]
    assert await fires(conn, "now() - due_at > interval '179 minutes'") == [True]
    assert await fetch(conn, "SELECT next_fire_at - now() <= interval '1 minute' FROM schedules") == [True]


async def test_skip_leaves_the_earlier_pipeline_alone(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """While it runs or is paused the fire is skipped, with the reason on record; after its end it starts another one."""
    schedule_id = await due_schedule(conn, postgres_url)
    for state in ("running", "paused"):
        await fire_due(gateway)
        await make_due(conn, schedule_id, timedelta(minutes=2))
        await conn.execute("UPDATE pipelines SET state = %s", (state,))
        assert await fire_due(gateway) == 1
        await make_due(conn, schedule_id, timedelta(minutes=1 if state == "running" else 0))
    assert await states(conn) == ["paused"]
    skipped = "a pipeline of this schedule is still under way"
    assert (await fires(conn, "outcome", "reason"))[:3] == [
        ("started", ""),
        ("skipped", skipped),
        ("skipped", skipped),
    ]
    assert await fetch(conn, "SELECT status FROM audit_log ORDER BY entry_id DESC LIMIT 1") == [409]
    await conn.execute("UPDATE pipelines SET state = 'running'")
    (pipeline_id,) = await fetch(conn, "SELECT pipeline_id FROM pipelines")
    await finish_pipeline(conn, UUID(str(pipeline_id)))
    await make_due(conn, schedule_id, timedelta(seconds=30))
    await fire_due(gateway)
    assert (await states(conn))[1:] == ["running"]


async def test_allow_starts_another_one_beside_it(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """Both run."""
    schedule_id = await due_schedule(conn, postgres_url, overlap="allow")
    await fire_due(gateway)
    await make_due(conn, schedule_id, timedelta(minutes=1))
    await fire_due(gateway)
    assert await states(conn) == ["running", "running"]


async def test_cancel_previous_ends_it_and_starts_another_one(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """In one transaction; the earlier one says who cancelled it, and what it had open is skipped."""
    schedule_id = await due_schedule(conn, postgres_url, overlap="cancel_previous")
    await fire_due(gateway)
    await make_due(conn, schedule_id, timedelta(minutes=1))
    await fire_due(gateway)
    assert await states(conn) == ["cancelled", "running"]
    (first, second) = await fires(conn, "pipeline_id", "cancelled")
    assert second[1] == [first[0]]
    actions = await fetch(conn, "SELECT action, actor FROM pipeline_actions WHERE pipeline_id = %s", first[0])
    assert actions == [("cancel", "schedule crm")]
    open_ = "SELECT count(*)::int FROM pipeline_state WHERE pipeline_id = %s AND state = 'pending'"
    assert await fetch(conn, open_, first[0]) == [0]


async def test_a_refused_start_is_on_record_with_its_reason(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """Its budget is too small by now: nothing is started nor cancelled, and the schedule goes on."""
    start = {"keywords": ["crm"], "regions": ["US"], "content_types": ["organic"], "config": {"budget": 0.25}}
    schedule_id = await due_schedule(conn, postgres_url, overlap="cancel_previous", start=start)
    await fire_due(gateway)
    await profile(conn, "serp", "scale_serp", 0.5)
    await make_due(conn, schedule_id, timedelta(minutes=1))
    assert await fire_due(gateway) == 1
    assert await states(conn) == ["running"]
    _, (outcome, reason, pipeline_id) = await fires(conn, "outcome", "reason", "pipeline_id")
    assert (outcome, pipeline_id) == ("refused", None)
    assert "/config/budget: the least it will cost is 1.00" in reason
    assert await fetch(conn, "SELECT status FROM audit_log ORDER BY entry_id DESC LIMIT 1") == [422]
    assert await fetch(conn, "SELECT next_fire_at > now() FROM schedules") == [True]
    shown = await fetch(conn, "SELECT count(*)::int FROM items")
    assert shown == [3]


async def test_what_the_installation_no_longer_takes_is_refused_too(
    conn: Connection, pool: Pool, postgres_url: str
) -> None:
    """The service of a mandatory phase does not run here any more: said at the fire, as at a start."""
    await due_schedule(conn, postgres_url)
    without = Gateway(pool, "simulator", ("media",), DEFAULT_MODEL, None)
    assert await fire_due(without) == 1
    ((outcome, reason),) = await fires(conn, "outcome", "reason")
    assert outcome == "refused"
    assert "the service serp does not run here" in reason


async def test_schedules_that_cannot_be_fired_hold_up_no_other(
    gateway: Gateway, conn: Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as one look takes, each longer overdue: the look after that fires the one behind them. They stay due."""
    monkeypatch.setattr(firing, "BLOCK", 2)
    monkeypatch.setattr(firing, "_resting", {})
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        for name in ("broken", "broken as well", "sound"):
            await schedule(client, cron=YEARLY, name=name)
    await conn.execute(
        "UPDATE schedules SET time_zone = CASE name WHEN 'sound' THEN 'UTC' ELSE 'Nowhere' END,"
        " next_fire_at = now() - CASE name WHEN 'sound' THEN interval '1 minute' ELSE interval '1 day' END"
    )
    assert [await fire_due(gateway) for _ in range(2)] == [0, 1]
    assert await fires(conn, "actor") == ["schedule sound"]
    assert await fetch(conn, "SELECT name FROM schedules WHERE next_fire_at < now() ORDER BY name") == [
        "broken",
        "broken as well",
    ]


async def test_an_edited_or_paused_schedule_does_not_fire_for_what_was_seen_before(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """Between the look and the claim somebody pauses it: the claim finds it moved."""
    await due_schedule(conn, postgres_url)
    async with conn.transaction():
        await conn.execute("SELECT FROM schedules FOR UPDATE")
        assert await fire_due(gateway) == 0
        await conn.execute("UPDATE schedules SET next_fire_at = NULL, paused_at = now()")
    assert await fire_due(gateway) == 0
    assert await states(conn) == []


async def test_a_clock_that_goes_back_fires_no_moment_twice(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """A moment that has fired only moves the schedule on."""
    await due_schedule(conn, postgres_url)
    await fire_due(gateway)
    await conn.execute("UPDATE schedules SET next_fire_at = (SELECT due_at FROM schedule_fires)")
    assert await fire_due(gateway) == 0
    assert await fires(conn, "outcome") == ["started"]
    assert await fetch(conn, "SELECT next_fire_at > now() FROM schedules") == [True]


@contextmanager
def process(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway as a process of its own, with its loop."""
    environment = os.environ | {"LANDSCAPE_POSTGRES_URL": url, "LANDSCAPE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "uvicorn", "--factory", "services.gateway.app:create_app", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as one:
        try:
            yield one
        finally:
            one.kill()


async def test_a_gateway_killed_at_a_fire_neither_loses_nor_doubles_it(
    conn: Connection, postgres_url: str
) -> None:
    """Killed with the pipeline begun and the fire not yet written, then another one takes over, and is killed after it."""
    await due_schedule(conn, postgres_url)
    with process(postgres_url) as first:
        async with conn.transaction():
            await conn.execute("LOCK TABLE schedule_fires IN EXCLUSIVE MODE")
            await until_blocked(conn)
            first.send_signal(signal.SIGKILL)
            first.wait()
    assert await states(conn) == []
    with process(postgres_url) as second:
        await eventually(lambda: fires(conn, "outcome"))
        second.send_signal(signal.SIGKILL)
        second.wait()
    with process(postgres_url), process(postgres_url):
        # Whatever these two do about it, they have done once they fire something else.
        await due_schedule(conn, postgres_url, name="other")

        async def fired_both() -> bool:
            return len(await fires(conn, "outcome")) > 1

        await eventually(fired_both)
    assert await fires(conn, "outcome") == ["started", "started"]
    assert await states(conn) == ["running", "running"]


async def test_old_fires_are_forgotten_but_for_what_is_under_way(
    gateway: Gateway, conn: Connection, postgres_url: str
) -> None:
    """A year later; a pipeline that still runs stays in the way of the next."""
    schedule_id = await due_schedule(conn, postgres_url)
    await fire_due(gateway)
    await make_due(conn, schedule_id, timedelta(minutes=1))
    await fire_due(gateway)
    assert await delete_old_fires(conn) == 0
    await conn.execute("UPDATE schedule_fires SET fired_at = now() - interval '400 days'")
    assert await delete_old_fires(conn) == 1
    assert await fires(conn, "outcome") == ["started"]
