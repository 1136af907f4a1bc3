"""Templates over the API: kept, edited by who has seen them, started, tried out."""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.store.pool import Connection
from shared.testing.rows import fetch
from tests.gateway.routes import NOBODY, bearer
from tests.gateway.test_keys import make

pytestmark = pytest.mark.anyio

TEMPLATES = "/api/v1/templates"
START = {
    "keywords": [
        *({"keyword": f"shoe {n}", "group": "shoes"} for n in range(20)),
        *({"keyword": f"boot {n}", "group": "boots", "brand": True} for n in range(3)),
    ],
    "regions": ["uk", "DE"],
    "content_types": ["organic"],
    "company": {"name": "Acme", "domains": ["acme.com"]},
    "competitors": [{"name": "Rival", "domains": ["rival.example"]}],
    "personas": [{"name": "Runner", "description": "runs"}],
    "dimensions": [{"name": "Depth", "focus": "how deep", "signals": ["figures"]}],
    "landscapes": [{"name": "boots", "keywords": ["boot 1"]}, {"name": "late", "keywords": ["shoe 19"]}],
    "exclude_domains": ["example.org"],
    "device": "mobile",
    "language": "en",
    "config": {"serp": {"ai_overview": True}, "priority": "high"},
}


async def save(client: AsyncTestClient[Any], name: str = "shoes", **fields: Any) -> dict[str, Any]:
    """A template, by default of START."""
    answer = await client.post(TEMPLATES, json={"name": name} | (fields or {"start": START}))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def configs(conn: Connection) -> list[dict[str, Any]]:
    """Of all pipelines, in the order of their start."""
    return await fetch(conn, "SELECT config FROM pipelines ORDER BY created_at")


