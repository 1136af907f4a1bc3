"""Cognism: the exact requests, the exact mapping, and what its errors mean."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.enrichment.provider import PROVIDER, handle
from shared.domain.category import ErrorCategory, categorize
from shared.domain.gate import hold_seconds
from shared.domain.item import Item
from shared.domain.provider import Completed
from shared.domain.results import CompanyResult
from shared.errors import StatusError
from tests.services.till import API_KEY, Reply, Till, assert_storable, payload, refusal

pytestmark = pytest.mark.anyio

C = ErrorCategory
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
DAY = 24 * 60 * 60

ACME, BOOKS, SOLE, GONE = "acme.example", "xn--bcher-kva.example", "sole-trade.example", "gone.example"
ACME_ID, BOOKS_ID, SOLE_ID = (
    "e53fa4ed-cc99-385c-b431-38fd6a6a88e0",
    "efc6d975-8599-38ab-8cfe-e1c42ac16dc6",
    "7351d07c-9118-3e0c-8a55-0a3c1a3a5f03",
)
ACME_RESULT = CompanyResult(
    matched=True, company_id=ACME_ID, name="Acme", domain=ACME, matched_by="domain",
    website="https://www.acme.example", industries=("Computer Software", "Internet"),
    description="Acme makes anvils.", kind="Privately Held", founded=1987, revenue=9007199254740993,
    headcount=412, size_from=201, size_to=500, country="Germany", city="München",
    linkedin_url="https://www.linkedin.com/company/acme", technologies=("HubSpot", "AWS"),
)  # fmt: skip
NO_MATCH = (CompanyResult(matched=False), "no_match")


def lookups(*domains: str) -> list[Item]:
    return [Item(n, domain, {}) for n, domain in enumerate(domains)]


def answering(search: bytes, records: bytes, enrichments: Callable[[str], bytes] | None = None) -> Reply:
    """A provider with these bodies; `enrichments` gives one by domain."""

    def reply(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("/")[2]:
            case "search":
                content = search
            case "redeem":
                content = records
            case _:
                assert enrichments, "nothing is enriched here"
                content = enrichments(json.loads(request.content)["domain"])
        return httpx.Response(200, content=content)

    return reply


def whole() -> Reply:
    return answering(payload("cognism", "search"), payload("cognism", "records"))


def previews(*ids: str, **more: Any) -> bytes:
    return json.dumps({"results": [{"id": one, "name": one} for one in ids], **more}).encode()


def records(*results: Any) -> bytes:
    return json.dumps({"totalResults": len(results), "results": results}).encode()


async def complete(items: Sequence[Item], till: Till) -> list[tuple[CompanyResult, str]]:
    outcomes = await handle(items, till)
    assert sorted(outcomes) == sorted(item.item_id for item in items)
    results = []
    for item in items:
        outcome = outcomes[item.item_id]
        assert isinstance(outcome, Completed)
        assert isinstance(outcome.result, CompanyResult)
        assert_storable(outcome)
        assert outcome.result.domain == (item.key if outcome.result.matched else "")
        assert len(outcome.facts) == 1 + outcome.result.matched
        results.append((outcome.result, outcome.degraded))
    return results


def paths(till: Till) -> list[str]:
    return [request.url.path.rpartition("/")[2] for request in till.requests]


async def test_search_and_redemption_are_one_request_each() -> None:
    """Exact domains, the smallest page, the ids in an order of their own, the key in a header and not in the URL."""
    till = Till(PROVIDER, whole())

    await complete(lookups(ACME, BOOKS, SOLE, GONE), till)

    search, redemption = till.requests
    assert (search.method, search.url.path) == ("POST", "/api/search/account/search")
    assert dict(search.url.params) == {"indexSize": "20"}
    assert json.loads(search.content) == {
        "domains": [ACME, BOOKS, SOLE, GONE],
        "accountSearchOptions": {"match_exact_domain": True},
    }
    assert (redemption.method, redemption.url.path) == ("POST", "/api/search/account/redeem")
    assert dict(redemption.url.params) == {"mergePhonesAndLocations": "true"}
    assert json.loads(redemption.content) == {"redeemIds": [SOLE_ID, ACME_ID, BOOKS_ID]}
    assert {request.headers["Authorization"] for request in till.requests} == {f"Bearer {API_KEY}"}
    assert {request.headers["Content-Type"] for request in till.requests} == {"application/json"}
    assert till.units == [20.0, 0.0]


async def test_records_become_results() -> None:
    """By the record's own domain, else by its website; what is absent is unknown, and 0 is 0."""
    results = await complete(lookups(GONE, SOLE, ACME, BOOKS), Till(PROVIDER, whole()))

    assert results == [
        NO_MATCH,
        (
            CompanyResult(
                matched=True, company_id=SOLE_ID, name="Sole Trade", domain=SOLE, matched_by="website",
                website="http://www.sole-trade.example/home",
            ),
            "",
        ),
        (ACME_RESULT, ""),
        (
            CompanyResult(
                matched=True, company_id=BOOKS_ID, name="Bücher Wagner", domain=BOOKS, matched_by="domain",
                website="https://bücher.example/", description="Books.", headcount=0,
            ),
            "",
        ),
    ]  # fmt: skip


