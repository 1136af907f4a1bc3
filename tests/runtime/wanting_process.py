"""One of two processes with a hundred callers each who want the same fact, for test_single_flight.py to run."""

import asyncio
import sys

import httpx

from shared import log
from shared.config import Log
from shared.domain.message import Message
from shared.store.jobs import claim_job
from shared.store.pool import unit_of_work
from shared.testing.provider import ScriptedProvider, answers
from shared.testing.worker import open_worker

CALLERS = 100
#: As long as the answer takes, everybody has asked.
ANSWER_SECONDS = 0.5


async def _reply(subjects: list[str]) -> httpx.Response:
    await asyncio.sleep(ANSWER_SECONDS)
    return answers(subjects)


async def run(postgres_url: str, phase: str, job_id: int) -> None:
    """Claim the job, say so, wait for the word, and want it all at once."""
    scripted = ScriptedProvider()
    scripted.reply = _reply
    holder = f"job {job_id}"
    async with open_worker(postgres_url, scripted, holder=holder) as worker:
        async with unit_of_work(worker.pool) as conn:
            claim = await claim_job(
                conn, Message(job_id, 0), phase=phase, holder=holder, lease_seconds=60.0, known={}
            )
        assert claim
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        wants = [worker.buyer.buy(claim, scripted.endpoint, ["a.com"], {}) for _ in range(CALLERS)]
        facts = await asyncio.gather(*wants)
        texts = {fact["a.com"].answer.text for fact in facts if fact["a.com"].answer}
        await worker.recorder.drain()
    print(len(facts), *texts, sep="|", flush=True)


if __name__ == "__main__":
    log.configure(Log(level="warning"), service="serp")
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
