"""The stream that pages listen to: the API's own, opened by the session's cookie."""

from collections.abc import Iterator

import httpx
import pytest

from shared.domain.event import EventName
from tests.gateway.operator import SIGN_IN, TOKEN
from tests.gateway.routes import bearer
from tests.gateway.served import served
from tests.gateway.test_events import start


@pytest.fixture
def browser(postgres_url: str) -> Iterator[httpx.Client]:
    """Signed in to a gateway behind a socket, with a pipeline that was started and paused."""
    with served(postgres_url) as url:
        with httpx.Client(base_url=url, headers=bearer(TOKEN)) as client:
            client.post(f"/api/v1/pipeline/{start(client)}/pause")
        with httpx.Client(base_url=url, timeout=20.0) as browser:
            browser.post(SIGN_IN, data={"key": TOKEN, "name": "ada"})
            yield browser


def names(browser: httpx.Client, query: str, count: int, last: int = 0) -> list[str]:
    """Of the first events after the one with the id `last`."""
    found: list[str] = []
    with browser.stream("GET", f"/ui/events{query}", headers={"Last-Event-ID": str(last)}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                found.append(line.removeprefix("event: "))
            if len(found) == count:
                break
    return found


def test_the_cookie_opens_the_stream_where_it_broke_off(browser: httpx.Client) -> None:
    """From the event after the one that was seen last, and only of the names that were asked for."""
    started, paused = EventName.PIPELINE_STARTED, EventName.PIPELINE_PAUSED
    assert names(browser, "", 2) == [started, paused]
    assert names(browser, "", 1, last=1) == [paused]
    assert names(browser, f"?types={paused}", 1) == [paused]


def test_without_a_session_nothing_is_told(browser: httpx.Client) -> None:
    """Nor with the API's own way of asking: pages have a cookie, programs have the API."""
    browser.cookies.clear()
    assert browser.get("/ui/events").status_code == 401
    assert browser.get("/ui/events", headers=bearer(TOKEN)).status_code == 401


def test_what_the_api_refuses_is_refused(browser: httpx.Client) -> None:
    """With its status."""
    assert browser.get("/ui/events?types=nonsense").status_code == 422
    assert browser.post("/ui/events").status_code == 401
