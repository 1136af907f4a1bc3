"""Checkpoints: what they say holds, and whoever goes back to one comes out where an unbroken run does."""

import random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from shared.domain.checkpoint import Due
from shared.domain.phases import PHASES, SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.errors import ConflictError, NotFoundError
from shared.store import control
from shared.store.audit import audit
from shared.store.checkpoints import (
    create_checkpoint,
    find_due,
    get_checkpoint,
    list_checkpoints,
    rewind,
    verify_checkpoint,
    write_checkpoint,
)
from shared.store.control import Act
from shared.store.counters import end_pipelines, fold_counters
from shared.store.jobs import complete_job
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import claim_all, finish_pipeline, record_all, start_pipeline
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

ACT = Act("ada", "garbage")
KEYWORDS = [f"keyword {n}" for n in range(12)]
ALL = [phase.name for phase in PHASES.values()]
MANDATORY = [phase.name for phase in PHASES.values() if phase.mandatory]
#: What a pipeline came to, but for who bought it and when.
CONTENT = """
    SELECT c.phase, i.key, c.content::text, s.state FROM items i
    JOIN pipeline_state s USING (pipeline_id, item_id) LEFT JOIN result_contents c USING (pipeline_id, item_id)
    WHERE pipeline_id = %s ORDER BY i.phase, i.key
"""


async def start(conn: Connection, **body: Any) -> UUID:
    return await start_pipeline(conn, **{"keywords": KEYWORDS, "content_types": ["organic"]} | body)


async def search(conn: Connection, pipeline_id: UUID, number: int) -> None:
    """So many searches are completed."""
    held = await claim(conn, await dispatch(conn, pipeline_id, size=number))
    assert held
    await record_all(conn, held)


async def mark(conn: Connection, pipeline_id: UUID, name: str) -> None:
    async with conn.transaction():
        await create_checkpoint(conn, pipeline_id, name, ACT)


async def go_back(conn: Connection, pipeline_id: UUID, name: str, *, rebuy: bool = False) -> Any:
    async with conn.transaction():
        return await rewind(conn, pipeline_id, name, ACT, rebuy=rebuy)


async def assert_sound(conn: Connection, pipeline_id: UUID) -> None:
    report = await audit(conn, pipeline_id)
    assert [check.detail for check in report.checks if not check.passed] == []


async def test_a_checkpoint_says_where_the_pipeline_stands(conn: Connection) -> None:
    """Counts by phase and state, the configuration's hash, and what was completed; later results are not its own."""
    pipeline_id = await start(conn)
    await search(conn, pipeline_id, 5)
    await mark(conn, pipeline_id, "five")
    await search(conn, pipeline_id, 7)
    five = await get_checkpoint(conn, pipeline_id, "five")
    assert (five.kind, five.completed, five.phase) == ("named", 5, None)
    assert five.counts[SERP_COLLECTION] == {"pending": 7, "processing": 0, "completed": 5}
    assert five.counts[VIDEO_ENRICHMENT] == {"pending": 5}
    assert [five.config_hash] == await fetch(conn, "SELECT config_hash FROM pipelines")
    assert (await verify_checkpoint(conn, pipeline_id, "five")).passed


