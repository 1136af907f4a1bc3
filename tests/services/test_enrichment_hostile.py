"""Cognism answering with anything: a refusal, a marked result or no match, never a wrong company taken for right."""

import json
from typing import Any

import httpx
import pytest

from services.enrichment.provider import PROVIDER, handle
from shared.domain.category import categorize
from shared.errors import AnswerError, ProviderError
from tests.services.test_enrichment import (
    ACME,
    ACME_ID,
    GONE,
    NO_MATCH,
    PAGE,
    SOLE,
    answering,
    complete,
    lookups,
    paths,
    previews,
    records,
    whole,
)
from tests.services.till import Till, payload

pytestmark = pytest.mark.anyio

#: Beyond every integer type of Postgres.
HUGE = 10**40
DEEP = b"[" * 200_000

#: Bodies that are wrong for a search, an enrichment and a redemption alike.
REFUSED = {
    # It is not this format, or not all of it.
    "nothing": (b"", "unreadable"),
    "blank": (b" \n", "unreadable"),
    "html": (b"<!DOCTYPE html><title>Just a moment...</title>", "unreadable"),
    "cut off": (payload("cognism", "records")[:900], "unreadable"),
    "two documents": (payload("cognism", "no_results") * 2, "unreadable"),
    "NaN": (b'{"results":NaN}', "unreadable"),
    "NaN in a value": (b'{"results":[{"id":"one","name":"N","revenue":NaN}]}', "unreadable"),
    "infinity": (b'{"totalResults":Infinity,"results":[]}', "unreadable"),
    "half a surrogate pair": (b'{"results":[{"id":"\\ude00","name":"N"}]}', "unreadable"),
    "not UTF-8": (b'{"results":[{"id":"\xc3\x28","name":"N"}]}', "unreadable"),
    "UTF-16": ('{"results":[]}'.encode("utf-16"), "unreadable"),
    "deep nesting": (b'{"x":' + DEEP, "unreadable"),
    "deep nesting inside an entry": (b'{"results":[{"id":"one","name":"N","x":' + DEEP, "unreadable"),
    "deep nesting of objects": (b'{"a":' * 200_000, "unreadable"),
    # It is JSON of another shape.
    "null": (b"null", "malformed"),
    "number": (b"200", "malformed"),
    "text": (b'"ok"', "malformed"),
    "errors with status 200": (payload("cognism", "error_credentials"), "malformed"),
    "limit with status 200": (payload("cognism", "error_rate"), "malformed"),
    "entitlements": (b'{"account Entitlement":{"domain":true}}', "malformed"),
    "no list": (b'{"totalResults":0}', "malformed"),
    "list is null": (b'{"totalResults":0,"results":null}', "malformed"),
    "list is an object": (b'{"results":{"id":"one","name":"N"}}', "malformed"),
    "list is text": (b'{"results":"none"}', "malformed"),
    "list of lists": (b'{"results":[[]]}', "malformed"),
    "list of ids": (b'{"results":["one","two"]}', "malformed"),
    "entry is null": (b'{"results":[null]}', "malformed"),
    "entry without an id": (b'{"results":[{"name":"N"}]}', "malformed"),
    "id is null": (b'{"results":[{"id":null,"name":"N"}]}', "malformed"),
    "id is a number": (b'{"results":[{"id":1,"name":"N"}]}', "malformed"),
    "id is an object": (b'{"results":[{"id":{"$oid":"1"},"name":"N"}]}', "malformed"),
    "more entries than any page holds": (previews(*map(str, range(101))), "malformed"),
    "a million entries": (b'{"results":[' + b'{"id":"1","name":"N"},' * 300_000 + b"{}]}", "malformed"),
}  # fmt: skip

REFUSED_SEARCHES = {
    **REFUSED,
    "total is negative": (previews("one", totalResults=-1), "malformed"),
    "total is huge": (previews("one", totalResults=HUGE), "malformed"),
    "total has a fraction": (previews("one", totalResults=1.5), "malformed"),
    "total is text": (previews("one", totalResults="many"), "malformed"),
    "total is true": (previews("one", totalResults=True), "malformed"),
    "total is an object": (previews("one", totalResults={"value": 1}), "malformed"),
}


