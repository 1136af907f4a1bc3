"""Every screen with nothing on it, with something of everything, and for a pipeline in which everything failed."""

from uuid import UUID

import pytest

from shared.domain.phases import SERVICES
from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.pipelines import finish_pipeline, start_pipeline
from tests.browser.scene import play
from tests.gateway.operator import SCREENS, Operator
from tests.store.given_up import end, fail_all

pytestmark = pytest.mark.anyio

UNKNOWN = UUID(int=1)


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
    assert "1 item wait for a budget" in text
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

    assert str(scene.paused) not in await operator.see("/ui/pipelines?state=failed")
    assert str(scene.failed) in await operator.see("/ui/pipelines?state=failed")
    assert "There is none." in await operator.read("/ui/dead-letters?in_state=replayed")
    assert "There is none." in await operator.read(f"/ui/dead-letters?pipeline_id={scene.running}")


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
        ("/errors?phase=nonsense", 422),
        ("/breakers/nobody", 404),
    ],
)
async def test_what_is_not_there_is_a_page_too(operator: Operator, path: str, status: int) -> None:
    """In the words of the API, with a way home."""
    await operator.see(f"/ui{path}", status)