async def test_a_checkpoints_content_is_that_of_the_results_whatever_their_order(conn: Connection) -> None:
    """Two pipelines that found the same, in other chunks and with other checkpoints on the way."""
    first, second = await start(conn), await start(conn)
    await search(conn, first, 12)
    for n, number in enumerate((1, 4, 7)):
        await search(conn, second, number)
        await mark(conn, second, f"on the way {n}".replace(" ", "-"))
    contents = set()
    for pipeline_id in (first, second):
        await finish_pipeline(conn, pipeline_id)
        await mark(conn, pipeline_id, "end")
        contents.add((await get_checkpoint(conn, pipeline_id, "end")).content)
    assert len(contents) == 1
    assert contents != {"0" * 32}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE results SET payload = payload || '{\"forged\": 1}' WHERE item_id = 1", "changed"),
        ("UPDATE rankings SET title = 'forged' WHERE item_id = 1 AND ordinal = 2", "changed"),
        ("UPDATE rankings SET ordinal = 9 - ordinal WHERE item_id = 1", "changed"),
        ("DELETE FROM results WHERE item_id = 1", "4 are there"),
        ("UPDATE results SET recorded_in = pg_current_xact_id() WHERE item_id = 1", "4 are there"),
        ("UPDATE pipelines SET config_hash = 'forged'", "configuration"),
    ],
)
async def test_a_changed_record_is_noticed_and_not_gone_back_to(
    conn: Connection, damage: str, said: str
) -> None:
    """A result, a ranking, a lost row, another configuration; nothing is changed by the attempt."""
    pipeline_id = await start(conn)
    await search(conn, pipeline_id, 5)
    await mark(conn, pipeline_id, "five")
    await control.pause(conn, pipeline_id, ACT)
    await conn.execute(damage.encode())
    verification = await verify_checkpoint(conn, pipeline_id, "five")
    assert not verification.passed
    assert said in verification.detail
    before = await dump(conn)
    with pytest.raises(ConflictError, match=said):
        await go_back(conn, pipeline_id, "five")
    assert await dump(conn) == before


async def test_what_commits_later_is_later_whenever_it_began(conn: Connection, postgres_url: str) -> None:
    """A transaction under way while the checkpoint is written is not before it, although its clock says so."""
    pipeline_id = await start(conn)
    held = await claim(conn, await dispatch(conn, pipeline_id, size=3))
    assert held
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as other:
        async with other.transaction():
            await record_all(other, held)
            await mark(conn, pipeline_id, "meanwhile")
        await search(conn, pipeline_id, 2)
    await mark(conn, pipeline_id, "after")
    assert (await get_checkpoint(conn, pipeline_id, "meanwhile")).completed == 0
    assert (await get_checkpoint(conn, pipeline_id, "after")).completed == 5
    for name in ("meanwhile", "after"):
        assert (await verify_checkpoint(conn, pipeline_id, name)).passed
    await control.pause(conn, pipeline_id, ACT)
    assert (await go_back(conn, pipeline_id, "meanwhile")).set_back == 5


@pytest.mark.parametrize("ended", [False, True])
async def test_a_rewound_pipeline_comes_out_as_an_unbroken_one(conn: Connection, *, ended: bool) -> None:
    """Paused in the middle or after its end; what only later results had named is gone, and found again."""
    unbroken = await start(conn, config={"phases": ALL})
    await finish_pipeline(conn, unbroken)
    pipeline_id = await start(conn, config={"phases": ALL})
    await search(conn, pipeline_id, 4)
    await mark(conn, pipeline_id, "four")
    await search(conn, pipeline_id, 4)
    await mark(conn, pipeline_id, "eight")
    if ended:
        await finish_pipeline(conn, pipeline_id)
    else:
        await control.pause(conn, pipeline_id, ACT)

    rewound = await go_back(conn, pipeline_id, "four")

    assert rewound.removed > 0
    assert rewound.checkpoints_removed == 1
    assert await fetch(conn, "SELECT state, ended_at FROM pipelines WHERE pipeline_id = %s", pipeline_id) == [
        ("running", None)
    ]
    states = "SELECT phase, state, count(*)::int FROM pipeline_state JOIN items USING (pipeline_id, item_id) WHERE pipeline_id = %s GROUP BY 1, 2 ORDER BY 1, 2"
    counted = {(phase, state): number for phase, state, number in await fetch(conn, states, pipeline_id)}
    assert counted[SERP_COLLECTION, "completed"] == 4
    assert counted[SERP_COLLECTION, "pending"] == 8
    assert counted[VIDEO_ENRICHMENT, "pending"] == 4
    assert (VIDEO_ENRICHMENT, "completed") not in counted
    assert [c.name for c in await list_checkpoints(conn, pipeline_id)] == ["four"]
    await assert_sound(conn, pipeline_id)
    await finish_pipeline(conn, pipeline_id)
    assert await fetch(conn, CONTENT, pipeline_id) == await fetch(conn, CONTENT, unbroken)
    await assert_sound(conn, pipeline_id)