@pytest.mark.parametrize(("body", "code"), REFUSED_SEARCHES.values(), ids=REFUSED_SEARCHES)
async def test_search_of_the_wrong_kind_is_refused(body: bytes, code: str) -> None:
    """It raises AnswerError, nothing is redeemed, and nothing is recorded."""
    till = Till(PROVIDER, answering(body, b"never asked"))

    with pytest.raises(AnswerError) as caught:
        await handle(lookups(ACME, SOLE), till)

    assert caught.value.codes == (code,)
    assert len(str(caught.value)) < 500
    assert categorize(caught.value, PROVIDER.errors).category == "recoverable"
    assert (len(till.requests), till.units) == (1, [])


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED)
async def test_enrichment_of_the_wrong_kind_is_refused(body: bytes, code: str) -> None:
    """As a search: one broken answer is no missing match."""
    till = Till(PROVIDER, answering(previews(*PAGE, totalResults=21), b"never asked", lambda _: body))

    with pytest.raises(AnswerError) as caught:
        await handle(lookups(ACME, SOLE), till)

    assert caught.value.codes == (code,)
    assert paths(till) == ["search", "enrich"]


def found(**fields: Any) -> dict[str, Any]:
    return {"id": "one", "name": "Acme", "domain": ACME, **fields}


REFUSED_RECORDS = {
    **REFUSED,
    "no name": (records({"id": "one", "domain": ACME}), "malformed"),
    "name is null": (records(found(name=None)), "malformed"),
    "name is a list": (records(found(name=["Acme"])), "malformed"),
    "name is a novel": (records(found(name="N" * 2_000)), "malformed"),
    "only ids never asked for": (records(found(id="other")), "malformed"),
    "id of another letter case": (records(found(id="ONE")), "malformed"),
    "id with a blank": (records(found(id="one ")), "malformed"),
    "id with a NUL": (records(found(id="one\x00")), "malformed"),
    "same id for two companies": (records(found(), found(name="Zebra")), "malformed"),
    "previews instead of records": (payload("cognism", "search"), "malformed"),
    "website that is no text": (records(found(website="SITE")).replace(b"SITE", b"\xc3\x28"), "unreadable"),
}


@pytest.mark.parametrize(("body", "code"), REFUSED_RECORDS.values(), ids=REFUSED_RECORDS)
async def test_redemption_of_the_wrong_kind_is_refused(body: bytes, code: str) -> None:
    """No company at all is better than one of which nobody knows whose it is."""
    till = Till(PROVIDER, answering(previews("one"), body))

    with pytest.raises(AnswerError) as caught:
        await handle(lookups(ACME), till)

    assert caught.value.codes == (code,)
    assert len(str(caught.value)) < 500
    assert categorize(caught.value, PROVIDER.errors).category == "recoverable"
    assert till.units == [20.0]


#: A field of a record that is none: name, value, field of the result, what is left in it.
UNREAD: dict[str, tuple[str, Any, str, Any]] = {
    "huge revenue": ("revenue", HUGE, "revenue", None),
    "revenue beyond bigint": ("revenue", 2**63, "revenue", None),
    "revenue of endless digits": ("revenue", "9" * 10_000, "revenue", None),
    "negative revenue": ("revenue", -1, "revenue", None),
    "revenue with a fraction": ("revenue", 0.5, "revenue", None),
    "revenue with a currency": ("revenue", {"amount": 1, "currency": "EUR"}, "revenue", None),
    "revenue is text": ("revenue", "1M-10M", "revenue", None),
    "headcount is a range": ("headcount", "11-50", "headcount", None),
    "headcount is true": ("headcount", True, "headcount", None),
    "headcount is a list": ("headcount", [1], "headcount", None),
    "size is negative": ("sizeFrom", -5, "size_from", None),
    "size is open": ("sizeTo", "10000+", "size_to", None),
    "founded in the year 0": ("founded", 0, "founded", None),
    "founded in 10 milliseconds": ("founded", 567_993_600_000, "founded", None),
    "founded on a day": ("founded", "1987-01-01", "founded", None),
    "industry is text": ("industries", "Internet", "industries", ()),
    "industries are objects": ("industries", [{"name": "Internet"}], "industries", ()),
    "industry is null": ("industries", [None], "industries", ()),
    "thousands of technologies": ("technologies", ["AWS"] * 2_000, "technologies", ()),
    "technology is a novel": ("tech", ["x" * 5_000], "technologies", ()),
    "type is a number": ("type", 7, "kind", ""),
    "description is a list": ("description", ["Anvils."], "description", ""),
    "description is a novel": ("description", "x" * 100_000, "description", ""),
    "website is a list": ("website", ["https://acme.example"], "website", ""),
    "link is an object": ("linkedinUrl", {"url": "x"}, "linkedin_url", ""),
    "place is text": ("locations", ["Berlin"], "city", ""),
    "places are an object": ("locations", {"type": "hq", "city": "Berlin"}, "city", ""),
    "city is a list": ("location", [{"type": "hq", "city": ["Berlin"]}], "city", ""),
    "country is a novel": ("location", [{"type": "hq", "country": "x" * 5_000}], "country", ""),
}


