"""A call refused for the sake of some of its items: the others are served, nothing is bought twice."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.provider import Limits
from shared.store.audit import audit
from shared.store.pool import Connection
from shared.testing.jobs import dispatch, start_searches
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.rows import fetch
from shared.testing.worker import Worker, open_worker

pytestmark = pytest.mark.anyio

STATES = "SELECT i.key LIKE '%bad%', s.state, s.attempts, s.error_category FROM items i JOIN pipeline_state s USING (item_id) ORDER BY 1, i.item_id"


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(per_call=8, items_per_call=8, culprits=("error.index",))


@pytest.fixture
async def worker(postgres_url: str, provider: ScriptedProvider) -> AsyncIterator[Worker]:
    async with open_worker(postgres_url, provider) as worker:
        yield worker


def _spoil(provider: ScriptedProvider, *, named: bool) -> None:
    async def reply(subjects: list[str]) -> httpx.Response:
        bad = [n for n, subject in enumerate(subjects) if "bad" in subject]
        if bad:
            return httpx.Response(400, json={"error": {"index": bad if named else "?"}})
        return answers(subjects)

    provider.reply = reply


@pytest.mark.parametrize(("named", "calls"), [(True, 2), (False, 7)])
async def test_only_the_culprit_fails(
    worker: Worker, conn: Connection, provider: ScriptedProvider, named: bool, calls: int
) -> None:
    """Named by the provider or found by halves; the rest is completed with one attempt and one purchase each."""
    _spoil(provider, named=named)
    pipeline_id = await start_searches(conn, 8, keywords=[*(f"good {n}" for n in range(7)), "bad"])

    await worker.processor.process(await dispatch(conn, pipeline_id))

    assert await fetch(conn, STATES) == [
        *[(False, "completed", 1, None)] * 7,
        (True, "failed", 1, "non_recoverable"),
    ]
    assert len(provider.requests) == calls
    assert (await audit(conn, pipeline_id)).passed
    assert await fetch(conn, "SELECT count(*) FROM provider_facts GROUP BY subject") == [1] * 7


async def test_a_request_that_is_wrong_as_a_whole_is_soon_given_up(
    worker: Worker, conn: Connection, provider: ScriptedProvider
) -> None:
    """Not one call per item."""

    async def reply(_: list[str]) -> httpx.Response:
        return httpx.Response(400)

    provider.reply = reply
    await worker.processor.process(await dispatch(conn, await start_searches(conn, 8)))

    assert await fetch(conn, "SELECT DISTINCT state FROM pipeline_state") == ["failed"]
    assert await fetch(conn, "SELECT state FROM job_queue") == ["completed"]
    assert len(provider.requests) <= 15


async def test_nobody_is_searched_for_where_the_request_itself_is_wrong(
    postgres_url: str, conn: Connection
) -> None:
    """The provider's rules may say so: one call, and all of its items fail."""
    wrong = ErrorRule(ErrorCategory.NON_RECOVERABLE, status=400, pattern="region", whole=True)
    provider = ScriptedProvider(per_call=8, items_per_call=8, errors=(wrong,))

    async def reply(_: list[str]) -> httpx.Response:
        return httpx.Response(400, text="no such region")

    provider.reply = reply
    async with open_worker(postgres_url, provider) as worker:
        await worker.processor.process(await dispatch(conn, await start_searches(conn, 8)))

    assert len(provider.requests) == 1
    assert await fetch(conn, "SELECT DISTINCT state FROM pipeline_state") == ["failed"]


async def test_limits_are_kept_while_searching(postgres_url: str, conn: Connection) -> None:
    """The halves are asked for one after the other, through the gate like every call."""
    provider = ScriptedProvider(per_call=8, items_per_call=8, concurrency=1)
    assert provider.provider.limits == Limits(1)
    _spoil(provider, named=False)
    async with open_worker(postgres_url, provider) as worker:
        await worker.processor.process(
            await dispatch(
                conn, await start_searches(conn, 8, keywords=["bad", *(f"good {n}" for n in range(7))])
            )
        )

    assert await fetch(conn, "SELECT state, count(*) FROM pipeline_state GROUP BY 1 ORDER BY 1") == [
        ("completed", 7),
        ("failed", 1),
    ]
