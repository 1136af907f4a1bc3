"""Dead letters on a whole system: items die for want of an answer, and complete after the cure, each once."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import httpx
import psycopg
import pytest
import redis

from services.gateway.cli import group
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from shared.domain.phases import SERP_COLLECTION
from shared.store.operations import CHUNK
from shared.testing.jobs import dispatch, start_searches
from tests.resilience.scenario import TIMING, Scenario
from tests.store.given_up import fail_all

QUEUE = "/monitoring/job-queues/serp/retry-dead-letter"
IDS, MESSAGES = "{landscape}:serp.XQ", "{landscape}:serp.XQ.msgs"
ROTTEN = 4
#: Letters of a long replay, and the one at which it is held up: in the middle of its seventh chunk.
BURIED, STUCK_AT = 10_000, 6 * CHUNK + CHUNK // 2
STUCK = (
    "SELECT FROM job_queue WHERE job_id = (SELECT job_id FROM job_queue WHERE state = 'dead_letter'"
    " ORDER BY job_id LIMIT 1 OFFSET %s) FOR UPDATE"
)
#: No message is sent again by itself, and no breaker keeps the sick items from dying.
PATIENT = {
    **TIMING,
    "LANDSCAPE_RUNTIME__REDISPATCH_SECONDS": "600",
    "LANDSCAPE_PROVIDERS__SERP__FAILURE_THRESHOLD": "1000",
}


class Rotten(Scenario):
    """Twelve searches, some of which the provider cannot answer until it is cured."""

    def __enter__(self) -> Self:
        return self

    def _start(self) -> str:
        self.simulator("POST", provider="scale_serp", fault="server_error", key="rotten")
        keywords = [f"rotten {self.label} {n}" for n in range(ROTTEN)]
        keywords += [f"sound {self.label} {n}" for n in range(8)]
        body = {
            "keywords": keywords,
            "regions": ["US"],
            "content_types": ["organic"],
            "config": {"phases": [SERP_COLLECTION], "serp": {"pages": {"organic": 1}}},
        }
        return str(self.api.start(json.dumps(body).encode())["pipeline_id"])

    def simulator(self, method: str, **rule: Any) -> None:
        """Make it sick, or cure it."""
        url = f"{self.machine.run_file.simulator_url}/_control/faults"
        httpx.request(method, url, json=rule or None).raise_for_status()

    def redis(self) -> Any:
        """A client of its own."""
        return redis.Redis.from_url(self.machine.run_file.redis_url)

    def assert_green(self, pipeline_id: str) -> None:
        """By the record."""
        checks = self.api.audit(pipeline_id)["checks"]
        assert [check for check in checks if not check["passed"]] == []

    async def strand(self) -> tuple[str, dict[str, int]]:
        """A pipeline whose only job counts as sent, and the message that was not."""
        url = self.machine.run_file.postgres_url
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn, conn.transaction():
            pipeline_id = await start_searches(conn, 2, config={"phases": [SERP_COLLECTION]})
            message = await dispatch(conn, pipeline_id)
        return str(pipeline_id), {"job_id": message.job_id, "fence": message.fence}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """Search alone, with a simulator that fails only where it is told to. Each pipeline has keywords of its own."""
    folder = tmp_path_factory.mktemp("dead-letters")
    with Standalone(
        folder, simulator=SimulatorOptions(1, 20.0, 0.0), services=("serp",), environment=PATIENT
    ) as machine:
        yield machine


@pytest.mark.timeout(240)
def test_letters_are_replayed_once_whatever_redis_lost_and_however_many_ask(
    machine: Standalone, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the seed's endpoint: bare message, row without a message, two at the same time."""
    with Rotten(machine, label="asked for") as scenario:
        assert scenario.end()["state"] == "completed_with_gaps"
        scenario.assert_green(scenario.pipeline_id)
        with scenario.redis() as client:
            scenario.wait(lambda _: client.zcard(IDS) == client.hlen(MESSAGES) == ROTTEN)
            client.flushall()
            scenario.wait(lambda _: client.zcard(IDS) == ROTTEN)
            stranded, message = asyncio.run(scenario.strand())
            client.flushall()
            # When it died: Dramatiq throws out by itself what has been dead for a week.
            client.zadd(IDS, {"nacked": time.time() * 1000})
            client.hset(MESSAGES, "nacked", json.dumps({"actor_name": "process_job", "kwargs": message}))
        with pytest.raises(SystemExit) as done:
            group.main(["dead-letters", "--data-dir", str(machine.data_dir)])
        assert done.value.code == 0
        assert f"{ROTTEN}  " in capsys.readouterr().out

        scenario.simulator("DELETE")
        with ThreadPoolExecutor() as threads:
            answers = list(threads.map(lambda _: scenario.api.ask("POST", QUEUE), range(2)))

        assert sum(answer["replayed"] for answer in answers) == ROTTEN
        assert [job_id for answer in answers for job_id in answer["redispatched"]] == [message["job_id"]]
        for pipeline_id in (scenario.pipeline_id, stranded):
            again = Scenario(machine, pipeline_id)
            with again:
                assert again.end()["state"] == "completed"
            scenario.assert_green(pipeline_id)
        ledger = httpx.get(f"{machine.run_file.simulator_url}/_control/ledger").json()["scale_serp"]
        assert ledger["repeated_subjects"] == 0
        with scenario.redis() as client:
            scenario.wait(lambda _: not client.exists(IDS, MESSAGES))


