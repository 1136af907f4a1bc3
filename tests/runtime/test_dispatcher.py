"""Dispatch: a window of jobs at a time, fair, by priority, and again when a message was lost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from shared.config import Runtime
from shared.domain.message import Message
from shared.domain.phases import SERP_COLLECTION, of_service
from shared.domain.provider import Limits, Provider
from shared.runtime.dispatcher import IDLE_TICKS, Dispatcher
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection, Pool
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.pipelines import record_all
from shared.testing.provider import ScriptedProvider
from shared.testing.rows import fetch

pytestmark = pytest.mark.anyio

#: One call at once: eight items may be in open jobs, each in a job of its own.
PROVIDER = replace(ScriptedProvider().provider, limits=Limits(1))
WINDOW = 8
VIDEOS = replace(PROVIDER, service="media", items_per_call=5)
OPEN = "SELECT item_ids FROM job_queue WHERE state IN ('pending', 'dispatched', 'processing') ORDER BY job_id"


class Sent:
    """A dispatcher and the messages it has sent, one list per round; `away` makes Redis unreachable."""

    def __init__(self, pool: Pool, provider: Provider = PROVIDER, **settings: Any) -> None:
        runtime = Runtime(**({"redispatch_seconds": 600.0, "linger_seconds": 600.0} | settings))
        self.away = False
        self._service = provider.service
        self.rounds: list[list[Message]] = []
        self._dispatcher = Dispatcher(pool, provider, of_service(provider.service), runtime, self._publish)

    async def _publish(self, queue: str, messages: Sequence[Message]) -> None:
        if self.away:
            raise OSError("Redis is away")
        assert queue == self._service
        self.rounds.append(list(messages))

    async def round(self) -> list[Message]:
        """What one round sends."""
        before = len(self.rounds)
        await self._dispatcher.round()
        return self.rounds[-1] if len(self.rounds) > before else []

    async def pause(self) -> float:
        return await self._dispatcher.round()


async def owners(conn: Connection) -> Counter[str]:
    """Items in open jobs by pipeline."""
    query = "SELECT pipeline_id::text, cardinality(item_ids) FROM job_queue WHERE state = 'dispatched'"
    counted = Counter[str]()
    for pipeline_id, items in await fetch(conn, query):
        counted[pipeline_id] += items
    return counted


async def test_a_window_of_items_is_in_open_jobs(pool: Pool, conn: Connection) -> None:
    """The rest stays due until one of them has ended."""
    await start_searches(conn, 20)
    sent = Sent(pool)
    messages = await sent.round()
    assert len(messages) == WINDOW
    assert sum(map(len, await fetch(conn, OPEN))) == WINDOW
    assert await fetch(conn, "SELECT DISTINCT state FROM job_queue") == ["dispatched"]
    assert await sent.round() == []
    for message in messages[:3]:
        held = await claim(conn, message)
        assert held
        await record_all(conn, held)
    assert len(await sent.round()) == 3
    assert await fetch(conn, "SELECT count(*) FROM ready WHERE phase = 'serp_collection'") == [
        20 - WINDOW - 3
    ]


async def test_every_due_item_is_dispatched_once(pool: Pool, conn: Connection) -> None:
    """Round after round, until nothing is due."""
    await start_searches(conn, 20)
    sent = Sent(pool)
    while messages := await sent.round():
        for message in messages:
            held = await claim(conn, message)
            assert held
            await record_all(conn, held)
    assert await fetch(conn, "SELECT count(*), count(DISTINCT i) FROM job_queue, unnest(item_ids) i") == [
        (20, 20)
    ]


async def test_rounds_come_faster_while_there_is_work(pool: Pool, conn: Connection) -> None:
    """A tick then, several when nothing is due."""
    sent = Sent(pool, tick_seconds=0.1)
    assert await sent.pause() == pytest.approx(0.1 * IDLE_TICKS)
    await start_searches(conn, 1)
    assert await sent.pause() == pytest.approx(0.1)


async def test_a_lost_message_is_sent_again(pool: Pool, conn: Connection) -> None:
    """Redis forgot it: after a while another goes out for the same job, and only that one counts."""
    await start_searches(conn, 2)
    first = await Sent(pool).round()
    assert await Sent(pool).round() == []
    again = await Sent(pool, redispatch_seconds=0.0).round()
    assert again == [Message(message.job_id, message.fence + 1) for message in first]
    assert await claim(conn, first[0]) is None
    assert await claim(conn, again[0])


async def test_what_could_not_be_sent_is_sent_later(pool: Pool, conn: Connection) -> None:
    """With Redis away the jobs are made and kept; nothing is lost and nothing made twice."""
    await start_searches(conn, 2)
    sent = Sent(pool, redispatch_seconds=0.0)
    sent.away = True
    with pytest.raises(OSError, match="away"):
        await sent.round()
    assert await fetch(conn, "SELECT state FROM job_queue") == ["pending", "pending"]
    sent.away = False
    assert len(await sent.round()) == 2
    assert await fetch(conn, "SELECT state FROM job_queue") == ["dispatched", "dispatched"]


async def test_a_higher_priority_goes_first(pool: Pool, conn: Connection) -> None:
    """Whoever came earlier."""
    await start_searches(conn, 20, config={"priority": "low"})
    high = await start_searches(conn, 5, config={"priority": "high"})
    normal = await start_searches(conn, 20)
    await Sent(pool).round()
    assert await owners(conn) == {str(high): 5, str(normal): 3}


async def test_pipelines_of_one_priority_share_the_window(pool: Pool, conn: Connection) -> None:
    """A small one that comes later does not wait for the large one to end."""
    large, small = await start_searches(conn, 100), await start_searches(conn, 4)
    await Sent(pool).round()
    assert await owners(conn) == {str(large): WINDOW / 2, str(small): WINDOW / 2}


async def test_suspects_get_jobs_of_their_own(pool: Pool, conn: Connection) -> None:
    """As large as their chunk, however many items a job may have otherwise, and their messages say so."""
    await start_searches(conn, 7)
    await conn.execute(
        "UPDATE ready SET chunk = 2 WHERE item_id IN (SELECT item_id FROM ready ORDER BY 1 LIMIT 3)"
    )
    messages = await Sent(pool, replace(PROVIDER, items_per_call=4)).round()
    assert list(map(len, await fetch(conn, OPEN))) == [4, 2, 1]
    assert [message.suspect for message in messages] == [False, True, True]


async def test_a_waiting_item_is_dispatched_when_its_moment_has_come(pool: Pool, conn: Connection) -> None:
    """The round wakes it."""
    held = await claim(conn, await dispatch(conn, await start_searches(conn, 2)))
    assert held
    waits = [
        Ending(held.pipeline_id, item.item_id, held.job_id, held.phase, "pending", 0, seconds, "rate")
        for item, seconds in zip(held.items, (-1.0, 60.0), strict=True)
    ]
    await record(conn, [Record(ending=ending) for ending in waits])
    assert len(await Sent(pool).round()) == 1
    assert await fetch(conn, "SELECT item_id FROM waiting") == [held.items[1].item_id]


async def found(conn: Connection, searches: int) -> UUID:
    """A pipeline whose searches have found as many videos, all but one search done."""
    pipeline_id = await start_searches(conn, searches + 1)
    for _ in range(searches):
        held = await claim(conn, await dispatch(conn, pipeline_id, 1))
        assert held
        await record_all(conn, held)
    return pipeline_id


async def test_a_partial_batch_lingers_while_upstream_may_fill_it(pool: Pool, conn: Connection) -> None:
    """Five videos fit a call: of seven, five go at once and two wait, until the last search has ended."""
    pipeline_id = await found(conn, 7)
    sent = Sent(pool, VIDEOS)
    await sent.round()
    assert [len(ids) for ids in await fetch(conn, OPEN)] == [5]
    assert await sent.round() == []
    held = await claim(conn, await dispatch(conn, pipeline_id, phase=SERP_COLLECTION))
    assert held
    await record_all(conn, held)
    assert len(await sent.round()) == 1
    assert await fetch(conn, "SELECT count(*) FROM ready") == [0]


async def test_a_partial_batch_does_not_linger_for_ever(pool: Pool, conn: Connection) -> None:
    """When its oldest item has been due for long enough it leaves as it is."""
    await found(conn, 2)
    assert await Sent(pool, VIDEOS).round() == []
    assert len(await Sent(pool, VIDEOS, linger_seconds=0.0).round()) == 1
