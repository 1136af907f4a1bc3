"""What came of a pipeline: read, taken along, compared, and run once more."""

import pytest

from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.pipelines import finish_pipeline, start_pipeline
from tests.browser.scene import Scene, play
from tests.gateway.operator import Operator, links, text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(postgres_url: str) -> Scene:
    """Something of everything."""
    return await play(postgres_url)


async def test_every_form_of_the_report_is_a_link(operator: Operator, scene: Scene) -> None:
    """Each leads to what it says, with a name for the file."""
    page = await operator.see(f"/ui/pipelines/{scene.completed}/results")
    files = [link for link in links(page) if "format=" in link and "against" not in link]
    assert len(files) > 10
    for link in files:
        answer = await operator.client.get(link)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment"), link


async def test_earlier_ones_of_the_same_company_come_first(operator: Operator, scene: Scene) -> None:
    """And each leads to what has changed since."""
    page = await operator.see(f"/ui/pipelines/{scene.completed}/results")
    (compare,) = [link for link in links(page) if f"against={scene.earlier}#movers" in link]
    assert 'id="movers"' in await operator.see(compare.partition("#")[0])
    assert page.index(str(scene.earlier)) < page.index(str(scene.failed))
    assert "None has ended before" in await operator.read(f"/ui/pipelines/{scene.earlier}/results")


async def test_nothing_is_promised_of_a_pipeline_in_which_everything_failed(
    operator: Operator, scene: Scene
) -> None:
    """It says that there are no figures; its own page says what to do, and links to it."""
    assert "Nothing was completed" in await operator.read(f"/ui/pipelines/{scene.failed}/results")
    page = await operator.see(f"/ui/pipelines/{scene.failed}")
    assert "12 items ended without a result. To do: cure the cause, then retry them" in text_of(page)
    assert any(link.startswith("/ui/actions/retry-failed?") for link in links(page))


async def test_what_a_budget_has_left_is_told_at_home(operator: Operator, conn: Connection) -> None:
    """From four fifths on, with the way to raise it."""
    pipeline_id = await start_searches(conn, 1, config={"budget": 10.0})
    assert "of its budget" not in await operator.read("/ui")
    await conn.execute("UPDATE pipeline_budgets SET committed = 8.5")
    page = await operator.see("/ui")
    assert "has committed 8.50 of its budget of 10.00" in text_of(page)
    assert any(f"/ui/actions/budget?pipeline_id={pipeline_id}" in link for link in links(page))


async def test_it_is_run_again_as_it_was(operator: Operator, conn: Connection) -> None:
    """The page says what it would take before anything starts; who asked is on record."""
    pipeline_id = await start_pipeline(conn)
    await finish_pipeline(conn, pipeline_id)
    ask = await operator.see(f"/ui/actions/run-again?pipeline_id={pipeline_id}")
    assert "it would take" in text_of(ask).lower()
    assert "Started: 3 searches." in await operator.do(ask, "/ui/actions/run-again")
    cursor = await conn.execute("SELECT actor FROM audit_log WHERE operation = 'clonePipeline'")
    assert await cursor.fetchall() == [("ada",)]


async def test_a_file_is_read_without_starting_anything(operator: Operator) -> None:
    """From home: its broken rows and columns, and the rest of the form still to be filled in."""
    files = {"file": ("k.csv", b"keyword,brand\nshoes,no\n,no\n", "text/csv")}
    answer = await operator.submit(await operator.see("/ui"), "/ui/start", files=files, step="read")
    assert answer.status_code == 200
    text = text_of(answer.text)
    assert "line 3: the keyword is blank" in text
    assert "What the columns hold" in text