async def test_attempts_of_what_is_named_no_more_go_with_it(conn: Connection) -> None:
    """Those of items that stay are their history."""
    pipeline_id = await start(conn)
    await mark(conn, pipeline_id, "start")
    await search(conn, pipeline_id, 1)
    await conn.execute(
        "INSERT INTO retry_history (pipeline_id, item_id, phase, attempt, category, codes, error)"
        " SELECT pipeline_id, item_id, phase, 1, 'recoverable', '{}', 'x' FROM items WHERE phase = %s"
        " OR phase = %s",
        (VIDEO_ENRICHMENT, SERP_COLLECTION),
    )
    async with conn.transaction():
        await control.pause(conn, pipeline_id, ACT)
    assert (await go_back(conn, pipeline_id, "start")).removed
    lost = "SELECT count(*) FROM retry_history h WHERE NOT EXISTS (SELECT FROM items i WHERE i.item_id = h.item_id)"
    assert await fetch(conn, lost) == [0]
    assert await fetch(conn, "SELECT count(*) FROM retry_history") == [len(KEYWORDS)]


async def test_failures_after_a_checkpoint_are_taken_back_and_those_before_are_not(conn: Connection) -> None:
    """Whatever was wrong in that hour; dead letters of items that are gone go with them."""
    pipeline_id = await start(conn)
    for name in ("before", "after"):
        held = await claim(conn, await dispatch(conn, pipeline_id, size=1))
        assert held
        ending = Ending(held.pipeline_id, held.items[0].item_id, held.job_id, held.phase, "failed", 1, error_category="recoverable", last_error=name)  # fmt: skip
        await record(conn, [Record(ending=ending)])
        await complete_job(conn, held.job_id, held.fence)
        if name == "before":
            await mark(conn, pipeline_id, "one")
    await control.pause(conn, pipeline_id, ACT)
    await go_back(conn, pipeline_id, "one")
    assert await fetch(conn, "SELECT last_error FROM pipeline_state WHERE state = 'failed'") == ["before"]
    await assert_sound(conn, pipeline_id)


async def test_facts_answer_again_unless_they_are_to_be_bought_anew(conn: Connection) -> None:
    """With `rebuy` those bought after the checkpoint count as old; the others, and all that rests on them, stay."""
    pipeline_id = await start(conn)
    await search(conn, pipeline_id, 5)
    await mark(conn, pipeline_id, "five")
    await search(conn, pipeline_id, 3)
    await mark(conn, pipeline_id, "eight")
    await search(conn, pipeline_id, 2)
    old = "SELECT count(*)::int FROM provider_facts WHERE fetched_at = 'epoch'"
    await control.pause(conn, pipeline_id, ACT)
    assert (await go_back(conn, pipeline_id, "eight")).facts_expired == 0
    await control.pause(conn, pipeline_id, ACT)
    assert await fetch(conn, old) == [0]
    assert (await go_back(conn, pipeline_id, "five", rebuy=True)).facts_expired == 5
    assert await fetch(conn, old) == [5]
    await assert_sound(conn, pipeline_id)


async def test_a_pipeline_that_works_cannot_be_rewound(conn: Connection) -> None:
    """Neither running nor with a call in flight; nor to a checkpoint that is not there. Nothing changes."""
    pipeline_id = await start(conn)
    await mark(conn, pipeline_id, "start")
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    with pytest.raises(ConflictError, match="running"):
        await go_back(conn, pipeline_id, "start")
    await control.pause(conn, pipeline_id, ACT)
    before = await dump(conn)
    with pytest.raises(ConflictError, match="1 jobs"):
        await go_back(conn, pipeline_id, "start")
    await record_all(conn, held)
    with pytest.raises(NotFoundError):
        await go_back(conn, pipeline_id, "nowhere")
    assert (await dump(conn))["pipelines"] == before["pipelines"]


