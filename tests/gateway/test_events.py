"""The event stream: named events, resumed where it broke off, filtered, bounded."""

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import psycopg
import pytest

from services.gateway.events import feed as feeds
from services.gateway.events import stream
from services.gateway.events.controller import resumed
from shared.store.events import Feed
from shared.testing.eventually import wait_until
from tests.gateway.operator import TOKEN
from tests.gateway.routes import NOBODY, bearer
from tests.gateway.served import served
from tests.gateway.sse import follow

START = {"keywords": ["crm"], "regions": ["US"]}
HISTORY = "/api/v1/events/history"


@pytest.fixture
def gateway(postgres_url: str) -> Iterator[httpx.Client]:
    """A client of a gateway behind a socket."""
    with served(postgres_url) as url, httpx.Client(base_url=url, headers=bearer(TOKEN)) as client:
        yield client


def start(gateway: httpx.Client) -> str:
    """A pipeline; its id."""
    return str(gateway.post("/api/v1/pipeline/start", json=START).json()["pipeline_id"])


def url(gateway: httpx.Client) -> str:
    """Where it is."""
    return str(gateway.base_url)


def test_what_happens_is_on_the_stream_with_name_and_id(gateway: httpx.Client) -> None:
    """From now on; the data says what, when and of which pipeline."""
    start(gateway)
    events = follow(url(gateway), last=0)
    first = next(events)
    pipeline_id = start(gateway)
    gateway.post(f"/api/v1/pipeline/{pipeline_id}/pause")
    second, third = next(events), next(events)
    assert [e["id"] for e in (first, second, third)] == [1, 2, 3]
    assert [e["event"] for e in (second, third)] == ["pipeline.started", "pipeline.paused"]
    assert second["data"]["pipeline_id"] == pipeline_id
    assert second["data"]["data"] == {"cause": "start"}
    events.close()  # type: ignore[attr-defined]  # a generator


def test_a_client_resumes_after_what_it_has_seen(gateway: httpx.Client) -> None:
    """Nothing is missing and nothing comes twice; a new client starts at the present."""
    for _ in range(5):
        start(gateway)
    assert [e["id"] for e in islice(follow(url(gateway), last=0), 5)] == [1, 2, 3, 4, 5]
    assert [e["id"] for e in islice(follow(url(gateway), last=3), 2)] == [4, 5]
    newcomer = follow(url(gateway))
    seen: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: seen.append(next(newcomer)))
    reader.start()
    while reader.is_alive():
        start(gateway)
        reader.join(0.3)
    assert seen[0]["id"] > 5


def test_a_stream_may_be_of_one_pipeline_and_of_some_names(gateway: httpx.Client) -> None:
    """What is left out leaves gaps in the ids, and nothing else."""
    first, second = start(gateway), start(gateway)
    for pipeline_id in (first, second):
        gateway.post(f"/api/v1/pipeline/{pipeline_id}/pause")
    mine = list(islice(follow(url(gateway), last=0, pipeline=second), 2))
    assert [(e["id"], e["data"]["pipeline_id"]) for e in mine] == [(2, second), (4, second)]
    paused = list(islice(follow(url(gateway), last=0, types="pipeline.paused,budget.80"), 2))
    assert [e["id"] for e in paused] == [3, 4]


@pytest.mark.parametrize(
    ("params", "headers", "pointer"),
    [
        ({"types": "pipeline.startd"}, {}, "?types"),
        ({"pipeline": "x"}, {}, "?pipeline"),
        ({}, {"Last-Event-ID": "x"}, "?Last-Event-ID"),
        ({}, {"Last-Event-ID": "-1"}, "?Last-Event-ID"),
        ({}, {"Last-Event-ID": "9" * 400}, "?Last-Event-ID"),
    ],
)
def test_a_wrong_wish_is_a_problem(
    gateway: httpx.Client, params: dict[str, str], headers: dict[str, str], pointer: str
) -> None:
    """Before the stream begins."""
    answer = gateway.get("/api/v1/events", params=params, headers=headers)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_what_is_no_longer_kept_is_said(gateway: httpx.Client, postgres_url: str) -> None:
    """An event `reset`, whose id can be resumed from; also for an id that this record never gave."""
    for _ in range(3):
        start(gateway)
    assert gateway.get(HISTORY).json()["newest"] == 3
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("DELETE FROM events WHERE seq < 3")
        conn.execute("UPDATE event_feed SET first_seq = 3")
    lost, kept = islice(follow(url(gateway), last=1), 2)
    assert (lost["event"], lost["id"], kept["id"]) == ("reset", 2, 3)
    foreign = next(follow(url(gateway), last=1000))
    assert (foreign["event"], foreign["id"]) == ("reset", 3)


def test_resuming_is_exact_at_the_edges() -> None:
    """The last event that is gone was seen: nothing is lost."""
    feed = Feed(newest=10, oldest=5)
    assert resumed(None, feed, None, None).after == 10
    assert (resumed(4, feed, None, None).after, resumed(4, feed, None, None).lost) == (4, "")
    assert resumed(3, feed, None, None).lost
    assert (resumed(10, feed, None, None).after, resumed(10, feed, None, None).lost) == (10, "")
    assert resumed(11, feed, None, None).lost
    assert resumed(0, Feed(newest=0, oldest=1), None, None).lost == ""


def test_a_quiet_stream_shows_that_it_is_alive(
    gateway: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By comments, which clients do not take for events; headers keep proxies from holding it back."""
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    with gateway.stream("GET", "/api/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
        lines = [line for line in islice(answer.iter_lines(), 6) if line]
    assert lines == ["retry: 2000", ": still here", ": still here"]


def test_streams_are_bounded_and_given_back(gateway: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than there may be is refused with 429 until another has ended."""
    monkeypatch.setattr(feeds, "MOST_OF_ONE", 2)
    with gateway.stream("GET", "/api/v1/events"), gateway.stream("GET", "/api/v1/events"):
        refused = gateway.get("/api/v1/events")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0

    def accepted() -> bool:
        with gateway.stream("GET", "/api/v1/events") as answer:
            return answer.status_code == 200

    wait_until(accepted)


def test_history_is_read_in_pages(gateway: httpx.Client) -> None:
    """For whoever holds no connection."""
    ids = [start(gateway) for _ in range(3)]
    first = gateway.get(HISTORY, params={"limit": 2}).json()
    rest = gateway.get(HISTORY, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [e["pipeline_id"] for e in first["items"] + rest["items"]] == ids
    assert (rest["next_cursor"], rest["newest"]) == (None, 3)
    assert gateway.get(HISTORY, params={"pipeline": NOBODY}).json()["items"] == []


def test_an_audit_that_fails_is_told_once(gateway: httpx.Client, postgres_url: str) -> None:
    """As long as it fails for the same checks; one that passes tells nothing."""
    pipeline_id = start(gateway)
    audit = f"/api/v1/pipeline/{pipeline_id}/audit"
    gateway.get(audit)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("UPDATE counters SET delta = delta + 1")
    for _ in range(2):
        assert not gateway.get(audit).json()["passed"]
    told = gateway.get(HISTORY, params={"types": "audit.failed"}).json()["items"]
    assert [(e["pipeline_id"], e["data"]) for e in told] == [(pipeline_id, {"checks": ["counters"]})]