@pytest.mark.parametrize(("name", "value", "field", "left"), UNREAD.values(), ids=UNREAD)
async def test_field_of_the_wrong_kind_is_unknown_and_marked(
    name: str, value: Any, field: str, left: Any
) -> None:
    """It costs neither the record's other fields nor the other records."""
    other = {"id": "two", "name": "Sole", "domain": SOLE}
    till = Till(PROVIDER, answering(previews("one", "two"), records(found(**{name: value}), other)))

    (broken, degraded), (sound, whole) = await complete(lookups(ACME, SOLE), till)

    assert (broken.name, getattr(broken, field), degraded) == ("Acme", left, "unread_fields")
    assert (sound.name, whole) == ("Sole", "")


#: The same, where the value is of its type and says nothing.
NOTHING: dict[str, tuple[str, Any, str, Any]] = {
    "null": ("revenue", None, "revenue", None),
    "empty text": ("headcount", "", "headcount", None),
    "number in a text": ("headcount", "412", "headcount", 412),
    "number with a point": ("revenue", 1.5e9, "revenue", 1_500_000_000),
    "no technologies": ("technologies", [], "technologies", ()),
    "no headquarters": ("locations", [{"type": "office", "city": "Berlin"}, {}], "city", ""),
    "headquarters of no place": ("locations", [{"type": "HQ", "city": None}], "city", ""),
    "script": ("website", "javascript:alert(1)", "website", ""),
    "script that looks like a site": ("website", "javascript://acme.example/%0aalert(1)", "website", ""),
    "file": ("website", "file:///etc/passwd", "website", ""),
    "password": ("website", "https://user:secret@acme.example/", "website", ""),
    "token": ("website", "https://acme.example/a?token=secret#x", "website", "https://acme.example/a"),
    "line end": ("website", "https://acme.example/a\nb", "website", ""),
    "person": ("linkedinUrl", "https://www.linkedin.com/in/somebody", "linkedin_url", ""),
    "other site": ("linkedinUrl", "https://linkedin.com.evil.example/company/a", "linkedin_url", ""),
    "site in a path": ("linkedinUrl", "https://evil.example/linkedin.com/company/a", "linkedin_url", ""),
    "field nobody knows": ("x", {"y": [HUGE]}, "name", "Acme"),
}


@pytest.mark.parametrize(("name", "value", "field", "left"), NOTHING.values(), ids=NOTHING)
async def test_field_that_says_nothing_is_left_out(name: str, value: Any, field: str, left: Any) -> None:
    """A link leads to a site of the web, or there is none."""
    till = Till(PROVIDER, answering(previews("one"), records(found(**{name: value}))))

    ((result, degraded),) = await complete(lookups(ACME), till)

    assert (result.name, getattr(result, field), degraded) == ("Acme", left, "")


