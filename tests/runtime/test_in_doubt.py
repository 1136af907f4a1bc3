"""What is bought again after a call whose end nobody knows, and what is not."""

from uuid import UUID

import httpx
import pytest

from shared.domain.gate import GateShut
from shared.domain.provider import InDoubt
from shared.errors import TransportError
from shared.store.control import Act
from shared.store.doubts import decide_calls
from shared.store.jobs import Claim
from shared.store.pool import Connection
from shared.testing.jobs import hold
from shared.testing.provider import ScriptedProvider
from shared.testing.worker import open_worker

pytestmark = pytest.mark.anyio


async def breaks(_: list[str]) -> httpx.Response:
    raise httpx.ReadError("x")


async def spoil(postgres_url: str, scripted: ScriptedProvider, job: Claim) -> None:
    """A purchase of a.com whose connection breaks."""
    answer, scripted.reply = scripted.reply, breaks
    async with open_worker(postgres_url, scripted) as worker:
        with pytest.raises(TransportError):
            await worker.buyer.buy(job, scripted.endpoint, ["a.com"], {})
        await worker.recorder.drain()
    scripted.reply = answer
    scripted.requests.clear()


@pytest.mark.parametrize(("policy", "again"), [("rebuy", [["a.com", "b.com"]]), ("hold", [["b.com"]])])
async def test_what_is_in_doubt_is_bought_again_or_held(
    postgres_url: str, conn: Connection, policy: InDoubt, again: list[list[str]]
) -> None:
    """By the provider's policy; what is not in doubt is bought all the same, and held facts go on after a decision."""
    scripted = ScriptedProvider(per_call=3, in_doubt=policy)
    job = await hold(conn)
    await spoil(postgres_url, scripted, job)
    async with open_worker(postgres_url, scripted) as worker:
        subjects = ["a.com", "b.com"]
        if policy == "hold":
            with pytest.raises(GateShut) as shut:
                await worker.buyer.buy(job, scripted.endpoint, subjects, {})
            assert (shut.value.reason, shut.value.subjects) == ("in_doubt", frozenset({"a.com"}))
        else:
            assert len(await worker.buyer.buy(job, scripted.endpoint, subjects, {})) == 2
        assert scripted.requests == again
        await worker.recorder.drain()
        if policy == "hold":
            async with conn.transaction():
                await decide_calls(conn, UUID(job.pipeline_id), "rebuy", None, Act())
            assert len(await worker.buyer.buy(job, scripted.endpoint, subjects, {})) == 2
            assert scripted.requests == [*again, ["a.com"]]
