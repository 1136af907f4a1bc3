"""Everything that changes something works without any script: a link, a form, a page that says what came of it."""

import pytest
from playwright.sync_api import Page

from services.gateway.dashboard.actions import ACTIONS
from tests.browser.conftest import Stage, Watched

pytestmark = [pytest.mark.browser, pytest.mark.alone]

Step = tuple[str, str, dict[str, str], str]
"""Action, its query, what is typed, and what the next page says. Each leaves the record so that the next can be done."""


def steps(stage: Stage) -> list[Step]:
    """In an order in which each can be done."""
    return [
        ("pause", f"pipeline_id={stage.scene.running}", {"reason": "a look"}, "The pipeline is paused."),
        ("checkpoint", f"pipeline_id={stage.scene.completed}", {"name": "mine"}, "Checkpoint mine"),
        ("verify", f"pipeline_id={stage.scene.completed}&name=mine", {}, "It holds"),
        ("rewind", f"pipeline_id={stage.scene.completed}&name=mine", {}, "It went back"),
        ("unpause", f"pipeline_id={stage.scene.running}", {}, "The pipeline is running."),
        ("budget", f"pipeline_id={stage.scene.running}", {"budget": "50"}, "The budget is 50.00."),
        ("edit-input", f"job_id={stage.scene.letter}", {}, "is changed"),
        ("replay", f"ids={stage.scene.letter}", {}, "1 dead letter replayed."),
        ("discard", f"ids={stage.scene.letter + 1}", {"reason": "old"}, "1 dead letter discarded."),
        ("retry-queue", "queue=serp", {}, "dead letters replayed"),
        ("pause-queue", "queue=serp", {"reason": "a look"}, "The queue serp is paused."),
        ("unpause-queue", "queue=serp", {}, "The queue serp is running."),
        ("retry-failed", f"pipeline_id={stage.scene.running}", {}, "2 items due again."),
        ("cancel", f"pipeline_id={stage.scene.paused}", {}, "The pipeline is cancelled."),
        ("resume", f"pipeline_id={stage.scene.paused}", {}, "It goes on: 4 items due again."),
        ("hold-open", "service=llm", {"reason": "maintenance"}, "The breaker of llm is open, held."),
        ("hold-closed", "service=llm", {"reason": "maintenance"}, "The breaker of llm is closed, held."),
        ("run-again", f"pipeline_id={stage.scene.completed}", {}, "Started: 18 searches."),
        ("cancel-operation", f"operation_id={stage.scene.operation}", {"reason": "enough"}, "is cancelled."),
        ("revoke-key", f"key_id={stage.scene.key}", {}, "The key nightly export is revoked."),
        ("reset", "service=llm", {}, "The breaker of llm is closed."),
        ("edit-policy", "service=llm", {"probes": "1", "reason": "careful"}, "The breaker of llm goes by probes 1, else"),
        ("reset-policy", "service=llm", {"reason": "over"}, "The breaker of llm goes by what is configured."),
        ("save-template", f"pipeline_id={stage.scene.completed}", {"name": "shoes"}, "The template shoes is kept."),
        ("try-template", f"template_id={stage.scene.template}", {}, "Started: 10 searches."),
        ("start-template", f"template_id={stage.scene.template}", {}, "Started: 40 searches."),
        ("create-schedule", f"template_id={stage.scene.template}", {"cron": "0 7 * * 5"}, "At 07:00 on Friday; next Friday"),
        ("edit-schedule", f"schedule_id={stage.scene.schedule}", {"cron": "0 0 2 1 *"}, "At 00:00 on January 2; next"),
        ("pause-schedule", f"schedule_id={stage.scene.schedule}", {"reason": "a look"}, "it is paused."),
        ("unpause-schedule", f"schedule_id={stage.scene.schedule}", {}, "; next "),
        ("run-schedule", f"schedule_id={stage.scene.schedule}", {}, "Started: 40 searches."),
        ("delete-schedule", f"schedule_id={stage.scene.schedule}", {}, "The schedule is deleted."),
        ("delete-template", f"template_id={stage.scene.spare}", {}, "The template is deleted."),
    ]  # fmt: skip


def _notice(page: Page) -> str:
    return page.inner_text("#notice")


def test_every_action_is_a_form(stage: Stage, plain: Watched) -> None:
    """All there are, one after the other."""
    assert {name for name, *_ in steps(stage)} == ACTIONS.keys()
    page = plain.open("/ui")
    for name, query, typed, said in steps(stage):
        page.goto(f"{stage.origin}/ui/actions/{name}?{query}&back=/ui/cost")
        for field, value in typed.items():
            page.fill(f"#{field}", value)
        page.click("form .acts button")
        place = "/ui/pipelines/" if name == "run-again" else "/ui/cost"
        assert place in page.url, page.inner_text("main")
        assert said in _notice(page), name


def test_a_pipeline_is_started(stage: Stage, plain: Watched) -> None:
    """From a file with a broken row: listed, mended in the text, checked, started."""
    page = plain.open("/ui/start")
    page.set_input_files(
        "#file", {"name": "k.csv", "mimeType": "text/csv", "buffer": b"keyword,brand\nshoes,no\n,no\n"}
    )
    page.check("text=Germany")
    page.click("text=Check it")
    assert "line 3: the keyword is blank" in page.inner_text("[role=alert]")
    page.fill("#keywords", "keyword,brand\nshoes,no\n")
    page.click("text=Check it")
    page.screenshot(path=stage.pictures / "start-checked-1280.png", full_page=True)
    page.click("text=Start it")
    assert "Started: 3 searches." in _notice(page)