async def test_published_samples_read_the_same() -> None:
    """Another name of the list, of technologies and of locations; a flag that is an object."""
    body = payload("cognism", "records_published")
    till = Till(PROVIDER, answering(previews(ACME_ID), body))

    assert await complete(lookups(ACME), till) == [(ACME_RESULT, "")]


async def test_nothing_about_a_person_is_kept() -> None:
    """No phone number, street, event or private page, and no query of a link."""
    outcomes = await handle(lookups(ACME, SOLE), Till(PROVIDER, whole()))

    for private in ("555", "Street", "reception", "Head of Sales", "somebody", "5f1c"):
        assert private in payload("cognism", "records").decode()
        assert private not in repr(outcomes)


async def test_without_any_preview_nothing_is_redeemed() -> None:
    """Nobody is known: that is an answer, and complete."""
    till = Till(PROVIDER, answering(payload("cognism", "no_results"), b"never asked"))

    assert await complete(lookups(ACME, GONE), till) == [NO_MATCH, NO_MATCH]
    assert (paths(till), till.units) == (["search"], [20.0])


async def test_twenty_domains_are_two_requests() -> None:
    """A full page of which nothing is missing, whatever the order of the records."""
    domains = [f"site-{n}.example" for n in range(20)]
    found = [{"id": f"id{n}", "name": f"N{n}", "domain": domain} for n, domain in enumerate(domains)]
    search = previews(*(f"id{n}" for n in range(20)), totalResults=20, lastReturnedKey="id19")
    till = Till(PROVIDER, answering(search, records(*reversed(found))))

    results = await complete(lookups(*domains), till)

    assert [(result.name, degraded) for result, degraded in results] == [(f"N{n}", "") for n in range(20)]
    assert (paths(till), till.units) == (["search", "redeem"], [20.0, 0.0])


PAGE = tuple(f"id{n}" for n in range(20))


