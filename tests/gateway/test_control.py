"""Steering pipelines over HTTP: pause, cancel, resume, checkpoints, rewind, and starting from an earlier one."""

from typing import Any

import psycopg
import pytest
from litestar.testing import AsyncTestClient

from services.gateway.pipelines import beginning
from shared.domain.phases import SERP_COLLECTION, VIDEO_ENRICHMENT
from shared.domain.pipeline import DataSource, PipelineConfig
from shared.domain.takeover import taken_over
from shared.store.audit import audit
from shared.store.jobs import complete_job
from shared.store.outcomes import Ending, Record, record
from shared.store.pool import Connection
from shared.testing.jobs import claim, dispatch
from shared.testing.pipelines import claim_all, finish_pipeline, record_all
from shared.testing.rows import dump, fetch

pytestmark = pytest.mark.anyio

BASE = "/api/v1/pipeline"
UNKNOWN = "00000000-0000-0000-0000-000000000000"
BODY = {
    "keywords": ["a", "b", "c"],
    "regions": ["US"],
    "content_types": ["organic"],
    "config": {"phases": [SERP_COLLECTION, VIDEO_ENRICHMENT]},
}
STATES = """
    SELECT phase, state, count(*)::int FROM pipeline_state JOIN items USING (pipeline_id, item_id)
    WHERE pipeline_id = %s::uuid GROUP BY 1, 2 ORDER BY 1, 2
"""


async def start(client: AsyncTestClient[Any], **config: Any) -> str:
    body = BODY | {"config": {**BODY["config"], **config}}  # type: ignore[dict-item]  # the one mapping in it
    answer = await client.post(f"{BASE}/start", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["pipeline_id"])


async def post(client: AsyncTestClient[Any], path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"{BASE}/{path}", json=body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def assert_sound(client: AsyncTestClient[Any], pipeline_id: str) -> None:
    found = (await client.get(f"{BASE}/{pipeline_id}/audit")).json()
    assert [check["detail"] for check in found["checks"] if not check["passed"]] == []


async def test_a_pipeline_is_paused_unpaused_and_cancelled(client: AsyncTestClient[Any]) -> None:
    """Each answers the new state; who did it stands in the list of actions, by body, by header, or as `api`."""
    pipeline_id = await start(client)
    assert (await post(client, f"{pipeline_id}/pause", actor="ada", reason="lunch"))["state"] == "paused"
    answer = await client.post(f"{BASE}/{pipeline_id}/unpause", headers={"X-Actor": "bob"})
    assert answer.json()["state"] == "running"
    assert (await post(client, f"{pipeline_id}/cancel"))["state"] == "cancelled"
    actions = (await client.get(f"{BASE}/{pipeline_id}/actions")).json()["items"]
    assert [(a["action"], a["actor"], a["reason"]) for a in actions] == [
        ("cancel", "api", ""),
        ("unpause", "bob", ""),
        ("pause", "ada", "lunch"),
    ]
    progress = (await client.get(f"/api/v1/monitoring/pipeline/{pipeline_id}/progress")).json()
    assert (progress["state"], progress["phases"][0]["skipped"]) == ("cancelled", 3)
    assert progress["ended_at"]
    await assert_sound(client, pipeline_id)


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("{}/unpause", b"", (409, "conflict")),
        ("{}/resume", b"{}", (409, "conflict")),
        ("{}/checkpoints/here/rewind", b"{}", (409, "conflict")),
        ("{}/checkpoints", b'{"name": "here"}', (409, "conflict")),
        (f"{UNKNOWN}/pause", b"", (404, "not_found")),
        (f"{UNKNOWN}/cancel", b"", (404, "not_found")),
        (f"{UNKNOWN}/resume", b"", (404, "not_found")),
        (f"{UNKNOWN}/checkpoints", b'{"name": "x"}', (404, "not_found")),
        (f"{UNKNOWN}/checkpoints/x/rewind", b"", (404, "not_found")),
        ("no-id/pause", b"", (404, "not_found")),
        ("{}/pause", b"{", (400, "malformed")),
        ("{}/pause", b'{"who": "me"}', (422, "input")),
        ("{}/pause", b'{"actor": "a\\nb"}', (422, "input")),
        ("{}/cancel", b'{"reason": 3}', (422, "input")),
        ("{}/resume", b'{"resume_failed_only": "yes"}', (422, "input")),
        ("{}/checkpoints", b"", (422, "input")),
        ("{}/checkpoints", b'{"name": "a/b"}', (422, "input")),
        ("{}/checkpoints/here/rewind", b'{"rebuy": 1}', (422, "input")),
    ],
)
async def test_what_cannot_be_done_is_a_problem_and_changes_nothing(
    client: AsyncTestClient[Any], conn: Connection, path: str, content: bytes, expected: tuple[int, str]
) -> None:
    """Wrong state, unknown id, wrong body."""
    pipeline_id = await start(client)
    await post(client, f"{pipeline_id}/checkpoints", name="here")
    before = await dump(conn)
    answer = await client.post(f"{BASE}/{path.format(pipeline_id)}", content=content)
    status, kind = expected
    assert (answer.status_code, answer.json()["type"]) == (status, f"/errors/{kind}")
    assert answer.json()["detail"]
    assert await dump(conn) == before