@pytest.mark.timeout(240)
def test_the_command_line_does_all_of_it(machine: Standalone, capsys: pytest.CaptureFixture[str]) -> None:
    """Look, edit, discard, replay, and whatever failed for whatever reason once more; the pipeline completes."""

    def landscape(*words: str) -> str:
        with pytest.raises(SystemExit) as done:
            group.main([*words, "--data-dir", str(machine.data_dir)])
        assert done.value.code == 0, capsys.readouterr().err
        return capsys.readouterr().out

    with Rotten(machine, label="typed") as scenario:
        assert scenario.end()["state"] == "completed_with_gaps"
        listed = json.loads(landscape("dead-letters", "list", "--service", "serp", "--json"))["items"]
        one, two, *_ = (str(letter["job_id"]) for letter in listed)
        shown = json.loads(landscape("dead-letters", "show", one))
        assert [attempt["attempt"] for attempt in shown["attempts"]] == [1, 2, 3, 4, 5]
        assert {attempt["category"] for attempt in shown["attempts"]} == {"recoverable"}
        assert one in landscape("dead-letters", "edit", one, "--reason", "misspelt", "--input", json.dumps(shown["input"]))  # fmt: skip
        assert landscape("dead-letters", "discard", two, "--yes", "--reason", "nobody asks").startswith(
            "1 discarded"
        )
        scenario.simulator("DELETE")
        assert landscape("dead-letters", "replay", "--all", "--dry-run").startswith(
            "would replay 3 dead letters"
        )
        assert landscape("dead-letters", "replay", one, two, "--yes") == "1 replayed; 1 closed before\n"
        assert landscape("retry-failed", "--yes", "--reason", "cured").startswith(f"{ROTTEN - 1} items")
        assert landscape("retry-failed", "--yes").startswith("0 items")
        assert landscape("dead-letters") == ""
        assert scenario.end()["state"] == "completed"
        scenario.assert_green(scenario.pipeline_id)


@pytest.mark.timeout(240)
def test_ten_thousand_are_replayed_once_though_the_worker_is_killed(machine: Standalone) -> None:
    """By a filter, over the API, SIGKILL in the middle of a chunk: the operation ends with as many done as matched."""
    url = machine.run_file.postgres_url
    pipeline_id = asyncio.run(_bury(url))
    with Scenario(machine, pipeline_id) as scenario, psycopg.connect(url, autocommit=True) as conn:
        # What is replayed is not worked on here.
        scenario.api.ask(
            "POST", "/monitoring/job-queues/serp/pause", json={"reason": "only the replay counts"}
        )
        with conn.transaction():
            conn.execute(STUCK, (STUCK_AT,))
            asked = {"filter": {"pipeline_id": pipeline_id}, "reason": "cured"}
            operation = scenario.api.ask("POST", "/dead-letters/replay", json=asked)
            assert (operation["kind"], operation["matched"]) == ("replay", BURIED)
            path = f"/operations/{operation['operation_id']}"
            scenario.wait(lambda _: scenario.api.ask("GET", path)["done"] == STUCK_AT - STUCK_AT % CHUNK)
            scenario.kill("serp")
        scenario.wait(lambda _: scenario.api.ask("GET", path)["ended_at"])
        ended = scenario.api.ask("GET", path)
        assert (ended["state"], ended["done"], ended["failed"]) == ("completed", BURIED, 0)
        due = conn.execute(
            "SELECT count(*), count(DISTINCT item_id) FROM ready WHERE phase = %s", (SERP_COLLECTION,)
        )
        assert due.fetchone() == (BURIED, BURIED)
        checks = scenario.api.audit(pipeline_id)["checks"]
        assert [check for check in checks if not check["passed"]] == []
        scenario.api.steer(pipeline_id, "cancel", reason="counted")
        scenario.api.ask("POST", "/monitoring/job-queues/serp/unpause", json={"reason": "counted"})


async def _bury(url: str) -> str:
    """A pipeline whose searches were all given up, before any worker could see them."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn, conn.transaction():
        pipeline_id = await start_searches(conn, BURIED, config={"phases": [SERP_COLLECTION]})
        await fail_all(conn, pipeline_id)
    return str(pipeline_id)
