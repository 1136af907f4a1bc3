"""Every button: what it says, what it does, and the API call it is."""

from uuid import UUID

import pytest

from services.gateway.dashboard.actions import ACTIONS
from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.rows import fetch
from tests.browser.scene import Scene, play
from tests.gateway.operator import Operator, text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(postgres_url: str) -> Scene:
    """Something of everything."""
    return await play(postgres_url)


async def state(conn: Connection, pipeline_id: UUID) -> str:
    (found,) = await fetch(conn, "SELECT state FROM pipelines WHERE pipeline_id = %s", pipeline_id)
    return str(found)


async def test_pause_unpause_and_cancel(operator: Operator, conn: Connection) -> None:
    """One click each, but cancelling is done only from the page that says how many items it costs."""
    pipeline_id = await start_searches(conn, 3)
    page = f"/ui/pipelines/{pipeline_id}"

    assert "paused" in await operator.do(await operator.see(page), "/ui/actions/pause")
    assert await state(conn, pipeline_id) == "paused"
    await operator.do(await operator.see(page), "/ui/actions/unpause")
    ask = await operator.see(f"/ui/actions/cancel?pipeline_id={pipeline_id}&back={page}")
    assert "3 items of it are open and will be skipped." in text_of(ask)
    assert (await operator.submit(ask, "/ui/actions/cancel", confirmed=None)).status_code == 200
    assert await state(conn, pipeline_id) == "running"
    assert "The pipeline is cancelled." in await operator.do(ask, "/ui/actions/cancel", reason="a mistake")
    (by,) = await fetch(conn, "SELECT actor || ': ' || reason FROM pipeline_actions WHERE action = 'cancel'")
    assert by == "ada: a mistake"


async def test_dead_letters_of_one_cause(operator: Operator, conn: Connection, scene: Scene) -> None:
    """The page tells how many there are; those of other causes stay."""
    errors = await operator.see("/ui/errors")
    assert "no answer within <n> s" in text_of(errors)
    (fingerprint,) = await fetch(
        conn, "SELECT DISTINCT fingerprint FROM job_queue WHERE last_error LIKE 'no answer%%'"
    )
    ask = await operator.see(f"/ui/actions/replay?fingerprint={fingerprint}&back=/ui/errors")
    assert "4 dead letters are selected." in text_of(ask)
    after = await operator.do(ask, "/ui/actions/replay", reason="it is back")
    assert "4 dead letters replayed." in after
    assert "8 open" in after
    discard = await operator.see(f"/ui/actions/discard?ids={scene.letter}")
    refused = await operator.submit(discard, "/ui/actions/discard")
    assert refused.status_code == 422
    assert "/reason is missing" in text_of(refused.text)
    assert "1 dead letter discarded." in await operator.do(
        discard, "/ui/actions/discard", reason="nobody needs it"
    )


async def test_an_input_is_edited(operator: Operator, scene: Scene) -> None:
    """Begins with the present one; what is no JSON is refused in the API's words."""
    ask = await operator.see(
        f"/ui/actions/edit-input?job_id={scene.letter}&back=/ui/dead-letters/{scene.letter}"
    )
    refused = await operator.submit(ask, "/ui/actions/edit-input", input="{")
    assert "must be an object" in text_of(refused.text)
    assert "is changed" in await operator.do(ask, "/ui/actions/edit-input")


async def test_failed_items_are_retried(operator: Operator, scene: Scene) -> None:
    """Of one phase and category."""
    page = await operator.read(f"/ui/pipelines/{scene.running}/failed-items")
    assert "no such domain" in page
    ask = await operator.see(
        f"/ui/actions/retry-failed?pipeline_id={scene.running}&phase=company_enrichment&category=non_recoverable"
    )
    assert "2 items ended without a result." in text_of(ask)
    assert "2 items due again." in await operator.do(ask, "/ui/actions/retry-failed")


async def test_budgets_checkpoints_and_going_back(operator: Operator, scene: Scene) -> None:
    """A wrong number is refused; a checkpoint is written, verified and gone back to."""
    page = f"/ui/pipelines/{scene.paused}"
    ask = await operator.see(f"/ui/actions/budget?pipeline_id={scene.paused}&back={page}")
    assert "Its budget is 10.00" in text_of(ask)
    assert (await operator.submit(ask, "/ui/actions/budget", budget="much")).status_code == 422
    assert "of 42.00 committed" in await operator.do(ask, "/ui/actions/budget", budget="42")
    write = await operator.see(f"/ui/actions/checkpoint?pipeline_id={scene.paused}&back={page}")
    assert "Checkpoint here" in await operator.do(write, "/ui/actions/checkpoint", name="here")
    verify = await operator.see(f"/ui/actions/verify?pipeline_id={scene.paused}&name=here&back={page}")
    assert "It holds" in await operator.do(verify, "/ui/actions/verify")
    rewind = await operator.see(f"/ui/actions/rewind?pipeline_id={scene.paused}&name=here&back={page}")
    assert "0 items completed after it will be done again." in text_of(rewind)
    assert "It went back" in await operator.do(rewind, "/ui/actions/rewind")
    resume = await operator.see(
        f"/ui/actions/resume?pipeline_id={scene.failed}&back=/ui/pipelines/{scene.failed}"
    )
    assert "12 items failed or given up will be due again." in text_of(resume)
    for _ in range(2):  # the same form, sent twice, is done once
        assert "12 items due again" in await operator.do(resume, "/ui/actions/resume")


