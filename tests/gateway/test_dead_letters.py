"""Dead letters, failed items and queues over REST: what is shown, what is moved, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import redis
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from shared.config import Settings
from shared.domain.phases import SERP_COLLECTION
from shared.store import jobs
from shared.store.jobs import complete_job
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch, start_searches
from shared.testing.pipelines import claim_all
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

LETTERS = "/api/v1/dead-letters"
QUEUES = "/api/v1/monitoring/job-queues"
RETRY = f"{QUEUES}/serp/retry-dead-letter"
UNKNOWN = UUID(int=1)
IDS, MESSAGES = "{landscape}:serp.XQ", "{landscape}:serp.XQ.msgs"
BARE = '{"actor_name": "process_job", "kwargs": {"job_id": %d, "fence": %d}}'


@pytest.fixture
async def gateway(postgres_url: str, redis_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    app = create_app(Settings(postgres_url=postgres_url, redis_url=redis_url, token="t"))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = "Bearer t"
        yield client


@pytest.fixture
def plain(redis_url: str) -> Any:
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def give_up(conn: Connection, searches: int = 3, category: str = "recoverable") -> UUID:
    """A pipeline whose searches have failed for good."""
    pipeline_id = await start_searches(conn, searches)
    held = await claim_all(conn, pipeline_id, SERP_COLLECTION)
    assert held
    endings = [
        Ending(held.pipeline_id, item.item_id, held.job_id, held.phase, "failed", spent=4, error_category=category, last_error=f"the answer was 50{n % 5}")
        for n, item in enumerate(held.items)
    ]  # fmt: skip
    async with conn.transaction():
        await record(conn, [Record(ending=ending) for ending in endings])
        await complete_job(conn, held.job_id, held.fence)
    return pipeline_id


async def letters(gateway: AsyncTestClient[Any], **params: Any) -> list[dict[str, Any]]:
    answer = await gateway.get(LETTERS, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def post(gateway: AsyncTestClient[Any], path: str, **body: Any) -> dict[str, Any]:
    answer = await gateway.post(path, json=body)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


async def test_letters_are_listed_filtered_and_paged(gateway: AsyncTestClient[Any], conn: Connection) -> None:
    """Every filter holds, the provider's name stands for its service, and pages end."""
    one = await give_up(conn)
    two = await give_up(conn, 2, "degraded")
    everything = await letters(gateway)

    assert len(everything) == 5
    assert everything == sorted(everything, key=lambda letter: -letter["job_id"])
    assert [len(await letters(gateway, pipeline_id=str(p))) for p in (one, two, UNKNOWN)] == [3, 2, 0]
    assert (
        len(await letters(gateway, category="degraded", phase="serp_collection", service="scale_serp_api"))
        == 2
    )
    assert len(await letters(gateway, fingerprint=everything[0]["fingerprint"])) == 2
    assert await letters(gateway, service="youtube") == await letters(gateway, in_state="replayed") == []
    paged, cursor = list[Any](), None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await gateway.get(LETTERS, params=params)).json()
        paged += page["items"]
        if not (cursor := page["next_cursor"]):
            break
    assert paged == everything


async def test_letters_of_one_cause_are_one_group(gateway: AsyncTestClient[Any], conn: Connection) -> None:
    """With a count, a readable cause and an example."""
    await give_up(conn, 5)
    await give_up(conn, 1, "degraded")
    groups = (await gateway.get(f"{LETTERS}/groups")).json()["groups"]

    assert [(group["letters"], group["cause"], group["phases"]) for group in groups] == [
        (5, "the answer was <n>", ["serp_collection"]),
        (1, "the answer was <n>", ["serp_collection"]),
    ]
    assert (
        (await gateway.get(f"{LETTERS}/{groups[0]['example']}"))
        .json()["letter"]["error"]
        .startswith("the answer")
    )