async def test_a_name_is_given_once_and_only_where_checkpoints_are_written(conn: Connection) -> None:
    """A conflict says which of the two it is."""
    pipeline_id = await start(conn)
    await mark(conn, pipeline_id, "here")
    with pytest.raises(ConflictError, match="already"):
        await mark(conn, pipeline_id, "here")
    without = await start(conn, config={"enable_checkpoints": False})
    with pytest.raises(ConflictError, match="enable_checkpoints"):
        await mark(conn, without, "here")
    assert str(without) not in {row[0] for row in await find_due(conn)}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_rewound_and_resumed_the_record_stays_sound(conn: Connection, seed: int) -> None:
    """Random work, failures, checkpoints, pauses and rewinds: sound at every step, and in the end as an unbroken run."""
    unbroken = await start(conn, config={"phases": ALL})
    await finish_pipeline(conn, unbroken)
    pipeline_id, dice, names = await start(conn, config={"phases": ALL}), random.Random(seed), []
    for step in range(60):
        phase = dice.choice(ALL[:-1])
        held = None
        if await fetch(
            conn, "SELECT count(*) FROM ready WHERE pipeline_id = %s AND phase = %s", pipeline_id, phase
        ) != [0]:
            (batch,) = await fetch(conn, "SELECT min(batch_key) FROM ready WHERE pipeline_id = %s AND phase = %s", pipeline_id, phase)  # fmt: skip
            message = await dispatch(conn, pipeline_id, dice.randint(1, 4), phase=phase, batch_key=batch)
            held = await claim(conn, message, phase=phase)
        if held and dice.random() < 0.2:
            fails = [Ending(held.pipeline_id, i.item_id, held.job_id, phase, "failed", 1, error_category="recoverable", last_error="x") for i in held.items]  # fmt: skip
            await record(conn, [Record(ending=ending) for ending in fails])
            await complete_job(conn, held.job_id, held.fence)
        elif held:
            await record_all(conn, held)
        if dice.random() < 0.25:
            names.append(f"step-{step}")
            await mark(conn, pipeline_id, names[-1])
        if names and dice.random() < 0.1:
            await control.pause(conn, pipeline_id, ACT)
            await go_back(conn, pipeline_id, dice.choice(names), rebuy=dice.random() < 0.5)
            names = [c.name for c in await list_checkpoints(conn, pipeline_id)]
        if dice.random() < 0.1:
            await fold_counters(conn)
        await assert_sound(conn, pipeline_id)
        for name in names:
            assert (await verify_checkpoint(conn, pipeline_id, name)).passed
    await finish_pipeline(conn, pipeline_id)
    if await fetch(conn, "SELECT state FROM pipelines WHERE pipeline_id = %s", pipeline_id) != ["completed"]:
        await control.resume_pipeline(conn, pipeline_id)
        await finish_pipeline(conn, pipeline_id)
    assert await fetch(conn, CONTENT, pipeline_id) == await fetch(conn, CONTENT, unbroken)
    await assert_sound(conn, pipeline_id)


async def test_what_is_due_is_seen_from_counters_and_earlier_checkpoints(conn: Connection) -> None:
    """Also of a pipeline that has just ended; one that is written is not due again."""
    pipeline_id = await start(conn, config={"checkpoint_interval": 5})
    await finish_pipeline(conn, pipeline_id)
    ((found, interval, counted, last),) = await find_due(conn)
    assert (found, interval, last.completed) == (str(pipeline_id), 5, 0)
    assert (counted[SERP_COLLECTION].completed, counted[SERP_COLLECTION].open) == (12, 0)
    async with conn.transaction():
        assert await write_checkpoint(conn, pipeline_id, Due("items@24", "interval"))
        assert await write_checkpoint(conn, pipeline_id, Due("end", "phase", SERP_COLLECTION))
        assert not await write_checkpoint(conn, pipeline_id, Due("end", "phase", SERP_COLLECTION))
    ((_, _, _, last),) = await find_due(conn)
    assert (last.completed, last.phases) == (24, {SERP_COLLECTION: 12})
    async with conn.transaction():
        await end_pipelines(conn, MANDATORY)
    await conn.execute("UPDATE pipelines SET ended_at = now() - interval '2 minutes'")
    assert await find_due(conn) == []
