"""With scripts: pages stay up to date by themselves, and listen to the keyboard."""

import time
from typing import Final
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stage, Watched

pytestmark = [pytest.mark.browser, pytest.mark.alone]

#: From a commit in Postgres to the screen. Seconds.
SOON: Final = 1.0


def seconds_until_shown(page: Page, connection: psycopg.Connection, pipeline_id: UUID, state: str) -> float:
    """From the commit of a pipeline's state until its page shows it."""
    connection.execute("UPDATE pipelines SET state = %s WHERE pipeline_id = %s", (state, pipeline_id))
    began = time.monotonic()
    page.wait_for_function(
        "state => document.querySelector('#live .head .badge').innerText === state", arg=state, polling=20
    )
    return time.monotonic() - began


def test_a_pipelines_state_is_on_the_screen_within_a_second(stage: Stage, watched: Watched) -> None:
    """Four times, whatever the moment; where the keyboard is stays where it was."""
    pipeline_id = stage.scene.paused
    page = watched.open(f"/ui/pipelines/{pipeline_id}")
    page.focus("text=Budget…")
    with psycopg.connect(stage.postgres_url, autocommit=True) as connection:
        taken = [
            seconds_until_shown(page, connection, pipeline_id, state)
            for state in ("running", "paused", "running", "paused")
        ]

    assert max(taken) <= SOON, taken
    assert page.evaluate("document.activeElement.textContent") == "Budget…"


def test_a_page_that_is_not_renewed_says_so(stage: Stage, watched: Watched) -> None:
    """Instead of showing what was as if it were."""
    page = watched.open("/ui/queues")
    watched.context.route("**/ui/queues", lambda route: route.abort())
    page.wait_for_selector("html.stale", state="attached")
    watched.context.unroute("**/ui/queues")
    page.wait_for_selector("html:not(.stale)", state="attached")


def test_keys_lead_everywhere_and_can_be_turned_off(stage: Stage, stranger: Watched) -> None:
    """Not while somebody types."""
    page = stranger.sign_in()
    for key, place in (
        ("p", "pipelines"),
        ("e", "errors"),
        ("b", "breakers"),
        ("q", "queues"),
        ("c", "cost"),
        ("a", "audit"),
        ("k", "keys"),
        ("?", "keyboard"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(f"**/ui/{place}")
    page.uncheck("#keys")
    page.keyboard.press("h")
    page.goto(f"{stage.origin}/ui/start")
    page.keyboard.press("p")
    expect(page).to_have_url(f"{stage.origin}/ui/start")
    page.evaluate("localStorage.clear()")
    page.reload()
    page.focus("#keywords")
    page.keyboard.type("happy people")
    expect(page.locator("#keywords")).to_have_value("happy people")
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
