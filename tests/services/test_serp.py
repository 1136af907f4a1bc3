"""Scale SERP: the exact request, the exact mapping, and what its errors mean."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.serp.provider import PROVIDER, handle
from shared.domain.category import ErrorCategory, ErrorRule, categorize
from shared.domain.gate import hold_seconds
from shared.domain.item import Item
from shared.domain.provider import Completed
from shared.domain.results import Ranking, SearchResult
from shared.errors import AnswerError
from tests.services.till import API_KEY, Till, assert_storable, payload, refusal

pytestmark = pytest.mark.anyio

C = ErrorCategory
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def search(content_type: str = "organic", **changes: Any) -> Item:
    return Item(
        7,
        f'["running shoes","US","{content_type}"]',
        {
            "q": "running shoes", "region": "US", "type": content_type, "location": "United States",
            "gl": "us", "hl": "en", "google_domain": "google.com", "device": "desktop", "pages": 2, **changes,
        },
    )  # fmt: skip


async def complete(body: bytes, content_type: str = "organic") -> tuple[Completed, Till]:
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body))
    outcome = (await handle([search(content_type)], till))[7]
    assert isinstance(outcome, Completed)
    assert_storable(outcome)
    return outcome, till


@pytest.mark.parametrize(
    ("content_type", "search_type"), [("organic", None), ("news", "news"), ("video", "videos")]
)
async def test_request_asks_for_exactly_this_search(content_type: str, search_type: str | None) -> None:
    """One GET with the documented parameters; the key goes into the query, for there is no other way."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=payload("scale_serp", "zero")))

    await handle([search(content_type, location="Köln & Bonn,Germany")], till)

    (request,) = till.requests
    assert (request.method, request.url.host, request.url.path) == ("GET", "api.scaleserp.com", "/search")
    expected = {
        "q": "running shoes", "location": "Köln & Bonn,Germany", "gl": "us", "hl": "en", "api_key": API_KEY,
        "google_domain": "google.com", "device": "desktop", "max_page": "2",
    }  # fmt: skip
    assert dict(request.url.params) == expected | ({"search_type": search_type} if search_type else {})


async def test_two_pages_are_one_ranking() -> None:
    """The overall position counts on where the page ended; hosts become registrable domains."""
    outcome, till = await complete(payload("scale_serp", "organic_two_pages"))

    assert outcome.result == SearchResult(
        rankings=(
            Ranking(
                1, "https://www.acme.example/running", "acme.example", "Running Shoes", "All our shoes."
            ),
            Ranking(
                2, "https://news.bolt.co.uk/best?utm_source=x", "bolt.co.uk", "Best of 2026", "Tested.",
                published="3 Nov 2026",
            ),
            Ranking(11, "https://www.läufer.example/", "xn--lufer-gra.example", "Laufschuhe, groß"),
        ),
        total_results=1480000,
        features=("answer_box", "related_questions"),
        owners={"answer_box": (), "related_questions": ("acme.example",)},
    )  # fmt: skip
    assert (outcome.degraded, till.units) == ("", [2.0])


async def test_position_comes_from_page_and_place_without_an_overall_one() -> None:
    """The older shape: ten results a page; where even the place is missing, the order counts."""
    rows = [
        {"link": "https://a.example", "position": 3, "page": 2},
        {"link": "https://b.example", "position": "4"},
        {"link": "https://c.example"},
    ]

    outcome, _ = await complete(_body(organic_results=rows))

    assert [r.position for r in _rankings(outcome)] == [13, 4, 3]


async def test_row_without_a_host_is_left_out_and_marked() -> None:
    """It cannot be attributed to anybody; the others keep their positions, and the gap is stated."""
    outcome, _ = await complete(payload("scale_serp", "organic_one_page"))

    assert [(r.position, r.domain) for r in _rankings(outcome)] == [(1, "a.example"), (4, "b.example")]
    assert outcome.degraded == "rows_without_host"


async def test_news() -> None:
    """The publisher and the age as printed; the total as a string."""
    outcome, _ = await complete(payload("scale_serp", "news"), "news")

    ranking = Ranking(
        1, "https://www.daily.example/shoes", "daily.example", "Shoes sell", "Sales are up.", "The Daily", "2 hours ago"
    )  # fmt: skip
    assert outcome.result == SearchResult((ranking,), total_results=52400, owners={})


async def test_videos() -> None:
    """Running time and channel; the source wins where both are given."""
    outcome, _ = await complete(payload("scale_serp", "video"), "video")

    assert [(r.domain, r.source, r.length) for r in _rankings(outcome)] == [
        ("youtube.com", "Run Club", "10:34"),
        ("vimeo.com", "Vimeo", "0:59"),
    ]