@pytest.mark.parametrize("preview", ["", " ", "a b", "one\x00", "ünïcode", "x" * 5_000, "\u202eeno", "one\n"])
async def test_id_that_is_none_is_not_redeemed(preview: str) -> None:
    """One broken preview must not spoil the call for the records of nineteen others."""
    body = payload("cognism", "records_published")
    till = Till(PROVIDER, answering(previews(preview, ACME_ID), body))

    results = await complete(lookups(ACME, SOLE), till)

    assert [(result.name, degraded) for result, degraded in results] == [("Acme", ""), ("", "no_match")]
    assert json.loads(till.requests[1].content) == {"redeemIds": [ACME_ID]}


async def test_previews_come_once_however_often_they_are_listed() -> None:
    """The same id twice is asked for once, and a record that is repeated is one record."""
    till = Till(PROVIDER, answering(previews("one", "one", "one"), records(found(), found())))

    ((result, degraded),) = await complete(lookups(ACME), till)

    assert (result.name, degraded) == ("Acme", "")
    assert json.loads(till.requests[1].content) == {"redeemIds": ["one"]}


async def test_records_never_asked_for_are_ignored() -> None:
    """Beside the one that was; nobody gets them, whatever domain they claim."""
    stray = {"id": "stray", "name": "Stray", "domain": SOLE}
    till = Till(PROVIDER, answering(previews("one"), records(stray, found(), {**stray, "id": ""})))

    results = await complete(lookups(ACME, SOLE), till)

    assert [(result.name, degraded) for result, degraded in results] == [("Acme", ""), ("", "no_match")]


async def test_ids_of_another_domain_give_it_nothing() -> None:
    """What was found for one domain alone says nothing about another, though both are redeemed together."""
    till = Till(
        PROVIDER,
        answering(
            previews(*PAGE, totalResults=21),
            records(found(), {"id": "two", "name": "Zebra", "domain": ACME}),
            lambda domain: previews("one" if domain == GONE else "two"),
        ),
    )

    gone, acme = await complete(lookups(GONE, ACME), till)

    assert (gone, acme[0].name) == (NO_MATCH, "Zebra")


async def test_endless_previews_have_an_end() -> None:
    """A provider that always says there is more is asked once per domain, and once for the records."""
    crowd = previews(*(f"id{n}" for n in range(100)), totalResults=2**62, lastReturnedKey=["again"])
    till = Till(PROVIDER, answering(crowd, records(), lambda _: crowd))

    results = await complete(lookups(*(f"site-{n}.example" for n in range(20))), till)

    assert results == [NO_MATCH] * 20
    assert paths(till) == ["search", *["enrich"] * 20, *["redeem"] * 5]
    assert sum(till.units) == 40


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 403, 418, 429, 500, 599])
async def test_refused_batch_raises_nothing_else(status: int) -> None:
    """Whatever status comes with whatever body to whichever call, it is a ProviderError with a short text."""
    bodies = (b"", b"\x00\xff", DEEP, json.dumps([{"key": "k" * 9_000, "msg": "\ud800"}]).encode())
    for struck in ("search", "redeem"):
        for content in bodies:

            def reply(
                request: httpx.Request, struck: str = struck, content: bytes = content
            ) -> httpx.Response:
                if request.url.path.endswith(struck):
                    return httpx.Response(status, content=content)
                return answering(payload("cognism", "search"), b"never asked", lambda _: previews(ACME_ID))(
                    request
                )

            with pytest.raises(ProviderError) as caught:
                await handle(lookups(ACME), Till(PROVIDER, reply))
            assert len(str(caught.value)) < 500


@pytest.mark.parametrize("header", ["-5", "soon", "nan", "1e400", "", "\x7f"])
async def test_delay_that_is_none_is_no_delay(header: str) -> None:
    """A wait nobody can keep is not kept; the previews are asked for again in a minute."""

    def reply(request: httpx.Request) -> httpx.Response:
        told = {"x-rate-result-limit-remaining": "0", "x-rate-result-limit-reset": header}
        return httpx.Response(429, headers=told) if request.url.path.endswith("search") else whole()(request)

    with pytest.raises(ProviderError) as caught:
        await handle(lookups(ACME), Till(PROVIDER, reply))

    assert caught.value.retry_after is None
    assert categorize(caught.value, PROVIDER.errors).category == "quota"