async def test_a_letter_is_inspected_edited_and_replayed(
    gateway: AsyncTestClient[Any], conn: Connection
) -> None:
    """Who did what, and why, stays with it."""
    await give_up(conn, 1)
    (letter,) = await letters(gateway)
    where = f"{LETTERS}/{letter['job_id']}"
    detail = (await gateway.get(where)).json()
    assert (detail["item_state"], detail["letter"]["attempts"], detail["history"]) == ("failed", 4, [])

    body = {"input": detail["input"] | {"q": "another"}, "actor": "ann", "reason": "misspelt"}
    assert (await gateway.patch(where, json=body)).json()["input"]["q"] == "another"
    answer = await gateway.post(
        f"{LETTERS}/replay", json={"ids": [letter["job_id"]]}, headers={"X-Actor": "bob"}
    )

    assert answer.json() == {"letters": 1, "refused": 0, "unchanged": 0, "dry_run": False}
    history = (await gateway.get(where)).json()["history"]
    assert [(h["verb"], h["actor"], h["reason"]) for h in history] == [
        ("edit", "ann", "misspelt"),
        ("replay", "bob", ""),
    ]
    conflict = await gateway.patch(where, json=body)
    assert (conflict.status_code, conflict.json()["type"]) == (409, "/errors/conflict")


async def test_a_dry_run_only_counts_and_a_second_replay_changes_nothing(
    gateway: AsyncTestClient[Any], conn: Connection
) -> None:
    """By ids and by filter."""
    await give_up(conn, 3)
    before = await dump(conn)
    replay = f"{LETTERS}/replay"
    assert (await post(gateway, replay, filter={}, dry_run=True))["letters"] == 3
    assert await dump(conn) == before

    assert (await post(gateway, replay, filter={"service": "scale_serp"}, reason="cured"))["letters"] == 3

    before = await dump(conn)
    ids = [letter["job_id"] for letter in await letters(gateway, in_state="replayed")]
    assert await post(gateway, replay, filter={}) == {
        "letters": 0,
        "refused": 0,
        "unchanged": 0,
        "dry_run": False,
    }
    assert (await post(gateway, replay, ids=[*ids, ids[0]]))["unchanged"] == 3
    assert await dump(conn) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "pointers"),
    [
        ("POST", "/replay", b"{", 400, [""]),
        ("POST", "/replay", b"{}", 422, [""]),
        ("POST", "/replay", b'{"ids": [1], "filter": {}}', 422, [""]),
        ("POST", "/replay", b'{"ids": []}', 422, ["/ids"]),
        ("POST", "/replay", b'{"ids": ["1"]}', 422, ["/ids/0"]),
        ("POST", "/replay", b'{"ids": [9223372036854775808]}', 422, ["/ids/0"]),
        ("POST", "/replay", b'{"ids": [999999]}', 404, []),
        (
            "POST",
            "/replay",
            b'{"filter": {"phase": "serp", "servise": "x"}}',
            422,
            ["/filter/servise", "/filter/phase"],
        ),
        ("POST", "/replay", b'{"filter": {"service": "bing"}}', 422, ["/filter/service"]),
        ("POST", "/replay", b'{"filter": {"pipeline_id": "x"}}', 422, ["/filter/pipeline_id"]),
        ("POST", "/replay", b'{"filter": {"category": "a\\u0000"}}', 422, ["/filter/category"]),
        ("POST", "/replay", b'{"filter": {}, "reason": "a\\u0000"}', 422, ["/reason"]),
        ("POST", "/discard", b'{"filter": {}}', 422, ["/reason"]),
        ("POST", "/discard", b'{"filter": {}, "reason": " "}', 422, ["/reason"]),
        ("PATCH", "/1", b"[]", 422, [""]),
        ("PATCH", "/1", b'{"reason": "x"}', 422, ["/input"]),
        ("PATCH", "/1", b'{"input": [1]}', 422, ["/input"]),
        ("PATCH", "/1", b'{"input": {"q": "\\u0000"}}', 422, ["/input"]),
        ("PATCH", "/1", b'{"input": {}, "more": 1}', 422, ["/more"]),
        ("PATCH", "/999999", b'{"input": {}}', 404, []),
        ("GET", "/999999", None, 404, []),
        ("GET", "/9223372036854775808", None, 422, ["?job_id"]),
        ("GET", "?phase=serp", None, 422, ["?phase"]),
        ("GET", "?in_state=dead", None, 422, ["?in_state"]),
        ("GET", "?cursor=0", None, 422, ["?cursor"]),
    ],
)
async def test_a_wrong_request_is_a_problem_and_changes_nothing(
    gateway: AsyncTestClient[Any],
    conn: Connection,
    *,
    method: str,
    path: str,
    body: bytes | None,
    status: int,
    pointers: list[str],
) -> None:
    """It says which field is wrong; no letter is touched."""
    await give_up(conn, 1)
    before = await dump(conn)

    answer = await gateway.request(method, LETTERS + path, content=body)

    problem = answer.json()
    assert (answer.status_code, [e["pointer"] for e in problem.get("errors", [])]) == (status, pointers), (
        problem
    )
    assert problem["detail"]
    assert await dump(conn) == before


