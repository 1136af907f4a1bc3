"""With scripts: pages stay up to date by themselves, and listen to the keyboard."""

import time
from collections.abc import Callable
from typing import Final

import httpx
import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Stage, Watched
from tests.gateway.operator import TOKEN
from tests.gateway.routes import bearer

pytestmark = [pytest.mark.browser, pytest.mark.alone]

#: From a commit in Postgres to the screen. Seconds.
SOON: Final = 1.0


def seconds_until_shown(page: Page, state: str, change: Callable[[], object]) -> float:
    """From the beginning of a change until a pipeline's page, or the row of one, shows this state."""
    began = time.monotonic()
    change()
    page.wait_for_function(
        "state => document.querySelector('#live .badge').innerText === state", arg=state, polling=20
    )
    return time.monotonic() - began


def listening(page: Page) -> None:
    """Wait until the page has its stream."""
    page.wait_for_function("() => document.getElementById('events')._htmx?.sse?.status === 200", polling=20)


def steer(stage: Stage, verb: str) -> Callable[[], object]:
    """Of the paused pipeline, by the API, as anybody else may do."""
    address = f"{stage.origin}/api/v1/pipeline/{stage.scene.paused}/{verb}"
    return lambda: httpx.post(address, headers=bearer(TOKEN)).raise_for_status()


def write(connection: psycopg.Connection, stage: Stage, state: str) -> Callable[[], object]:
    """The same pipeline's state straight into the record, which no event tells."""
    query = "UPDATE pipelines SET state = %s WHERE pipeline_id = %s"
    return lambda: connection.execute(query, (state, stage.scene.paused))


def test_a_pipelines_state_is_on_the_screen_within_a_second(stage: Stage, watched: Watched) -> None:
    """By one stream; also what no event tells. Where the keyboard is stays where it was."""
    opened: list[str] = []
    page = watched.context.new_page()
    page.on("request", lambda request: opened.append(request.url) if "/ui/events" in request.url else None)
    page.goto(f"{stage.origin}/ui/pipelines/{stage.scene.paused}")
    listening(page)
    page.focus("text=Budget…")
    taken = [
        seconds_until_shown(page, state, steer(stage, verb))
        for verb, state in (("unpause", "running"), ("pause", "paused")) * 2
    ]
    with psycopg.connect(stage.postgres_url, autocommit=True) as connection:
        taken += [
            seconds_until_shown(page, state, write(connection, stage, state))
            for state in ("running", "paused") * 2
        ]

    assert max(taken) <= SOON, taken
    assert page.evaluate("document.activeElement.textContent") == "Budget…"
    assert len(opened) == 1


def test_without_a_stream_polls_do(stage: Stage, watched: Watched) -> None:
    """As often as it takes, also for what no event tells."""
    watched.context.route("**/ui/events*", lambda route: route.abort())
    page = watched.open(f"/ui/pipelines/{stage.scene.paused}")
    with psycopg.connect(stage.postgres_url, autocommit=True) as connection:
        taken = [
            seconds_until_shown(page, state, write(connection, stage, state))
            for state in ("running", "paused") * 2
        ]
    watched.context.unroute("**/ui/events*")

    assert max(taken) <= SOON, taken


def test_a_stream_that_breaks_off_goes_on(stage: Stage, watched: Watched) -> None:
    """After the gateway's clients were cut off, and without a reload."""
    page = watched.open(f"/ui/pipelines/{stage.scene.paused}")
    listening(page)
    watched.context.set_offline(True)
    page.wait_for_selector("html.stale", state="attached")
    watched.context.set_offline(False)
    page.wait_for_selector("html:not(.stale)", state="attached")
    listening(page)
    seconds_until_shown(page, "running", steer(stage, "unpause"))
    seconds_until_shown(page, "paused", steer(stage, "pause"))


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
        ("o", "operations"),
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