@pytest.mark.parametrize("content_type", ["organic", "news", "video"])
async def test_genuine_zero_is_an_empty_ranking_and_no_error(content_type: str) -> None:
    """Nobody ranks for it: that is knowledge, paid for and complete."""
    outcome, till = await complete(payload("scale_serp", "zero"), content_type)

    assert outcome.result == SearchResult((), total_results=0, owners={})
    assert (outcome.degraded, till.units) == ("", [1.0])


async def test_missing_list_is_degraded_and_keeps_the_other_blocks() -> None:
    """A parse gap looks like this too: stored, marked, never mistaken for a genuine zero."""
    outcome, _ = await complete(payload("scale_serp", "other_blocks_only"))

    assert outcome.result == SearchResult(
        (),
        total_results=120,
        features=("knowledge_graph", "top_stories"),
        owners={"knowledge_graph": (), "top_stories": ("daily.example",)},
    )
    assert outcome.degraded == "no_results_block"


async def test_list_of_another_content_type_is_not_taken() -> None:
    """News in the answer to a web search are another block, not its ranking."""
    outcome, _ = await complete(payload("scale_serp", "news"), "organic")

    assert (_rankings(outcome), outcome.degraded) == ((), "no_results_block")


async def test_soft_fail_is_an_error_although_the_status_is_200() -> None:
    """It is tried a few times more."""
    with pytest.raises(AnswerError, match="unable to fulfil") as caught:
        await complete(payload("scale_serp", "soft_fail"))

    assert caught.value.codes == ("soft_fail",)


async def test_stored_answer_has_no_link_that_carries_the_key() -> None:
    """`search_metadata` shows the key in clear; nothing of it is kept."""
    outcome, _ = await complete(payload("scale_serp", "organic_two_pages"))

    assert "key-in-clear" in payload("scale_serp", "organic_two_pages").decode()
    assert "key-in-clear" not in repr(outcome)


FAILED = b'{"request_info":{"success":false,"message":"nope"}}'

#: Status, headers, body, category, told delay, seconds everything waits.
TABLE = {
    "400 invalid parameter": (400, {}, FAILED, C.NON_RECOVERABLE, None, 0),
    "401 invalid key": (401, {}, FAILED, C.ACCOUNT, None, 60),
    "402 out of credits": (402, {}, FAILED, C.ACCOUNT, None, 60),
    "404 wrong path": (404, {}, b"", C.NON_RECOVERABLE, None, 0),
    "429 rate": (429, {}, FAILED, C.THROTTLED, None, 1.0),
    "429 with a delay": (429, {"Retry-After": "20"}, FAILED, C.THROTTLED, 20, 20),
    "500": (500, {}, payload("scale_serp", "soft_fail"), C.RECOVERABLE, None, 0),
    "502 edge": (502, {}, b"<html>bad gateway</html>", C.RECOVERABLE, None, 0),
    "503 incident": (503, {}, payload("scale_serp", "incident"), C.QUOTA, 3600, 3600),
    "503 edge": (503, {}, b"<html>busy</html>", C.RECOVERABLE, None, 0),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
async def test_every_row_of_the_error_table(row: Any) -> None:
    """Status and body decide; a delay in the body counts like one in the headers."""
    status, headers, body, category, told, hold = row

    rule, error = await refusal(PROVIDER, httpx.Response(status, headers=headers, content=body))

    assert (rule.category, rule.attempts, error.retry_after) == (category, None, told)
    assert hold_seconds(rule, error, NOW) == hold


@pytest.mark.parametrize(
    ("body", "attempts", "trips"),
    [(payload("scale_serp", "soft_fail"), 3, True), (b"<html>edge</html>", None, True), (b"{}", 2, False)],
)
async def test_failure_with_status_200_is_recoverable(body: bytes, attempts: int | None, trips: bool) -> None:
    """A soft fail and an edge's page pass; another shape rarely does, and says nothing of the provider's health."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=body))
    with pytest.raises(AnswerError) as caught:
        await handle([search()], till)

    assert categorize(caught.value, PROVIDER.errors) == ErrorRule(
        C.RECOVERABLE, code=caught.value.codes[0] if attempts else None, attempts=attempts, trips=trips
    )


def _body(**blocks: Any) -> bytes:
    return json.dumps({"request_info": {"success": True}, **blocks}).encode()


def _rankings(outcome: Completed) -> tuple[Ranking, ...]:
    assert isinstance(outcome.result, SearchResult)
    return outcome.result.rankings