async def test_an_edit_keeps_fields_and_kinds(gateway: AsyncTestClient[Any], conn: Connection) -> None:
    """A problem per field that the provider could not work on."""
    await give_up(conn, 1)
    (letter,) = await letters(gateway)
    answer = await gateway.patch(f"{LETTERS}/{letter['job_id']}", json={"input": {"q": 7, "colour": "red"}})

    assert answer.status_code == 422
    assert {"/input/q", "/input/colour"} < {error["pointer"] for error in answer.json()["errors"]}


async def test_a_queue_is_retried_from_the_record_whatever_redis_lost(
    gateway: AsyncTestClient[Any], conn: Connection, plain: Any
) -> None:
    """Nothing of it was ever copied to Redis, or it was flushed: every letter's item is due again."""
    pipeline_id = await give_up(conn, 3)

    done = await post(gateway, f"{QUEUES}/scale_serp_api/retry-dead-letter")

    assert done == {
        "queue": "serp",
        "replayed": 3,
        "refused": 0,
        "redispatched": [],
        "dropped": [],
        "redis": "ok",
    }
    assert await fetch(conn, "SELECT count(*) FROM ready WHERE pipeline_id = %s", pipeline_id) == [3]
    assert plain.exists(IDS) == 0


async def test_a_bare_dead_message_leads_to_its_job(
    gateway: AsyncTestClient[Any], conn: Connection, plain: Any
) -> None:
    """Its job is sent again at once, under another fence; what stands for no job is dropped, and said."""
    message = await dispatch(conn, await start_searches(conn, 2), 1)
    stray = {"nacked": BARE % (message.job_id, message.fence), "unknown": BARE % (999, 0), "strange": "x"}
    for name, body in stray.items():
        plain.zadd(IDS, {name: 1})
        plain.hset(MESSAGES, name, body)

    done = await post(gateway, RETRY, reason="worker without the actor")

    assert done["redispatched"] == [message.job_id]
    assert {(d["message_id"], d["why"]) for d in done["dropped"]} == {
        ("unknown", "there is no job 999 in the queue serp"),
        ("strange", "it is no message of ours"),
    }
    assert plain.exists(IDS, MESSAGES) == 0
    (again,) = await jobs.redispatch_jobs(conn, "serp", 60.0)
    assert await claim(conn, message) is None
    assert await claim(conn, again)
    assert (await post(gateway, RETRY))["redispatched"] == []


async def test_of_retries_at_the_same_time_each_letter_goes_to_one(
    gateway: AsyncTestClient[Any], conn: Connection, plain: Any
) -> None:
    """Rows and bare messages alike."""
    await give_up(conn, 30)
    message = await dispatch(conn, await start_searches(conn, 1))
    plain.zadd(IDS, {"nacked": 1})
    plain.hset(MESSAGES, "nacked", BARE % (message.job_id, message.fence))

    done = await asyncio.gather(*(post(gateway, RETRY) for _ in range(4)))

    assert sum(each["replayed"] for each in done) == 30
    assert [job_id for each in done for job_id in each["redispatched"]] == [message.job_id]
    assert await fetch(conn, "SELECT count(*), count(DISTINCT item_id) FROM ready") == [(30, 30)]


