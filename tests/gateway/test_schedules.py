"""Schedules over the API: created with what is to come in words, edited, paused, run now."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.pool import Connection
from shared.testing.pipelines import start_pipeline
from shared.testing.rows import fetch
from tests.gateway.routes import NOBODY, bearer
from tests.gateway.test_keys import make
from tests.gateway.test_templates import configs, save

pytestmark = pytest.mark.anyio

SCHEDULES = "/api/v1/schedules"
START = {"keywords": ["crm"], "regions": ["US"], "content_types": ["organic"]}


async def schedule(client: AsyncTestClient[Any], **fields: Any) -> dict[str, Any]:
    """Of a template of its own, on Mondays at six in Berlin unless told otherwise."""
    start = fields.pop("start", START)
    template = await save(client, fields.get("name", "crm"), start=start)
    body = {"template_id": template["template_id"], "cron": "0 6 * * 1", "time_zone": "Europe/Berlin"}
    answer = await client.post(SCHEDULES, json=body | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_schedule_is_told_with_its_next_five_fires_in_words(client: AsyncTestClient[Any]) -> None:
    """In its own time, each a week after the other, the first one as it is on record."""
    made = await schedule(client)
    assert (made["name"], made["template"], made["overlap"]) == ("crm", "crm", "skip")
    assert made["in_words"] == "At 06:00 on Monday"
    moments = [datetime.fromisoformat(fire["at"]) for fire in made["next_fires"]]
    assert len(moments) == 5
    assert made["next_fires"][0]["at"] == made["next_fire_at"]
    assert all(6 <= (b - a).total_seconds() / 86400 <= 8 for a, b in pairwise(moments))
    for fire in made["next_fires"]:
        assert fire["told"].startswith("Monday, ")
        assert ", 06:00 CE" in fire["told"]
    path = f"{SCHEDULES}/{made['schedule_id']}"
    assert (await client.get(path)).json() == made | {"under_way": []}
    assert (await client.get(SCHEDULES)).json()["items"] == [made]
    assert (await client.get(SCHEDULES, params={"template_id": NOBODY})).json()["items"] == []


async def test_an_expression_is_explained_before_anything_is_kept(client: AsyncTestClient[Any]) -> None:
    """And refused with the parameter's name."""
    said = await client.get(f"{SCHEDULES}/next", params={"cron": "*/15 8-18 * * MON-FRI", "time_zone": "UTC"})
    assert said.json()["in_words"] == "Every 15th minute from 08:00 through 18:59 on Monday through Friday"
    assert len(said.json()["next_fires"]) == 5
    for params, name in (({"cron": "x"}, "?cron"), ({"cron": "* * * * *", "time_zone": "x"}, "?time_zone")):
        wrong = await client.get(f"{SCHEDULES}/next", params=params)
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["pointer"] == name


async def test_an_edit_goes_by_the_new_rule_from_now_on(client: AsyncTestClient[Any]) -> None:
    """What is left out stays; who has seen another version is refused."""
    made = await schedule(client)
    path = f"{SCHEDULES}/{made['schedule_id']}"
    seen = {"If-Match": (await client.get(path)).headers["ETag"]}
    body = {"cron": "30 7 * * *", "overlap": "cancel_previous"}
    edited = (await client.patch(path, json=body, headers=seen)).json()
    assert (edited["in_words"], edited["time_zone"], edited["version"]) == (
        "At 07:30 every day",
        "Europe/Berlin",
        2,
    )
    assert ", 07:30 CE" in edited["next_fires"][0]["told"]
    assert edited["overlap"] == "cancel_previous"
    assert (await client.patch(path, json={"name": "x"}, headers=seen)).status_code == 412