@pytest.mark.parametrize(
    ("search", "crowded"),
    [
        (previews(*PAGE, totalResults=21, lastReturnedKey="id19"), True),
        (previews(*PAGE, total=21), True),
        (previews(*PAGE, lastReturnedKey="id19"), True),
        (previews("id1", totalResults=2), True),
        (previews(totalResults=7), True),
        (previews(*PAGE, totalResults=20, lastReturnedKey="id19"), False),
        (previews(*PAGE, lastReturnedKey=None), False),
        (previews(*PAGE, lastReturnedKey=""), False),
        (previews(*PAGE), False),
        (previews("id1", lastReturnedKey="id1"), False),
    ],
)
async def test_more_previews_than_a_page_are_no_further_pages(search: bytes, crowded: bool) -> None:
    """Each domain's best match is asked for instead, at one preview each: no match is lost, and there is an end."""
    by_domain = {ACME: ["one"], SOLE: ["two"], GONE: []}
    found = [{"id": "one", "name": "One", "domain": ACME}, {"id": "two", "name": "Two", "domain": SOLE}]
    found += [{"id": "id1", "name": "First", "domain": ACME}]

    def reply(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        match request.url.path.rpartition("/")[2]:
            case "search":
                return httpx.Response(200, content=search)
            case "enrich":
                return httpx.Response(200, content=previews(*by_domain[body["domain"]], matchScore=80))
        return httpx.Response(
            200, content=records(*(record for record in found if record["id"] in body["redeemIds"]))
        )

    till = Till(PROVIDER, reply)
    results = await complete(lookups(ACME, SOLE, GONE), till)

    if crowded:
        assert paths(till) == ["search", "enrich", "enrich", "enrich", "redeem"]
        assert till.units == [20.0, 1.0, 1.0, 1.0, 0.0]
        assert [json.loads(request.content) for request in till.requests[1:4]] == [
            {"domain": ACME}, {"domain": SOLE}, {"domain": GONE},
        ]  # fmt: skip
        assert [result.name for result, _ in results] == ["One", "Two", ""]
    else:
        assert paths(till) == ["search", "redeem"]
        assert [result.name for result, _ in results] == ["First", "", ""]


RIVALS = {
    "domain before website": ({"domain": ACME}, {"website": f"https://{ACME}", "headcount": 9}),
    "more employees": ({"domain": ACME, "headcount": 9}, {"domain": ACME, "headcount": 8}),
    "larger range": ({"domain": ACME, "sizeFrom": 11}, {"domain": ACME, "headcount": 10}),
    "any size before none": ({"domain": ACME, "headcount": 1}, {"domain": ACME}),
    "branch of the same domain": ({"domain": ACME, "headcount": 2}, {"domain": f"uk.{ACME}", "headcount": 1}),
}


@pytest.mark.parametrize(("better", "worse"), RIVALS.values(), ids=RIVALS)
async def test_of_several_records_the_same_is_taken(better: dict[str, Any], worse: dict[str, Any]) -> None:
    """Whatever order they were found in; the lowest id where nothing else tells them apart."""
    found = [{"id": "z", "name": "Better", **better}, {"id": "y", "name": "Worse", **worse}]
    found += [{"id": "zz", "name": "Same", **better}]
    for listed in (found, found[::-1]):
        search = previews(*(record["id"] for record in listed))
        till = Till(PROVIDER, answering(search, records(*found)))
        ((result, _),) = await complete(lookups(ACME), till)
        assert result.name == "Better"


@pytest.mark.parametrize(
    "record",
    [
        {"domain": "other.example"},
        {"domain": "other.example", "website": f"https://{ACME}"},
        {"domain": f"{ACME}.evil.example"},
        {"domain": "not-acme.example"},
        {"website": f"https://other.example/{ACME}"},
        {"website": f"https://{ACME}@other.example"},
        {"domain": "?", "website": "javascript://acme.example/%0aalert(1)"},
        {"domain": ""},
        {},
    ],
)
async def test_record_of_another_domain_is_nobodys(record: dict[str, Any]) -> None:
    """A website speaks for a record that has no domain, never against one."""
    till = Till(PROVIDER, answering(previews("one"), records({"id": "one", "name": "N", **record})))

    assert await complete(lookups(ACME), till) == [NO_MATCH]


@pytest.mark.parametrize(
    "domain", [ACME, "ACME.Example.", "https://www.acme.example/en?x=1", "uk.acme.example"]
)
async def test_domain_is_compared_as_registered(domain: str) -> None:
    """However the record spells it."""
    till = Till(PROVIDER, answering(previews("one"), records({"id": "one", "name": "N", "domain": domain})))

    ((result, _),) = await complete(lookups(ACME), till)

    assert (result.name, result.domain, result.matched_by) == ("N", ACME, "domain")


async def test_redemption_that_is_refused_is_tried_with_ids_of_the_domains_own() -> None:
    """Else one bad id would fail every domain it was searched together with."""

    def reply(request: httpx.Request) -> httpx.Response:
        if b"bad" in request.content:
            return httpx.Response(400, content=payload("cognism", "error_request"))
        return answering(
            previews(ACME_ID, "bad"),
            payload("cognism", "records_published"),
            lambda domain: previews(ACME_ID if domain == ACME else "bad"),
        )(request)

    till = Till(PROVIDER, reply)
    assert await complete(lookups(ACME), till) == [(ACME_RESULT, "")]
    assert paths(till) == ["search", "redeem", "enrich", "redeem"]
    with pytest.raises(StatusError) as caught:
        await handle(lookups(GONE), Till(PROVIDER, reply))
    assert categorize(caught.value, PROVIDER.errors).category is C.NON_RECOVERABLE


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_no_other_error_of_a_redemption_is_held_against_its_ids(status: int) -> None:
    """It goes to the runtime as it is, and nothing further is bought."""

    def reply(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if request.url.path.endswith("redeem") else whole()(request)

    till = Till(PROVIDER, reply)
    with pytest.raises(StatusError):
        await handle(lookups(ACME), till)
    assert paths(till) == ["search", "redeem"]


RATE = payload("cognism", "error_rate")
SPENT = {"x-rate-result-limit-remaining": "0"}
BACK = {"x-rate-result-limit-reset": "86399"}
EDGE = {"CF-Ray": "8f2c1d-FRA", "Content-Type": "text/html"}

#: Status, headers, body, category, told delay, seconds everything waits.
TABLE: dict[str, tuple[int, dict[str, str], bytes, ErrorCategory, float | None, float]] = {
    "400 wrong request": (400, {}, payload("cognism", "error_request"), C.NON_RECOVERABLE, None, 0),
    "400 entitlement": (400, {}, payload("cognism", "error_entitlement"), C.ACCOUNT, None, 60),
    "401 credentials": (401, {}, payload("cognism", "error_credentials"), C.ACCOUNT, None, 60),
    "401 without a body": (401, {}, b"", C.ACCOUNT, None, 60),
    "402": (402, {}, b"", C.ACCOUNT, None, 60),
    "403 entitlement": (403, {}, b'{"message":"You have no entitlement set"}', C.ACCOUNT, None, 60),
    "404 wrong path": (404, {}, payload("cognism", "error_route"), C.NON_RECOVERABLE, None, 0),
    "429 rate": (429, {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "17"}, RATE, C.THROTTLED, 17, 17),
    "429 without headers": (429, {}, RATE, C.THROTTLED, None, 1.0),
    "429 rate, previews left": (
        429, {"x-rate-limit-reset": "17", "x-rate-result-limit-remaining": "500", **BACK}, RATE, C.THROTTLED, 17, 17,
    ),
    "429 previews used up": (429, {**SPENT, **BACK}, RATE, C.QUOTA, 86399, 86399),
    "429 previews used up for a month": (
        429, {**SPENT, "x-rate-result-limit-reset": "2592000"}, RATE, C.QUOTA, DAY, DAY,
    ),
    "429 previews used up, nobody knows until when": (429, SPENT, RATE, C.QUOTA, None, 60),
    "403 previews used up": (403, {**SPENT, **BACK}, b"", C.QUOTA, 86399, 86399),
    "402 previews used up": (402, {**SPENT, **BACK}, b"", C.QUOTA, 86399, 86399),
    "500 with the last previews": (500, SPENT, b"", C.RECOVERABLE, None, 0),
    "500": (500, {}, b'[{"key":"InternalServerError","code":500,"msg":"x"}]', C.RECOVERABLE, None, 0),
    "502 edge": (502, EDGE, b"<!DOCTYPE html><title>502</title>", C.RECOVERABLE, None, 0),
    "503 edge": (503, EDGE, b"<!DOCTYPE html>entitlement", C.RECOVERABLE, None, 0),
    "504": (504, {}, b"", C.RECOVERABLE, None, 0),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
async def test_every_row_of_the_error_table(row: Any) -> None:
    """Status, headers and text decide together: limits of calls and of previews differ in headers only."""
    status, headers, body, category, told, hold = row

    rule, error = await refusal(PROVIDER, httpx.Response(status, headers=headers, content=body))

    assert (rule.category, error.retry_after) == (category, told)
    assert hold_seconds(rule, error, NOW) == hold


@pytest.mark.parametrize(
    ("name", "text"),
    [("error_credentials", "status 401 (MissingCredentials)"), ("error_rate", "status 401 (88)")],
)
async def test_code_of_the_error_is_in_its_text(name: str, text: str) -> None:
    """Whoever reads the record sees why, from either envelope."""
    _, error = await refusal(PROVIDER, httpx.Response(401, content=payload("cognism", name)))

    assert str(error) == text