async def test_a_template_holds_what_a_start_may_and_starts_it(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """The pipeline is the same as one that was started with the body itself; the log says who did it and why."""
    template = await save(client)
    assert (template["company"], template["keywords"], template["searches"]) == ("Acme", 23, 46)
    assert template["regions"] == ["GB", "DE"]
    path = f"{TEMPLATES}/{template['template_id']}"
    assert (await client.get(path)).json()["start"] == START
    await client.post("/api/v1/pipeline/start", json=START)
    started = await client.post(f"{path}/start", json={"actor": "ann", "reason": "new season"})
    assert started.status_code == 201
    assert started.headers["Location"] == f"/api/v1/pipeline/{started.json()['pipeline_id']}"
    by_hand, by_template = await configs(conn)
    assert by_template == by_hand
    entries = (await client.get("/api/v1/audit-log")).json()["items"]
    assert (entries[0]["operation"], entries[0]["actor"], entries[0]["reason"]) == (
        "startTemplate",
        "ann",
        "new season",
    )


async def test_a_try_out_takes_ten_keywords_evenly_over_the_groups(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Everything else is the template's; of named parts what is left of them."""
    template = await save(client)
    tried = await client.post(f"{TEMPLATES}/{template['template_id']}/try")
    assert tried.status_code == 201, tried.text
    assert tried.json()["items"] == 20
    (config,) = await configs(conn)
    groups = [keyword["group"] for keyword in config["keywords"]]
    assert (groups.count("shoes"), groups.count("boots")) == (7, 3)
    assert [one["name"] for one in config["landscapes"]] == ["boots"]
    assert (config["device"], config["ai_overview"], config["priority"]) == ("mobile", True, "high")


async def test_a_pipeline_is_saved_as_a_template(client: AsyncTestClient[Any], conn: Connection) -> None:
    """What starts by it has the same configuration, whatever that holds."""
    pipeline_id = (await client.post("/api/v1/pipeline/start", json=START)).json()["pipeline_id"]
    template = await save(client, pipeline_id=pipeline_id)
    await client.post(f"{TEMPLATES}/{template['template_id']}/start")
    first, second = await configs(conn)
    assert second == first


async def test_an_edit_of_what_was_changed_meanwhile_is_refused(client: AsyncTestClient[Any]) -> None:
    """Every edit is a version; who names the one that was seen cannot undo another's edit unawares."""
    path = f"{TEMPLATES}/{(await save(client))['template_id']}"
    seen = {"If-Match": (await client.get(path)).headers["ETag"]}
    renamed = await client.patch(path, json={"name": "boots"}, headers=seen)
    assert (renamed.json()["name"], renamed.json()["version"], renamed.json()["searches"]) == ("boots", 2, 46)
    assert (await client.patch(path, json={"name": "hats"}, headers=seen)).status_code == 412
    smaller = START | {"regions": ["US"]}
    now = {"If-Match": renamed.headers["ETag"]}
    edited = (await client.patch(path, json={"start": smaller}, headers=now)).json()
    assert (edited["name"], edited["version"], edited["regions"], edited["searches"]) == (
        "boots",
        3,
        ["US"],
        23,
    )
    assert (await client.get(path)).json()["start"] == smaller


async def test_names_are_taken_once_and_what_was_sent_twice_is_done_once(
    client: AsyncTestClient[Any],
) -> None:
    """In whatever case; an Idempotency-Key gets the first answer again."""
    body = {"name": "Shoes", "start": START}
    first = await client.post(TEMPLATES, json=body, headers={"Idempotency-Key": "k"})
    again = await client.post(TEMPLATES, json=body, headers={"Idempotency-Key": "k"})
    assert again.json() == first.json()
    other = await save(client, "Boots")
    for answer in (
        await client.post(TEMPLATES, json={"name": "shoes", "start": START}),
        await client.patch(f"{TEMPLATES}/{other['template_id']}", json={"name": "SHOES"}),
    ):
        assert answer.status_code == 409
        assert "called" in answer.json()["detail"]
    names = [one["name"] for one in (await client.get(TEMPLATES)).json()["items"]]
    assert names == ["Boots", "Shoes"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"start": START}, "/name"),
        ({"name": " ", "start": START}, "/name"),
        ({"name": "a\x00b", "start": START}, "/name"),
        ({"name": "x"}, "/start"),
        ({"name": "x", "start": START, "pipeline_id": NOBODY}, "/start"),
        ({"name": "x", "pipeline_id": NOBODY}, "/pipeline_id"),
        ({"name": "x", "start": START | {"keywords": ["a", " "]}}, "/start/keywords/1"),
        ({"name": "x", "start": START | {"landscapes": [{"name": "l", "keywords": ["no"]}]}}, "/start/landscapes/0/keywords/0"),
        ({"name": "x", "start": START | {"config": {"resume_from_pipeline_id": NOBODY}}}, "/start/config/resume_from_pipeline_id"),
        ({"name": "x", "start": START | {"colour": "red"}}, "/start/colour"),
    ],
)  # fmt: skip
async def test_a_wrong_body_names_the_field(
    client: AsyncTestClient[Any], body: dict[str, Any], pointer: str
) -> None:
    """As a start does, below /start; nothing is kept."""
    answer = await client.post(TEMPLATES, json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await client.get(TEMPLATES)).json()["items"] == []


async def test_a_template_is_deleted_unless_schedules_start_it(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """Its pipelines stay. Who may only look may neither save nor start."""
    template = await save(client)
    path = f"{TEMPLATES}/{template['template_id']}"
    viewer = bearer(await make(client, role="viewer"))
    assert (await client.get(path, headers=viewer)).status_code == 200
    assert (await client.post(f"{path}/start", headers=viewer)).status_code == 403
    await client.post(f"{path}/start")
    schedule = {"template_id": template["template_id"], "cron": "0 6 * * 1"}
    made = (await client.post("/api/v1/schedules", json=schedule)).json()
    assert (await client.get(path)).json()["schedules"] == 1
    assert (await client.delete(path)).status_code == 409
    assert (await client.delete(f"/api/v1/schedules/{made['schedule_id']}")).status_code == 204
    assert (await client.delete(path)).status_code == 204
    for answer in (await client.get(path), await client.post(f"{path}/try"), await client.delete(path)):
        assert answer.status_code == 404
    assert len(await configs(conn)) == 1