async def test_an_edit_that_leaves_the_times_loses_no_moment_that_is_due(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """It is fired yet; with other times the old ones count no more."""
    made = await schedule(client)
    path = f"{SCHEDULES}/{made['schedule_id']}"
    due = await fetch(
        conn, "UPDATE schedules SET next_fire_at = now() - interval '1 minute' RETURNING next_fire_at"
    )
    kept = "SELECT next_fire_at = %s FROM schedules"
    same = {"name": "other", "cron": made["cron"], "overlap": "allow"}
    assert (await client.patch(path, json=same)).status_code == 200
    assert await fetch(conn, kept, *due) == [True]
    assert (await client.patch(path, json={"cron": "30 7 * * *"})).status_code == 200
    assert await fetch(conn, kept, *due) == [False]


async def test_a_paused_schedule_has_no_next_fire_until_it_is_unpaused(client: AsyncTestClient[Any]) -> None:
    """It says who paused it and why; an edit does not wake it; what it missed is not made up for."""
    path = f"{SCHEDULES}/{(await schedule(client, cron='* * * * *'))['schedule_id']}"
    assert (await client.post(f"{path}/pause", json={})).status_code == 422
    paused = (await client.post(f"{path}/pause", json={"reason": "holidays", "actor": "ann"})).json()
    assert (paused["next_fire_at"], paused["next_fires"]) == (None, [])
    assert (paused["paused_by"], paused["paused_reason"]) == ("ann", "holidays")
    assert (await client.post(f"{path}/pause", json={"reason": "again"})).status_code == 409
    assert (await client.patch(path, json={"cron": "0 6 * * 2"})).json()["next_fire_at"] is None
    unpaused = (await client.post(f"{path}/unpause")).json()
    assert unpaused["paused_at"] is None
    assert datetime.fromisoformat(unpaused["next_fire_at"]) > datetime.fromisoformat(paused["changed_at"])
    assert (await client.post(f"{path}/unpause")).status_code == 409


async def test_run_now_starts_the_template_beside_its_moments(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Once for a key; it heeds the overlap policy, does not move the next fire, and is among the fires."""
    made = await schedule(client)
    path = f"{SCHEDULES}/{made['schedule_id']}"
    first = await client.post(f"{path}/run-now", json={"actor": "ann"}, headers={"Idempotency-Key": "k"})
    again = await client.post(f"{path}/run-now", json={"actor": "ann"}, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.json()) == (201, first.json())
    refused = await client.post(f"{path}/run-now")
    assert refused.status_code == 409
    assert "still under way; wait for it" in refused.json()["detail"]
    await client.patch(path, json={"overlap": "cancel_previous"})
    third = await client.post(f"{path}/run-now")
    assert third.status_code == 201
    newest, oldest = (await client.get(f"{path}/fires")).json()["items"]
    assert (oldest["actor"], oldest["due_at"], oldest["outcome"]) == ("ann", None, "started")
    assert newest["cancelled"] == [oldest["pipeline_id"]] == [first.json()["pipeline_id"]]
    earlier = (await client.get(f"/api/v1/pipeline/{oldest['pipeline_id']}")).json()
    assert earlier["state"] == "cancelled"
    assert (await client.get(path)).json()["next_fire_at"] == made["next_fire_at"]
    assert len(await configs(conn)) == 2


async def test_a_pipeline_names_the_schedule_that_started_it(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """With its progress, too; null where somebody started it, or when the schedule was deleted."""
    made = await schedule(client, name="weekly")
    path = f"{SCHEDULES}/{made['schedule_id']}"
    started = (await client.post(f"{path}/run-now", json={})).json()["links"]
    whole = started["self"], started["progress"]
    starter = {"schedule_id": made["schedule_id"], "name": "weekly", "due_at": None}
    assert [(await client.get(link)).json()["schedule"] for link in whole] == [starter, starter]
    await conn.execute("UPDATE schedule_fires SET due_at = '2026-11-02T05:00:00Z'")
    assert (await client.get(whole[0])).json()["schedule"] == starter | {"due_at": "2026-11-02T05:00:00Z"}
    other = await start_pipeline(conn)
    assert (await client.get(f"/api/v1/pipeline/{other}")).json()["schedule"] is None
    await client.delete(path)
    assert [(await client.get(link)).json()["schedule"] for link in whole] == [None, None]


async def test_fires_are_paged_the_newest_first(client: AsyncTestClient[Any]) -> None:
    """Also those of a schedule that lets its pipelines overlap."""
    path = f"{SCHEDULES}/{(await schedule(client, overlap='allow'))['schedule_id']}"
    started = [(await client.post(f"{path}/run-now")).json()["pipeline_id"] for _ in range(3)]
    page = (await client.get(f"{path}/fires", params={"limit": 2})).json()
    rest = (await client.get(f"{path}/fires", params={"cursor": page["next_cursor"]})).json()
    assert [fire["pipeline_id"] for fire in page["items"] + rest["items"]] == started[::-1]
    assert (await client.get(f"{SCHEDULES}/{NOBODY}/fires")).status_code == 404


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"cron": "0 6 * *"}, "/cron"),
        ({"cron": "0 0 30 2 *"}, "/cron"),
        ({"time_zone": "Berlin"}, "/time_zone"),
        ({"overlap": "queue"}, "/overlap"),
        ({"template_id": "x"}, "/template_id"),
        ({"template_id": NOBODY}, "/template_id"),
        ({"name": ""}, "/name"),
    ],
)
async def test_a_wrong_schedule_names_the_field(
    client: AsyncTestClient[Any], fields: dict[str, Any], pointer: str
) -> None:
    """New or edited; nothing is kept of it."""
    made = await schedule(client)
    body = {"template_id": made["template_id"], "cron": "0 6 * * 1"} | fields
    path = f"{SCHEDULES}/{made['schedule_id']}"
    for answer in (await client.post(SCHEDULES, json=body), await client.patch(path, json=fields)):
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await client.get(SCHEDULES)).json()["items"] == [made]


async def test_operators_schedule_and_viewers_look(client: AsyncTestClient[Any]) -> None:
    """By the scopes of pipelines: a schedule starts them."""
    made = await schedule(client)
    path = f"{SCHEDULES}/{made['schedule_id']}"
    viewer = bearer(await make(client, role="viewer"))
    operator = bearer(await make(client, role="operator"))
    assert (await client.get(path, headers=viewer)).status_code == 200
    assert (await client.post(f"{path}/run-now", headers=viewer)).status_code == 403
    assert (await client.post(f"{path}/run-now", headers=operator)).status_code == 201


async def test_other_pipelines_are_in_no_schedules_way(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Only what the schedule itself has started counts as an overlap."""
    path = f"{SCHEDULES}/{(await schedule(client))['schedule_id']}"
    await start_pipeline(conn)
    assert (await client.post(f"{path}/run-now")).status_code == 201