async def test_breakers_are_held_and_reset(operator: Operator, scene: Scene) -> None:
    """Holding takes a reason; resetting is one click."""
    for name, then in (("hold-open", "open, held"), ("hold-closed", "closed, held")):
        ask = await operator.see(f"/ui/actions/{name}?service=serp&back=/ui/breakers/serp")
        assert (await operator.submit(ask, f"/ui/actions/{name}")).status_code == 422
        assert then in await operator.do(ask, f"/ui/actions/{name}", reason="maintenance")
    done = await operator.do(await operator.see("/ui/breakers/serp"), "/ui/actions/reset")
    assert "The breaker of serp is closed." in done


async def test_all_that_is_dead_in_a_queue(operator: Operator, scene: Scene) -> None:
    """As the seed's own endpoint does it."""
    ask = await operator.see("/ui/actions/retry-queue?queue=serp&back=/ui/queues")
    assert "12 dead letters in it." in text_of(ask)
    assert "12 dead letters replayed" in await operator.do(ask, "/ui/actions/retry-queue")


async def test_a_queue_is_paused_and_unpaused(operator: Operator, conn: Connection) -> None:
    """Pausing takes a reason, which the page shows; the queue without a provider has no such button."""
    queues = await operator.see("/ui/queues")
    assert "queue=housekeeping&amp;back" in queues
    assert "pause-queue?queue=housekeeping" not in queues
    ask = await operator.see("/ui/actions/pause-queue?queue=serp&back=/ui/queues")
    assert (await operator.submit(ask, "/ui/actions/pause-queue")).status_code == 422
    done = await operator.do(ask, "/ui/actions/pause-queue", reason="a new contract")
    assert "The queue serp is paused." in done
    assert "paused by ada: a new contract" in done
    after = await operator.do(await operator.see("/ui/queues"), "/ui/actions/unpause-queue")
    assert "The queue serp is running." in after
    assert "paused by" not in after


async def test_what_the_api_refuses_is_said(operator: Operator, scene: Scene) -> None:
    """The same words, and nothing is changed."""
    ask = await operator.see(f"/ui/actions/pause?pipeline_id={scene.completed}")
    refused = await operator.submit(ask, "/ui/actions/pause")
    assert refused.status_code == 409
    assert "to pause it, it must be running" in text_of(refused.text)
    await operator.see("/ui/actions/nothing", 404)
    await operator.see(f"/ui/actions/cancel?pipeline_id={UUID(int=1)}", 404)


async def test_every_action_shows_the_same_as_an_api_call(operator: Operator, scene: Scene) -> None:
    """Method, path and a command to copy; never the key."""
    given = f"pipeline_id={scene.paused}&name=x&job_id={scene.letter}&service=serp&queue=serp&fingerprint=f&key_id={scene.key}&back=/ui"
    given += f"&template_id={scene.template}&schedule_id={scene.schedule}&operation_id={scene.operation}"
    for name in ACTIONS:
        page = await operator.see(f"/ui/actions/{name}?{given}")
        text = text_of(page)
        assert "/api/v1/" in text, name
        assert "$LANDSCAPE_TOKEN" in text, name
        assert "a-token" not in page


async def test_text_from_outside_stays_text(operator: Operator, conn: Connection, scene: Scene) -> None:
    """In errors, reasons, names of keys and what an address says."""
    attack = "<script>alert(1)</script>"
    await conn.execute("UPDATE job_queue SET last_error = %s WHERE fingerprint IS NOT NULL", (attack,))
    await conn.execute("UPDATE circuit_breakers SET reason = %s", (attack,))
    for page in ("/ui", "/ui/errors", "/ui/dead-letters", f"/ui/dead-letters/{scene.letter}", "/ui/breakers"):
        assert attack not in await operator.see(page)
    assert attack not in await operator.see(f"/ui/actions/replay?fingerprint={attack}&back={attack}")
