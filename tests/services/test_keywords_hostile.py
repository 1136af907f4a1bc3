"""Google Ads answering with anything: a refusal or a marked result, never a wrong one taken for right."""

import json
from typing import Any

import httpx
import pytest

from services.keywords.provider import PROVIDER, handle
from shared.domain.category import categorize
from shared.domain.provider import Completed
from shared.domain.results import VolumeResult
from shared.errors import AnswerError, ProviderError
from tests.services.test_keywords import answering, complete, figures, lookups, results
from tests.services.till import Till, assert_storable, payload

pytestmark = pytest.mark.anyio

#: Beyond every integer type of Postgres.
HUGE = 10**40
ANVIL = {"text": "anvil", **figures(1_200)}


def metrics(**changes: Any) -> bytes:
    return results({"text": "anvil", "keywordMetrics": {"avgMonthlySearches": "1200", **changes}})


def months(*volumes: Any) -> bytes:
    return metrics(monthlySearchVolumes=volumes)


def month(**changes: Any) -> bytes:
    return months({"year": "2026", "month": "AUGUST", "monthlySearches": "1400", **changes})


def text(value: Any) -> bytes:
    return results({**ANVIL, "text": value})


def variants(*values: Any) -> bytes:
    return results({**ANVIL, "closeVariants": values})