@pytest.mark.parametrize("path", ["actions", "checkpoints", "checkpoints/x/verify"])
async def test_reading_of_an_unknown_pipeline_is_not_found(client: AsyncTestClient[Any], path: str) -> None:
    """As everywhere."""
    assert (await client.get(f"{BASE}/{UNKNOWN}/{path}")).status_code == 404


async def test_a_pipeline_is_rewound_to_a_named_checkpoint(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """It is listed, verified, gone back to, and the pipeline runs again."""
    pipeline_id = await start(client)
    written = await post(client, f"{pipeline_id}/checkpoints", name="start", reason="before the sale")
    assert (written["name"], written["kind"], written["completed"]) == ("start", "named", 0)
    (found,) = await fetch(conn, "SELECT pipeline_id FROM pipelines")
    await finish_pipeline(conn, found)
    listed = (await client.get(f"{BASE}/{pipeline_id}/checkpoints")).json()["items"]
    assert [checkpoint["name"] for checkpoint in listed] == ["start"]
    verified = (await client.get(f"{BASE}/{pipeline_id}/checkpoints/start/verify")).json()
    assert verified["passed"]
    rewound = await post(client, f"{pipeline_id}/checkpoints/start/rewind", actor="ada")
    assert (rewound["state"], rewound["set_back"], rewound["removed"]) == ("running", 6, 3)
    assert await fetch(conn, STATES, pipeline_id) == [(SERP_COLLECTION, "pending", 3)]
    await assert_sound(client, pipeline_id)


async def test_a_failed_pipeline_is_resumed(client: AsyncTestClient[Any], conn: Connection) -> None:
    """The number of items that are due again is in the answer."""
    pipeline_id = await start(client)
    await post(client, f"{pipeline_id}/cancel")
    answer = await client.post(f"{BASE}/{pipeline_id}/resume", json={"resume_failed_only": True})
    assert answer.status_code == 409
    resumed = await post(client, f"{pipeline_id}/resume")
    assert (resumed["state"], resumed["items"]) == ("running", 3)
    await assert_sound(client, pipeline_id)


async def broken(client: AsyncTestClient[Any], conn: Connection) -> str:
    """A cancelled pipeline: searches completed, one video failed, one still open."""
    pipeline_id = await start(client)
    (found,) = await fetch(conn, "SELECT pipeline_id FROM pipelines")
    searches = await claim_all(conn, found, SERP_COLLECTION)
    assert searches
    await record_all(conn, searches)
    video = await claim(conn, await dispatch(conn, found, 1, phase=VIDEO_ENRICHMENT), phase=VIDEO_ENRICHMENT)
    assert video
    (item,) = video.items
    ending = Ending(video.pipeline_id, item.item_id, video.job_id, video.phase, "failed", 1)
    await record(conn, [Record(ending=ending)])
    await complete_job(conn, video.job_id, video.fence)
    await post(client, f"{pipeline_id}/cancel")
    await assert_sound(client, pipeline_id)
    return pipeline_id


@pytest.mark.parametrize("failed_only", [False, True])
async def test_a_new_pipeline_takes_over_what_an_earlier_one_completed(
    client: AsyncTestClient[Any], conn: Connection, *, failed_only: bool
) -> None:
    """Its configuration, results and lineage, without a call; of the rest all is due, or only what had failed."""
    earlier = await broken(client, conn)
    config = {"resume_from_pipeline_id": earlier, "resume_failed_only": failed_only}
    answer = await client.post(f"{BASE}/start", json={"config": config})
    assert answer.status_code == 201, answer.text
    pipeline_id = answer.json()["pipeline_id"]

    rest = [("pending", 1), ("skipped", 2)] if failed_only else [("pending", 3)]
    assert await fetch(conn, STATES, pipeline_id) == [
        (SERP_COLLECTION, "completed", 3),
        *((VIDEO_ENRICHMENT, state, number) for state, number in rest),
    ]
    assert await fetch(
        conn, "SELECT count(*)::int FROM provider_calls WHERE pipeline_id = %s::uuid", pipeline_id
    ) == [0]
    await assert_sound(client, pipeline_id)
    configs = [(await client.get(f"{BASE}/{p}")).json()["config"] for p in (earlier, pipeline_id)]
    assert {n: v for n, v in configs[1].items() if not n.startswith("resume_")} == {
        n: v for n, v in configs[0].items() if not n.startswith("resume_")
    }
    (new,) = await fetch(conn, "SELECT pipeline_id FROM pipelines WHERE pipeline_id = %s::uuid", pipeline_id)
    await finish_pipeline(conn, new)
    report = await audit(conn, new)
    assert report.passed
    assert report.state == ("completed_with_gaps" if failed_only else "completed")
    actions = (await client.get(f"{BASE}/{pipeline_id}/actions")).json()["items"]
    assert actions[0]["action"] == "takeover"
    assert actions[0]["detail"] == {"earlier": earlier, "completed": 3, "left_out": 2 if failed_only else 0}


async def test_what_the_request_changes_is_not_taken_over(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Another device asks another question; a keyword that stays keeps its answer, and one more is due."""
    earlier = await broken(client, conn)
    config = {"resume_from_pipeline_id": earlier}
    other = await post(client, "start", device="mobile", config=config)
    assert await fetch(conn, STATES, other["pipeline_id"]) == [(SERP_COLLECTION, "pending", 3)]
    more = await post(client, "start", keywords=["b", "d"], config=config)
    assert await fetch(conn, STATES, more["pipeline_id"]) == [
        (SERP_COLLECTION, "completed", 1),
        (SERP_COLLECTION, "pending", 1),
        (VIDEO_ENRICHMENT, "pending", 1),
    ]
    for pipeline in (other, more):
        await assert_sound(client, pipeline["pipeline_id"])


async def test_nothing_is_taken_over_from_one_that_is_deleted_meanwhile(
    client: AsyncTestClient[Any], conn: Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deletion waits for who takes over; one that has begun is as good as done."""
    (earlier,) = await fetch(
        conn, "SELECT pipeline_id FROM pipelines WHERE pipeline_id = %s::uuid", await broken(client, conn)
    )

    def delete_first(body: bytes, config: PipelineConfig, source: DataSource) -> bytes:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("UPDATE pipelines SET deleting = true")
        return taken_over(body, config, source)

    monkeypatch.setattr(beginning, "taken_over", delete_first)
    config = {"resume_from_pipeline_id": str(earlier)}
    answer = await client.post(f"{BASE}/start", json={"config": config})
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/config/resume_from_pipeline_id"]
    assert await fetch(conn, "SELECT pipeline_id FROM pipelines") == [earlier]


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"resume_from_pipeline_id": UNKNOWN}, "/config/resume_from_pipeline_id"),
        ({"resume_from_pipeline_id": "no id"}, "/config/resume_from_pipeline_id"),
        ({"resume_failed_only": True}, "/config/resume_failed_only"),
        ({"checkpoint_interval": 0}, "/config/checkpoint_interval"),
        ({"enable_checkpoints": 1}, "/config/enable_checkpoints"),
        ({"enable_circuit_breakers": "no"}, "/config/enable_circuit_breakers"),
    ],
)
async def test_a_start_that_resumes_from_nowhere_starts_nothing(
    client: AsyncTestClient[Any], postgres_url: str, config: dict[str, Any], pointer: str
) -> None:
    """422 that names the field."""
    answer = await client.post(f"{BASE}/start", json={"keywords": ["a"], "regions": ["US"], "config": config})
    assert answer.status_code == 422
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pipelines").fetchone() == (0,)


async def test_every_switch_that_is_off_is_said(client: AsyncTestClient[Any]) -> None:
    """In the warnings of the answer, each by its name; and they are frozen with the configuration."""
    switches = ["enable_state_tracking", "enable_circuit_breakers", "enable_job_queue", "enable_checkpoints"]
    answer = await client.post(f"{BASE}/start", json=BODY | {"config": dict.fromkeys(switches, False)})
    assert [warning.partition(":")[0] for warning in answer.json()["warnings"]] == [
        f"/config/{name}" for name in switches
    ]
    config = (await client.get(answer.json()["links"]["self"])).json()["config"]
    assert [config[name] for name in switches] == [False] * 4


async def test_switching_checkpoints_off_is_said(client: AsyncTestClient[Any]) -> None:
    """In the warnings of the answer; and then there are none."""
    body = BODY | {"config": {"enable_checkpoints": False}}
    answer = await client.post(f"{BASE}/start", json=body)
    assert any("enable_checkpoints" in warning for warning in answer.json()["warnings"])
    refused = await client.post(f"{answer.json()['links']['self']}/checkpoints", json={"name": "x"})
    assert refused.status_code == 409
