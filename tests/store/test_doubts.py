"""Calls in doubt: listed at what they may have cost, decided by an operator, and held against what is bought."""

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from shared.errors import NotFoundError
from shared.store.audit import audit
from shared.store.calls import Intent, insert_calls
from shared.store.control import Act, list_actions
from shared.store.doubts import Decision, decide_calls, list_doubted_calls
from shared.store.jobs import Claim, reap_jobs
from shared.store.lookups import Availability, Want, look_up
from shared.store.outcomes import BoughtFact, Record, Settlement, record
from shared.store.pool import Connection
from shared.testing.jobs import hold
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

KEYS = tuple(f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
ACT = Act("ann", "asked the provider")
HELD = "SELECT DISTINCT fact_key::text FROM doubted_facts ORDER BY 1"


async def doubt(conn: Connection, job: Claim, keys: tuple[str, ...] = KEYS) -> str:
    """A call whose connection broke, for at most 4 units at 0.5."""
    call_id = await leave(conn, job, keys)
    await end(conn, call_id, "in_doubt", "recoverable")
    return call_id


async def leave(conn: Connection, job: Claim, keys: tuple[str, ...] = KEYS) -> str:
    intent = Intent(
        str(uuid7()), job.pipeline_id, job.job_id, job.fence, "p", "e", len(keys), "p", None, 4.0, 2.0, keys
    )
    assert await insert_calls(conn, [intent])
    return intent.call_id


async def end(conn: Connection, call_id: str, state: str, outcome: str, units: float | None = None) -> None:
    money = None if units is None else units / 2
    settlement = Settlement(call_id, "serp_collection", state, outcome, units=units, money=money)
    await record(conn, [Record(settlement)])


async def ask(conn: Connection, job: Claim, *, hold: bool = True, freshness: float = 60.0) -> list[object]:
    """What each of KEYS gets; a flight that begins is over at once."""
    wants = [
        Want(key, freshness, job.settings.started_at + 3600, job.job_id, str(uuid7()), hold=hold)
        for key in KEYS
    ]
    found: list[object] = list(await look_up(conn, wants))
    await conn.execute("DELETE FROM flights")
    return found


async def test_a_purchase_in_doubt_is_listed_at_what_it_may_have_cost(conn: Connection) -> None:
    """Newest first, with its id, which the provider was told; what came to a known end is not among them."""
    job = await hold(conn)
    first, second = await doubt(conn, job), await doubt(conn, job, KEYS[:1])
    await end(conn, await leave(conn, job), "settled", "recoverable", 0.0)

    listed = await list_doubted_calls(conn, UUID(job.pipeline_id))

    assert [str(call.call_id) for call in listed] == [second, first]
    assert (listed[1].subjects, listed[1].units, listed[1].money, listed[1].decision) == (2, 4.0, 2.0, None)
    assert [str(call.call_id) for call in await list_doubted_calls(conn, UUID(job.pipeline_id), 1)] == [
        second
    ]
    with pytest.raises(NotFoundError):
        await list_doubted_calls(conn, uuid7())


async def test_a_fact_whose_purchase_is_in_doubt_is_held_where_that_is_the_policy(conn: Connection) -> None:
    """Whoever may buy again buys; a fact that would not be fresh any more is no second purchase."""
    job = await hold(conn)
    await doubt(conn, job, KEYS[:1])

    assert await ask(conn, job) == [Availability.DOUBTED, Availability.BUY]
    assert await ask(conn, job, hold=False) == [Availability.BUY] * 2
    await conn.execute("UPDATE provider_calls SET sent_at = now() - interval '2 minutes'")
    assert await ask(conn, job) == [Availability.BUY] * 2


async def test_nobody_is_told_to_wait_for_a_flight_that_is_held(conn: Connection) -> None:
    """A look-up that ends in doubt leaves no flight."""
    job = await hold(conn)
    await doubt(conn, job)
    wants = [Want(key, 60.0, job.settings.started_at, job.job_id, str(uuid7()), hold=True) for key in KEYS]
    assert await look_up(conn, wants) == [Availability.DOUBTED] * 2
    assert await fetch(conn, "SELECT count(*) FROM flights") == [0]


async def test_a_dead_workers_calls_hold_their_facts_too(conn: Connection) -> None:
    """Until its late answer comes after all."""
    job = await hold(conn, lease_seconds=-1.0)
    call_id = await leave(conn, job)
    await reap_jobs(conn, "serp", "serp_collection", 5)
    assert await fetch(conn, HELD) == list(KEYS)

    await end(conn, call_id, "settled", "ok", 1.0)

    assert await fetch(conn, HELD) == []
    assert await list_doubted_calls(conn, UUID(job.pipeline_id)) == []


async def test_what_is_bought_by_other_means_is_in_doubt_no_more(conn: Connection) -> None:
    """The call's cost stays unknown, but holds nothing up."""
    job = await hold(conn)
    call_id = await doubt(conn, job)
    await record(conn, [Record(facts=(BoughtFact(KEYS[0], str(uuid7()), "p", "e", "s", {}, {}),))])

    assert await fetch(conn, HELD) == [KEYS[1]]
    (listed,) = await list_doubted_calls(conn, UUID(job.pipeline_id))
    assert (str(listed.call_id), listed.holds) == (call_id, True)


@pytest.mark.parametrize(
    ("decision", "state", "units", "committed"),
    [
        ("rebuy", "in_doubt", None, 2.0),
        ("charged", "settled", 4.0, 2.0),
        ("not_charged", "settled", 0.0, 0.0),
    ],
)
async def test_a_decision_lets_its_facts_be_bought(
    conn: Connection, decision: Decision, state: str, units: float | None, committed: float
) -> None:
    """What is known to have cost nothing is given back to the budget; items that wait for it look again at once."""
    job = await hold(conn)
    pipeline_id = UUID(job.pipeline_id)
    await conn.execute("UPDATE pipeline_budgets SET budget = 10 WHERE pipeline_id = %s", (job.pipeline_id,))
    await doubt(conn, job)
    await conn.execute(
        "INSERT INTO waiting (pipeline_id, item_id, phase, reason, next_at)"
        " SELECT pipeline_id, item_id, phase, 'in_doubt', now() + interval '1 h' FROM items"
    )

    async with conn.transaction():
        assert await decide_calls(conn, pipeline_id, decision, None, ACT) == 1
        assert await decide_calls(conn, pipeline_id, decision, None, ACT) == 0

    assert await fetch(conn, "SELECT state, units FROM provider_calls") == [(state, units)]
    assert await fetch(conn, "SELECT committed FROM pipeline_budgets") == [committed]
    assert await ask(conn, job) == [Availability.BUY] * 2
    assert await fetch(conn, "SELECT next_at <= now() FROM waiting") == [True]
    (action,) = await list_actions(conn, pipeline_id)
    assert (action.actor, action.reason) == (ACT.actor, ACT.reason)
    assert action.detail == {"decision": decision, "calls": 1}
    checks = {check.name: check.passed for check in (await audit(conn, pipeline_id)).checks}
    assert checks["spending"]
    assert checks["ledger"]


async def test_a_decision_about_unknown_calls_changes_nothing(conn: Connection) -> None:
    """Neither about another pipeline's."""
    job, other = await hold(conn), await hold(conn)
    mine = await doubt(conn, job)
    with pytest.raises(NotFoundError, match="in doubt"):
        await decide_calls(conn, UUID(other.pipeline_id), "rebuy", [UUID(mine)], ACT)
    with pytest.raises(NotFoundError):
        await decide_calls(conn, uuid7(), "rebuy", None, ACT)
    assert await fetch(conn, "SELECT decision FROM provider_calls") == [None]