async def test_without_redis_the_record_is_replayed_all_the_same(postgres_url: str, conn: Connection) -> None:
    """The answer says that dead messages were not looked at."""
    for redis_url, said in (("", "not checked"), ("redis://127.0.0.1:9/0", "cannot read")):
        await give_up(conn, 1)
        app = create_app(Settings(postgres_url=postgres_url, redis_url=redis_url, token="t"))
        async with AsyncTestClient(app, raise_server_exceptions=False) as client:
            client.headers["Authorization"] = "Bearer t"
            done = await post(client, RETRY)
            assert done["replayed"] == 1
            assert said in done["redis"]


async def test_unknown_queues_and_pipelines_are_named(
    gateway: AsyncTestClient[Any], conn: Connection
) -> None:
    """404, with what there is; nothing changed."""
    await give_up(conn, 1)
    before = await dump(conn)
    failed = f"/api/v1/monitoring/pipeline/{UNKNOWN}"
    for method, path in (
        ("POST", f"{QUEUES}/sepr/retry-dead-letter"),
        ("GET", f"{failed}/failed-items"),
        ("POST", f"{failed}/retry-failed"),
    ):
        answer = await gateway.request(method, path)
        assert (answer.status_code, answer.json()["type"]) == (404, "/errors/not_found")
        assert "serp" in answer.json()["detail"] or str(UNKNOWN) in answer.json()["detail"]
    assert await dump(conn) == before


async def test_queues_show_what_is_dead_in_them(gateway: AsyncTestClient[Any], conn: Connection) -> None:
    """One entry per queue, in the order of the work."""
    await give_up(conn, 2)
    queues = (await gateway.get(QUEUES)).json()["queues"]

    assert [queue["queue"] for queue in queues] == [
        "keywords",
        "serp",
        "enrichment",
        "media",
        "pages",
        "llm",
        "housekeeping",
    ]
    assert [queue["dead_letters"] for queue in queues] == [0, 2, 0, 0, 0, 0, 0]


async def test_failed_items_are_listed_by_phase_and_category_and_retried(
    gateway: AsyncTestClient[Any], conn: Connection
) -> None:
    """Whatever they failed for; not more than asked for."""
    pipeline_id = await give_up(conn, 3, "non_recoverable")
    base = f"/api/v1/monitoring/pipeline/{pipeline_id}"
    page = (await gateway.get(f"{base}/failed-items", params={"limit": 2})).json()
    rest = (
        await gateway.get(f"{base}/failed-items", params={"limit": 2, "cursor": page["next_cursor"]})
    ).json()

    assert page["groups"] == [{"phase": SERP_COLLECTION, "category": "non_recoverable", "items": 3}]
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
    assert page["items"][0]["error"] == "the answer was 500"
    assert (await gateway.get(f"{base}/failed-items", params={"category": "bug"})).json()["items"] == []
    wrong = await gateway.post(f"{base}/retry-failed", json={"phase": "x", "max": 0})
    assert {error["pointer"] for error in wrong.json()["errors"]} == {"/phase", "/max"}
    retry = f"{base}/retry-failed"
    assert (await post(gateway, retry, dry_run=True))["items"] == 3
    assert (await post(gateway, retry, max=2, category="non_recoverable", actor="ann"))["items"] == 2
    assert (await gateway.post(retry)).json() == {
        "pipeline_id": str(pipeline_id),
        "items": 1,
        "dry_run": False,
    }
    assert (await gateway.get(f"{base}/failed-items")).json()["items"] == []


async def test_a_cancelled_pipeline_is_a_conflict(gateway: AsyncTestClient[Any], conn: Connection) -> None:
    """Its items stay as they are."""
    pipeline_id = await give_up(conn, 1)
    await conn.execute("UPDATE pipelines SET state = 'cancelled', ended_at = now()")
    answer = await gateway.post(f"/api/v1/monitoring/pipeline/{pipeline_id}/retry-failed")

    assert (answer.status_code, answer.json()["type"]) == (409, "/errors/conflict")
    assert await post(gateway, f"{LETTERS}/replay", filter={}) == {
        "letters": 0,
        "refused": 1,
        "unchanged": 0,
        "dry_run": False,
    }
