"""Every screen with nothing on it, with something of everything, and for a pipeline in which everything failed."""

from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from services.gateway.app import create_app
from services.gateway.dashboard.api import Api, Call
from shared.config import Gateway, Settings
from shared.domain.phases import SERVICES
from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.pipelines import finish_pipeline, start_pipeline
from tests.browser.scene import play
from tests.gateway.operator import SCREENS, TOKEN, Operator, links, text_of
from tests.store.given_up import end, fail_all

pytestmark = pytest.mark.anyio

UNKNOWN = UUID(int=1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the API that pages have asked for."""
    made: list[str] = []
    send = Api.send

    async def noting(self: Api, call: Call, **arguments: Any) -> Any:
        made.append(call.path)
        return await send(self, call, **arguments)

    monkeypatch.setattr(Api, "send", noting)
    return made


def shown(page: str) -> set[str]:
    """Ids of the pipelines a page leads to."""
    return {link.rpartition("/")[2] for link in links(page) if link.startswith("/ui/pipelines/")}


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_without_anything_says_so(operator: Operator, screen: str) -> None:
    """No pipeline, no worker, no call: a whole page all the same."""
    page = await operator.see(f"/ui{screen}")

    assert page.startswith("<!DOCTYPE html>")
    assert 'href="/ui/pipelines"' in page


async def test_home_says_how_things_are_and_what_to_do(operator: Operator, postgres_url: str) -> None:
    """Health with its reasons, pipelines under way, dead letters by cause, a card per provider."""
    scene = await play(postgres_url)
    text = await operator.read("/ui")

    assert "Landscape is degraded" in text
    assert "the circuit breaker of media is open: the quota is needed elsewhere" in text
    assert "1 item waits for a budget" in text
    assert str(scene.running)[-8:] in text
    assert "no answer within <n> s" in text
    assert all(service in text for service in SERVICES)
    assert "9,120 of 10,000" in text


async def test_a_pipeline_in_which_everything_failed(operator: Operator, conn: Connection) -> None:
    """Its grid, its causes, its items, each with what can be done."""
    pipeline_id = await start_searches(conn, 3)
    await fail_all(conn, pipeline_id, error=lambda n: f"the answer was 50{n}")
    await end(conn)
    text = await operator.read(f"/ui/pipelines/{pipeline_id}")
    assert "failed" in text
    assert "0 of 3 completed, 3 failed" in text
    assert "the answer was <n>" in text
    items = await operator.see(f"/ui/pipelines/{pipeline_id}/failed-items")
    assert items.count("/items/") == 3
    (item,) = {part.partition('"')[0] for part in items.split(f"/ui/pipelines/{pipeline_id}/items/")[1:2]}
    shown = await operator.read(f"/ui/pipelines/{pipeline_id}/items/{item}")
    assert "Last error recoverable the answer was 500" in shown
    assert "GET /api/v1/pipeline" in shown


async def test_an_item_shows_its_result_and_the_calls_behind_it(operator: Operator, conn: Connection) -> None:
    """With what they cost."""
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    text = await operator.read(f"/ui/pipelines/{pipeline_id}/items/1")

    assert "completed" in text
    assert "serp answers ok 200 2 0.01 0.10 s" in text
    assert "1 Acme acme.com https://www.acme.com/a" in text
    assert "Digital landscape report" in await operator.see(f"/ui/pipelines/{pipeline_id}/report")


async def test_only_the_living_part_is_renewed(operator: Operator, conn: Connection) -> None:
    """No head, no navigation, and the notice of an action is kept for the page."""
    pipeline_id = await start_searches(conn, 1)
    page = await operator.see(f"/ui/pipelines/{pipeline_id}")
    await operator.submit(page, "/ui/actions/pause")
    part = await operator.see(f"/ui/pipelines/{pipeline_id}", headers={"HX-Request": "true"})

    assert "<nav" not in part
    assert "paused" in part
    assert "The pipeline is paused." in await operator.read(f"/ui/pipelines/{pipeline_id}")
    assert "The pipeline is paused." not in await operator.read(f"/ui/pipelines/{pipeline_id}")


async def test_filters_of_the_lists(operator: Operator, postgres_url: str) -> None:
    """Pipelines by state, letters by state and cause."""
    scene = await play(postgres_url)

    assert str(scene.paused) not in await operator.see("/ui/pipelines?in_state=failed")
    assert str(scene.failed) in await operator.see("/ui/pipelines?in_state=failed")
    assert "There is none." in await operator.read("/ui/dead-letters?in_state=replayed")
    assert "There is none." in await operator.read(f"/ui/dead-letters?pipeline_id={scene.running}")


async def test_pipelines_are_found_by_name_and_page_by_page(
    operator: Operator, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their number: the list is filtered by the API, and goes on where a page ends."""
    monkeypatch.setattr("services.gateway.dashboard.screens.pipelines.LIMIT", 2)
    acme = {"company": {"name": "Acme & Sons", "domains": ["acme.com"]}}
    ids = [str(await start_pipeline(conn, **(acme if n == 0 else {}))) for n in range(3)]
    page = await operator.see("/ui/pipelines?in_state=running")
    (older,) = [link for link in links(page) if "cursor=" in link]
    assert [one in shown(page) for one in ids] == [False, True, True]
    last = await operator.see(older)
    assert [one in shown(last) for one in ids] == [True, False, False]
    assert "Acme & Sons" in text_of(last)
    named = await operator.see("/ui/pipelines?name=acme")
    assert [one in shown(named) for one in ids] == [True, False, False]
    assert 'value="acme"' in named
    assert "Pipeline Acme & Sons" in await operator.read(f"/ui/pipelines/{ids[0]}")


async def test_what_is_under_way_is_at_home_however_old(operator: Operator, conn: Connection) -> None:
    """Behind sixty newer ones that have ended."""
    old = str(await start_pipeline(conn))
    for _ in range(60):
        await start_pipeline(conn)
    await conn.execute(
        "UPDATE pipelines SET state = 'failed', ended_at = now() WHERE pipeline_id <> %s", (old,)
    )
    assert old in shown(await operator.see("/ui"))


async def test_the_cost_page_makes_two_calls(operator: Operator, postgres_url: str, calls: list[str]) -> None:
    """However many pipelines there are; the money of each is in the list."""
    await play(postgres_url)
    calls.clear()
    text = await operator.read("/ui/cost")
    assert sorted(calls) == ["/monitoring/spending", "/pipeline"]
    assert "0.21 5.00" in text
    assert "not counted none" in text


async def test_pages_say_why_nothing_goes_on(operator: Operator, conn: Connection) -> None:
    """In the API's sentence, with what to do and the command."""
    pipeline_id = await start_searches(conn, 1)
    for page in ("", "/items/1"):
        text = await operator.read(f"/ui/pipelines/{pipeline_id}{page}")
        assert "no worker of serp is alive" in text
        assert "To do: start a worker" in text
        assert "landscape worker serp" in text


async def test_a_page_is_renewed_as_often_as_it_must_be(operator: Operator, conn: Connection) -> None:
    """A pipeline's several times a second, the others every two."""
    pipeline_id = await start_searches(conn, 1)
    assert 'data-renewed="700"' in await operator.see(f"/ui/pipelines/{pipeline_id}")
    assert 'data-renewed="2000"' in await operator.see("/ui/queues")


async def test_who_asks_too_often_is_told_when_to_ask_again(postgres_url: str) -> None:
    """The limit of the key is the page's, and so is the API's word on when it ends."""
    rate = Gateway(requests_per_second=0.01, burst=3)
    app = create_app(Settings(postgres_url=postgres_url, token=TOKEN, gateway=rate))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        operator = Operator(client)
        await operator.sign_in()
        await operator.see("/ui/cost")
        refused = await client.get("/ui/cost")
        assert refused.status_code == 429
        assert 90 <= int(refused.headers["retry-after"]) <= 102


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/pipelines/{UNKNOWN}", 404),
        (f"/pipelines/{UNKNOWN}/items/1", 404),
        (f"/pipelines/{UNKNOWN}/failed-items", 404),
        (f"/pipelines/{UNKNOWN}/report", 404),
        ("/pipelines/nothing", 404),
        ("/dead-letters/1", 404),
        ("/dead-letters?in_state=nonsense", 422),
        ("/pipelines?in_state=nonsense", 422),
        ("/pipelines?cursor=nonsense", 422),
        ("/errors?phase=nonsense", 422),
        ("/breakers/nobody", 404),
    ],
)
async def test_what_is_not_there_is_a_page_too(operator: Operator, path: str, status: int) -> None:
    """In the words of the API, with a way home."""
    await operator.see(f"/ui{path}", status)