REFUSED = {
    # It is not this format, or not all of it.
    "nothing": (b"", "unreadable"),
    "blanks": (b" \n", "unreadable"),
    "html": (b"<!doctype html><title>Sorry</title>", "unreadable"),
    "cut off": (payload("google_ads", "metrics")[:700], "unreadable"),
    "two documents": (results(ANVIL) + results(ANVIL), "unreadable"),
    "NaN": (metrics(avgMonthlySearches=float("nan")), "unreadable"),
    "infinity": (metrics(averageCpcMicros=float("inf")), "unreadable"),
    "not UTF-8": (text("ANVIL").replace(b"ANVIL", b"\xc3\x28"), "unreadable"),
    "half a surrogate pair": (text("\ude00"), "unreadable"),
    "half a surrogate pair in a variant": (variants("\ud83d"), "unreadable"),
    "deep nesting": (b'{"results":' + b"[" * 200_000, "malformed"),
    "deep nesting beside the results": (b'{"x":' + b"[" * 200_000, "unreadable"),
    "deep nesting inside a result": (b'{"results":[{"x":' + b'{"a":' * 200_000, "unreadable"),
    # It is JSON of another shape.
    "null": (b"null", "malformed"),
    "list": (b"[]", "malformed"),
    "list of the answer": (b"[" + results(ANVIL) + b"]", "malformed"),
    "number": (b"200", "malformed"),
    "text": (b'"{}"', "malformed"),
    "error with status 200": (payload("google_ads", "error_daily"), "malformed"),
    "error of the token endpoint": (payload("google_ads", "error_oauth"), "malformed"),
    "error in a list": (b"[" + payload("google_ads", "error_several") + b"]", "malformed"),
    "error beside the results": (results(ANVIL)[:-1] + b',"error":{"code":500}}', "malformed"),
    "empty error": (b'{"error":{}}', "malformed"),
    "access token": (b'{"access_token":"x","expires_in":3599}', "malformed"),
    "videos": (payload("youtube", "videos"), "malformed"),
    "search": (payload("scale_serp", "zero"), "malformed"),
    "no results and something else": (b'{"results":[],"nextPageToken":"x"}', "malformed"),
    "results in capitals": (b'{"Results":[]}', "malformed"),
    "results are null": (b'{"results":null}', "malformed"),
    "results are an object": (b'{"results":{}}', "malformed"),
    "results are text": (b'{"results":"anvil"}', "malformed"),
    "result is null": (results(None), "malformed"),
    "result is text": (results("anvil"), "malformed"),
    "result is empty": (results({}), "malformed"),
    "more results than one request asks for": (results(*[{"text": "x"}] * 10_001), "malformed"),
    # Whose figures these are is not said, or said twice.
    "no text": (results(figures(5)), "malformed"),
    "text is null": (text(None), "malformed"),
    "text is a number": (text(5), "malformed"),
    "text is a list": (text(["anvil"]), "malformed"),
    "text is empty": (text(""), "malformed"),
    "text is blank": (text(" \u3000"), "malformed"),
    "text with a NUL": (text("anvil\x00"), "malformed"),
    "text with an escape": (text("anvil\x1b[31m"), "malformed"),
    "text is a novel": (text("anvil " * 100_000), "malformed"),
    "other keyword": (text("tea"), "malformed"),
    "other keywords with the asked one inside": (text("anvil hammer"), "malformed"),
    "keyword twice": (results(ANVIL, {"text": "anvil", **figures(5)}), "malformed"),
    "keyword twice in two spellings": (results(ANVIL, {"text": "ANVIL", **figures(5)}), "malformed"),
    "variant of two": (
        results({**ANVIL, "text": "a", "closeVariants": ["anvil"]}, {"text": "b", "closeVariants": ["anvil"]}),
        "malformed",
    ),
    "variants are null": (results({**ANVIL, "closeVariants": None}), "malformed"),
    "variants are text": (results({**ANVIL, "closeVariants": "anvils"}), "malformed"),
    "variant is null": (variants(None), "malformed"),
    "variant is an object": (variants({"text": "anvils"}), "malformed"),
    "variant is empty": (variants(""), "malformed"),
    "variant with a NUL": (variants("anv\x00ils"), "malformed"),
    "variant is a novel": (variants("x" * 100_000), "malformed"),
    "endless variants": (variants(*["x"] * 10_001), "malformed"),
    # Figures that no column holds, or that mean nothing.
    "metrics are a list": (results({"text": "anvil", "keywordMetrics": []}), "malformed"),
    "metrics are text": (results({"text": "anvil", "keywordMetrics": "1200"}), "malformed"),
    "huge volume": (metrics(avgMonthlySearches=str(HUGE)), "malformed"),
    "huge volume as a number": (metrics(avgMonthlySearches=HUGE), "malformed"),
    "endless volume": (metrics(avgMonthlySearches="9" * 10_000), "malformed"),
    "volume beyond bigint": (metrics(avgMonthlySearches=str(2**63)), "malformed"),
    "negative volume": (metrics(avgMonthlySearches="-1"), "malformed"),
    "volume with a fraction": (metrics(avgMonthlySearches="1.5"), "malformed"),
    "volume is text": (metrics(avgMonthlySearches="many"), "malformed"),
    "volume is empty": (metrics(avgMonthlySearches=""), "malformed"),
    "volume is nan": (metrics(avgMonthlySearches="nan"), "malformed"),
    "volume is true": (metrics(avgMonthlySearches=True), "malformed"),
    "volume is a list": (metrics(avgMonthlySearches=["1"]), "malformed"),
    "competition beyond 100": (metrics(competitionIndex="101"), "malformed"),
    "negative competition": (metrics(competitionIndex=-1), "malformed"),
    "competition of no level": (metrics(competition="FIERCE"), "malformed"),
    "competition by number": (metrics(competition=3), "malformed"),
    "huge bid": (metrics(lowTopOfPageBidMicros=str(2**64)), "malformed"),
    "negative bid": (metrics(highTopOfPageBidMicros="-5"), "malformed"),
    "negative cost": (metrics(averageCpcMicros="-5"), "malformed"),
    "months are null": (metrics(monthlySearchVolumes=None), "malformed"),
    "months are an object": (metrics(monthlySearchVolumes={}), "malformed"),
    "month is null": (months(None), "malformed"),
    "month of no name": (month(month="UNSPECIFIED"), "malformed"),
    "month by number": (month(month=8), "malformed"),
    "thirteenth month": (month(month="UNDECIMBER"), "malformed"),
    "month without a name": (months({"year": "2026", "monthlySearches": "5"}), "malformed"),
    "month without a year": (months({"month": "MAY", "monthlySearches": "5"}), "malformed"),
    "year 0": (month(year="0"), "malformed"),
    "year 10,000": (month(year="10000"), "malformed"),
    "huge searches": (month(monthlySearches=str(HUGE)), "malformed"),
    "negative searches": (month(monthlySearches="-1"), "malformed"),
    "month twice": (
        months(*[{"year": "2026", "month": "MAY", "monthlySearches": str(n)} for n in (1, 2)]), "malformed",
    ),
    "a century of months": (
        months(*[{"year": str(2000 + n), "month": "MAY", "monthlySearches": "1"} for n in range(121)]), "malformed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), REFUSED.values(), ids=REFUSED)
async def test_answer_of_the_wrong_kind_is_refused(answer: bytes, code: str) -> None:
    """It raises AnswerError, and nothing is recorded about any keyword of the call."""
    till = Till(PROVIDER, answering(answer))

    with pytest.raises(AnswerError) as caught:
        await handle(lookups("anvil", "hammer"), till)

    assert caught.value.codes == (code,)
    assert len(str(caught.value)) < 500
    assert categorize(caught.value, PROVIDER.errors).category == "recoverable"
    assert (len(till.requests), till.units) == (1, [])


#: Answers that can be used, but say less than they should: what is known of "anvil" then, and the mark.
MARKED = {
    "empty object": (b"{}", VolumeResult(), "no_metrics"),
    "no results": (b'{"results":[]}', VolumeResult(), "no_metrics"),
    "totals alone": (b'{"aggregateMetricResults":{"deviceSearches":[]}}', VolumeResult(), "no_metrics"),
    "result without metrics": (results({"text": "anvil"}), VolumeResult(), "no_metrics"),
    "metrics are null": (results({"text": "anvil", "keywordMetrics": None}), VolumeResult(), "no_metrics"),
    "metrics are empty": (results({"text": "anvil", "keywordMetrics": {}}), VolumeResult(), "no_metrics"),
    "nothing but unknown fields": (
        results({"text": "anvil", "keywordMetrics": {"volume": 5}}), VolumeResult(), "no_metrics",
    ),
    "metrics of another method": (
        results({"text": "anvil", "keywordIdeaMetrics": {"avgMonthlySearches": "5"}}), VolumeResult(), "no_metrics",
    ),
    "null everywhere": (
        metrics(avgMonthlySearches=None, competitionIndex=None, averageCpcMicros=None), VolumeResult(), "no_metrics",
    ),
    "unknown competition alone": (
        metrics(avgMonthlySearches=None, competition="UNKNOWN"), VolumeResult(), "no_metrics",
    ),
    "months without figures alone": (
        metrics(avgMonthlySearches=None, monthlySearchVolumes=[{"year": 2026, "month": "MAY"}]),
        VolumeResult(), "no_metrics",
    ),
    "competition alone": (
        metrics(avgMonthlySearches=None, competition="LOW"), VolumeResult(competition="LOW"), "no_volume",
    ),
    "variant without metrics": (
        results({"text": "anvils", "closeVariants": ["anvil"]}), VolumeResult(variant_of="anvils"), "no_metrics",
    ),
    "results of others beside": (
        results({"text": "tea", **figures(5)}, {"text": "hammer", **figures(6)}), VolumeResult(), "no_metrics",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "known", "mark"), MARKED.values(), ids=MARKED)
async def test_answer_that_says_less_is_marked(answer: bytes, known: VolumeResult, mark: str) -> None:
    """What is absent is unknown, never 0, and the item says so."""
    found = await complete(lookups("anvil", "hammer"), Till(PROVIDER, answering(answer)))

    assert found[0] == (known, mark)


async def test_unknown_fields_change_nothing() -> None:
    """The API grows within a version."""
    body = b'{"aggregateMetricResults":{},"news":[1],' + metrics(competition="LOW", mood="good")[1:]

    ((result, degraded),) = await complete(lookups("anvil"), Till(PROVIDER, answering(body)))

    assert (result, degraded) == (VolumeResult(volume=1200, competition="LOW"), "")


async def test_keywords_that_look_like_code_come_back_as_they_are() -> None:
    """Quotes, braces and addresses are text, in the request and in the answer."""
    keywords = [
        '{"a":1}',
        "{version}",
        "'; drop table",
        "\\u0000",
        "https://x.example/?q=1",
        "<b>",
        "%00",
        "🛠️",
    ]
    body = results(*({"text": keyword, **figures(n)} for n, keyword in enumerate(keywords)))
    till = Till(PROVIDER, answering(body))

    found = await complete(lookups(*keywords), till)

    assert [(r.volume, r.variant_of) for r, _ in found] == [(n, "") for n in range(len(keywords))]
    assert json.loads(till.requests[0].content)["keywords"] == keywords


async def test_variants_of_everything_are_read_in_reasonable_time() -> None:
    """The largest answer the bounds let through: it ends, and each keyword has the figures."""
    keywords = [f"keyword {n}" for n in range(10_000)]
    body = results({**ANVIL, "closeVariants": keywords})

    outcomes = await handle(lookups(*keywords), Till(PROVIDER, answering(body)))

    for outcome in outcomes.values():
        assert isinstance(outcome, Completed)
        assert_storable(outcome)
        assert outcome.result == VolumeResult(volume=1200, variant_of="anvil")


#: Places no request has.
_INDEXES = [{"index": index} for index in (-1, "0", 1.5, 10**20, None, {"index": 0}, True)]
_ERRORS = [{"location": {"fieldPathElements": _INDEXES}}]
_NO_PLACES = json.dumps({"error": {"details": [{"errors": _ERRORS}]}}).encode()


async def test_one_refused_batch_does_not_raise_anything_else() -> None:
    """Whatever status comes with whatever body, it is a ProviderError with a short text."""
    for status in (200, 204, 301, 304, 400, 401, 403, 404, 409, 418, 429, 500, 599):
        for content in (
            b"",
            b"\x00\xff",
            b"[" * 100_000,
            b'{"error":{"details":[{"errors":[{"errorCode":{"quotaError":"' + b"x" * 9_000 + b'"}}]}]}}',
            b'{"error":{"details":{"errors":{"errorCode":"quotaError","details":{"quotaErrorDetails":5}}}}}',
            _NO_PLACES,
            b'{"error":{"details":[{"errors":[{"details":{"quotaErrorDetails":{"retryDelay":"-1s"}}}]}]}}',
        ):
            till = Till(PROVIDER, lambda _, s=status, c=content: httpx.Response(s, content=c))  # type: ignore[misc]  # bound at once
            with pytest.raises(ProviderError) as caught:
                await handle(lookups("anvil"), till)
            assert len(str(caught.value)) < 500
            assert caught.value.culprits == frozenset()
