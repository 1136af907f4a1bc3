"""Templates and schedules on the screen: saved from a pipeline, tried out, scheduled, changed, paused, run."""

import pytest

from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.rows import fetch
from tests.gateway.operator import Operator, links, text_of

pytestmark = pytest.mark.anyio


async def act(operator: Operator, name: str, query: str, **fields: str) -> str:
    """Fill in the action's page; the text of where it leads."""
    page = await operator.see(f"/ui/actions/{name}?{query}")
    return await operator.do(page, f"/ui/actions/{name}", **fields)


async def identity(conn: Connection, what: str) -> str:
    (found,) = await fetch(conn, f"SELECT {what}_id FROM {what}s")  # noqa: S608 - of the tests
    return str(found)


async def saved(operator: Operator, conn: Connection, searches: int = 12) -> str:
    """A pipeline as a template, whose id it is."""
    pipeline_id = await start_searches(conn, searches)
    page = await operator.see(f"/ui/pipelines/{pipeline_id}")
    (way,) = [link for link in links(page) if "/actions/save-template" in link]
    ask = await operator.see(way.replace("&amp;", "&"))
    assert "is kept" in await operator.do(ask, "/ui/actions/save-template", name="weekly")
    return await identity(conn, "template")


async def test_a_pipeline_is_saved_tried_out_and_started(operator: Operator, conn: Connection) -> None:
    """The list and the page of a template say what it holds, and each action what it concerns."""
    template_id = await saved(operator, conn)
    assert "12 US 12 0" in await operator.read("/ui/templates")
    page = await operator.read(f"/ui/templates/{template_id}")
    assert "keywords 12" in page
    assert "None starts it." in page
    ask = await operator.read(f"/ui/actions/try-template?template_id={template_id}")
    assert "weekly: 12 keywords in US." in ask
    assert "Started: 10 searches." in await act(operator, "try-template", f"template_id={template_id}")
    assert "Started: 12 searches." in await act(operator, "start-template", f"template_id={template_id}")
    gone = await act(
        operator, "delete-template", f"template_id={template_id}&back=/ui/templates", reason="old"
    )
    assert "The template is deleted." in gone
    assert "There is no template yet." in gone
    (by,) = await fetch(
        conn, "SELECT actor || ': ' || reason FROM audit_log WHERE operation = 'deleteTemplate'"
    )
    assert by == "ada: old"


async def test_a_schedule_is_made_changed_paused_and_run(operator: Operator, conn: Connection) -> None:
    """With its next five times in words wherever it is shown; what is refused names the field."""
    template_id = await saved(operator, conn)
    ask = await operator.see(f"/ui/actions/create-schedule?template_id={template_id}&back=/ui/schedules")
    refused = await operator.submit(ask, "/ui/actions/create-schedule", cron="0 6 * *")
    assert refused.status_code == 422
    assert "/cron has 4 fields" in text_of(refused.text)
    made = await operator.do(
        ask, "/ui/actions/create-schedule", cron="0 6 * * 1", time_zone="Europe/Berlin", overlap="skip"
    )
    assert "weekly: At 06:00 on Monday; next Monday, " in made
    assert made.count(", 06:00 CE") == 6
    target = f"schedule_id={await identity(conn, 'schedule')}&back=/ui/schedules"
    present = await operator.see(f"/ui/actions/edit-schedule?{target}")
    assert 'value="0 6 * * 1"' in present
    assert 'value="skip" selected' in present
    changed = await operator.do(present, "/ui/actions/edit-schedule", cron="30 7 * * *")
    assert changed.count(", 07:30 CE") == 6
    assert "paused by ada: holidays" in await act(operator, "pause-schedule", target, reason="holidays")
    page = await operator.see("/ui/schedules")
    assert "next" in await operator.do(page, "/ui/actions/unpause-schedule")
    assert "Started: 12 searches." in await act(operator, "run-schedule", target)
    again = await operator.submit(
        await operator.see(f"/ui/actions/run-schedule?{target}"), "/ui/actions/run-schedule"
    )
    assert again.status_code == 409
    assert "still under way" in text_of(again.text)
    await conn.execute("UPDATE schedules SET overlap = 'cancel_previous'")
    earlier = await fetch(conn, "SELECT pipeline_id::text FROM schedule_fires")
    told = await operator.read(f"/ui/actions/run-schedule?{target}")
    assert f"It cancels what is under way: {earlier[0]}." in told
    shown = await operator.read(f"/ui/schedules/{await identity(conn, 'schedule')}")
    assert "run now started" in shown
    begun = await operator.see(f"/ui/pipelines/{earlier[0]}")
    assert "by schedule weekly , run now" in text_of(begun)
    assert f"/ui/schedules/{await identity(conn, 'schedule')}" in links(begun)
    assert "Nothing is started by the clock yet." in await act(operator, "delete-schedule", target)


async def test_what_did_not_start_is_shown_with_its_reason(operator: Operator, conn: Connection) -> None:
    """In the list and among the fires of its own page."""
    template_id = await saved(operator, conn)
    await act(operator, "create-schedule", f"template_id={template_id}", cron="0 0 1 1 *")
    await conn.execute(
        "INSERT INTO schedule_fires (schedule_id, due_at, actor, template_version, outcome, reason, cancelled)"
        " SELECT schedule_id, now(), 'schedule weekly', 1, 'refused', '/config/budget: too small', '{}' FROM schedules"
    )
    for page in ("/ui/schedules", f"/ui/schedules/{await identity(conn, 'schedule')}"):
        text = await operator.read(page)
        assert "refused" in text
        assert "/config/budget: too small" in text
