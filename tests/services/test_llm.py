"""OpenAI: the exact request, the exact mapping, what its errors mean, and all of it against the simulator."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from services.llm.payloads import Analysis
from services.llm.provider import PROVIDER, handle
from services.llm.schema import SCHEMA_VERSION
from shared.domain.category import ErrorCategory, categorize
from shared.domain.gate import hold_seconds
from shared.domain.item import Item
from shared.domain.provider import Completed, Failed, Skipped
from shared.domain.results import AnalysisResult, Mention, Score
from shared.domain.start import JOURNEY_PHASES
from shared.errors import AnswerError, ProviderError
from shared.runtime.http import Account, Wire
from tests.services.test_simulator_process import Simulator
from tests.services.till import API_KEY, Till, assert_storable, over_http, payload, refusal

pytestmark = pytest.mark.anyio

C = ErrorCategory
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)

KEY = "vendor.example/invoices"
TEXT = (
    "Finance teams save “eleven hours” a month with automated invoices. The pilot paid for itself within nine months. "
    "And unlike Globex, no set-up fee is charged."
)
SOURCE = {
    "found": True, "url": "https://www.vendor.example/invoices", "title": "Invoices that book themselves", "text": TEXT,
    "language": "en", "words": 27, "tier": "default",
}  # fmt: skip
CONTEXT: dict[str, Any] = {
    "model": "gpt-5.4-mini",
    "company": {"name": "Acme", "domains": ["acme.example"]},
    "competitors": [{"name": "Globex", "domains": ["globex.example", "globex.test"]}],
    "personas": [{"name": "CFO", "description": "Wants costs down."}],
    "dimensions": [{"name": "Sustainability", "focus": "Less waste.", "signals": ["recycling"]}],
}


def page(*, context: Mapping[str, Any] = CONTEXT, attempts: int = 0, **source: Any) -> Item:
    """An item whose stored page answer has these changes."""
    given = {"url": SOURCE["url"], "title": SOURCE["title"]}
    return Item(7, KEY, given, attempts, context, {**SOURCE, **source})


def answering(*bodies: bytes, status: int = 200) -> Till:
    """A provider that gives these bodies one after the other, the last one for ever."""
    left = list(bodies)

    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=left.pop(0) if len(left) > 1 else left[0])

    return Till(PROVIDER, reply)


async def complete(item: Item, till: Till) -> tuple[AnalysisResult, Completed]:
    outcomes = await handle([item], till)
    assert list(outcomes) == [item.item_id]
    outcome = outcomes[item.item_id]
    assert isinstance(outcome, Completed), outcome
    assert isinstance(outcome.result, AnalysisResult)
    assert_storable(outcome)
    return outcome.result, outcome


def sent(till: Till) -> list[dict[str, Any]]:
    """The bodies of all requests."""
    return [json.loads(request.content) for request in till.requests]


async def test_page_is_one_request() -> None:
    """Nothing is sent but what every model takes: no temperature, no seed, no `max_tokens`."""
    till = answering(payload("openai", "completion"))

    await complete(page(), till)

    (request,), (body,) = till.requests, sent(till)
    assert (request.method, str(request.url)) == ("POST", "https://api.openai.com/v1/chat/completions")
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert not [name for name in request.headers if name.startswith("openai")]
    assert set(body) == {"model", "messages", "response_format", "max_completion_tokens"}
    assert body["model"] == "gpt-5.4-mini"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    described = body["response_format"]["json_schema"]
    assert (body["response_format"]["type"], described["strict"]) == ("json_schema", True)
    assert list(described["schema"]["properties"]["scores"]["properties"]) == ["d1", "d2"]
    assert till.units == [1830 + 512]


async def test_organization_and_project_are_sent_where_they_are_set() -> None:
    """A key may belong to several."""
    till = answering(payload("openai", "completion"))
    account = Account(API_KEY, settings={"organization": "org-1", "project": "proj_2"})
    till.wire = Wire(PROVIDER, account, 1, httpx.MockTransport(till._serve))

    await complete(page(), till)

    headers = till.requests[0].headers
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "proj_2")


async def test_answer_becomes_a_result() -> None:
    """Questions get the names of the dimensions back; a quote is found although its quotation marks are others."""
    till = answering(payload("openai", "completion").replace("“eleven hours”".encode(), b"'eleven hours'"))

    result, outcome = await complete(page(), till)

    (body,) = sent(till)
    limit = body.pop("max_completion_tokens")
    assert limit == 6_600
    assert outcome.degraded == ""
    assert result == AnalysisResult(
        model="gpt-5.4-mini-2026-03-17",
        prompt_hash=hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest(),
        schema_version=SCHEMA_VERSION,
        scores={
            "persona:CFO": Score(
                8, 9, "Finance teams save 'eleven hours' a month", ("eleven hours", "payback"), ("names a figure",),
            ),
            "dimension:Sustainability": Score(0, 7, negative=("never mentioned",)),
        },
        journey_phase="Supplier Selection", page_type="product", source_type="OTHER", sentiment="positive",
        topics=("invoices", "automation", "payback", "integration", "pricing"),
        insights="Argues with hours saved and a payback of nine months.",
        mentions=(Mention("Globex", "competitor", "negative", "unlike Globex, no set-up fee"),),
        prompt_tokens=1830, completion_tokens=512,
    )  # fmt: skip


async def test_stored_answer_says_who_answered_and_what_it_took() -> None:
    """Model, fingerprint, tier and usage; the answer as it was given."""
    _, outcome = await complete(page(), answering(payload("openai", "completion")))

    (fact,) = outcome.facts
    analysis = fact.answer
    assert isinstance(analysis, Analysis)
    assert (analysis.system_fingerprint, analysis.service_tier) == ("fp_44709d6fcb", "default")
    assert (analysis.tokens, analysis.cached_tokens, analysis.reasoning_tokens) == (2342, 1024, 256)
    assert analysis.content
    assert analysis.content.scores["d1"].score == 8


class Recording(Till):
    """Keeps what identifies the facts that are asked for."""

    async def __call__(self, endpoint: Any, subjects: Any, params: Any = None) -> Any:
        self.identities = [*getattr(self, "identities", []), (endpoint.name, list(subjects), params)]
        return await super().__call__(endpoint, subjects, params)


async def test_fact_is_identified_by_all_that_its_answer_depends_on() -> None:
    """Page, questions, model and text make another purchase, a further attempt does not; no text is stored with it."""
    till = Recording(PROVIDER, lambda _: httpx.Response(200, content=payload("openai", "completion")))
    others = [
        page(),
        page(context={**CONTEXT, "model": "gpt-6-luna"}),
        page(context={**CONTEXT, "personas": [{"name": "CFO", "description": "Wants growth."}]}),
        page(context={**CONTEXT, "journey_phases": ["Supplier Selection", "Use"]}),
        page(text=f"{TEXT} More."),
        page(title="Another"),
    ]

    for item in (*others, page(attempts=1), page(words=9, tier="stealth")):
        await complete(item, till)

    assert {(name, *subjects) for name, subjects, _ in till.identities} == {("analysis", KEY)}
    params = [params for _, _, params in till.identities]
    assert all(set(one) == {"model", "prompt"} and len(one["prompt"]) == 64 for one in params)
    assert len({one["prompt"] for one in params}) == len(others)
    assert params[-1] == params[-2] == params[0]


@pytest.mark.parametrize(
    ("dimensions", "attempts", "tokens"),
    [(0, 0, 6_300), (2, 0, 6_900), (2, 1, 13_800), (2, 3, 13_800), (9, 1, 16_384), (50, 0, 16_384), (50, 1, 16_384)],
)  # fmt: skip
async def test_output_limit_grows_with_the_questions(dimensions: int, attempts: int, tokens: int) -> None:
    """A second attempt may write more, and none more than every current model does."""
    context = {**CONTEXT, "dimensions": [{"name": f"D{n}", "focus": "x"} for n in range(dimensions)]}
    till = answering(payload("openai", "truncated"))

    with pytest.raises(AnswerError):
        await complete(page(context=context, attempts=attempts), till)

    assert sent(till)[0]["max_completion_tokens"] == tokens


async def test_answer_that_broke_off_is_charged_and_asked_for_once_more() -> None:
    """The tokens are gone, and half of an analysis is none."""
    with pytest.raises(AnswerError) as caught:
        await complete(page(), answering(payload("openai", "truncated")))

    rule = categorize(caught.value, PROVIDER.errors)
    assert (caught.value.codes, caught.value.units) == (("truncated",), 1830 + 6600)
    assert (rule.category, rule.attempts) == (C.RECOVERABLE, 2)


@pytest.mark.parametrize(("body", "degraded"), [("refusal", "refused"), ("content_filter", "filtered")])
async def test_refusal_is_an_answer_that_was_paid_for(body: str, degraded: str) -> None:
    """It is stored, so that nobody pays for the next one; the result holds nothing but who refused."""
    till = answering(payload("openai", body))

    result, outcome = await complete(page(), till)

    empty = AnalysisResult(
        "gpt-5.4-mini-2026-03-17", result.prompt_hash, SCHEMA_VERSION, prompt_tokens=1830,
        completion_tokens=result.completion_tokens,
    )  # fmt: skip
    assert (result, outcome.degraded, outcome.facts[0].subject) == (empty, degraded, KEY)
    assert till.units == [1830 + result.completion_tokens]


async def test_page_without_a_text_is_not_asked_about() -> None:
    """A blank one is skipped by rule; one the store has lost is a failure and no rule."""
    till = answering(b"never asked")

    assert await handle([page(text=" \n")], till) == {7: Skipped("no_text")}
    (lost,) = (await handle([Item(7, KEY, {}, 0, CONTEXT, None)], till)).values()
    assert isinstance(lost, Failed)
    assert till.requests == []


def _error(code: str | None, message: str = "x", kind: str = "invalid_request_error") -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


_LIMIT = "Rate limit reached for gpt-5.4-mini in organization org-x on"
_HTML = b"<html><title>502 Bad Gateway</title></html>"

#: Status, body, category, seconds everything waits.
TABLE = {
    "rate_limit_exceeded RPM": (429, payload("openai", "error_rate"), C.THROTTLED, 1),
    "rate_limit_exceeded TPM": (429, _error("rate_limit_exceeded", f"{_LIMIT} tokens per min (TPM)", "tokens"), C.THROTTLED, 1),
    "rate_limit_exceeded RPD": (429, _error("rate_limit_exceeded", f"{_LIMIT} requests per day (RPD)", "requests"), C.QUOTA, 60),
    "rate_limit_exceeded TPD": (429, _error("rate_limit_exceeded", f"{_LIMIT} tokens per day (TPD)", "tokens"), C.QUOTA, 60),
    "request too large": (429, _error("rate_limit_exceeded", "Request too large for gpt-5.4-mini on tokens per min (TPM)", "tokens"), C.NON_RECOVERABLE, 0),
    "429 slow_down": (429, _error("slow_down", kind="rate_limit_error"), C.THROTTLED, 1),
    "503 slow_down": (503, _error("slow_down", kind="server_error"), C.THROTTLED, 1),
    "error_quota": (429, payload("openai", "error_quota"), C.ACCOUNT, 60),
    **{
        code: (429, _error(code, kind="insufficient_quota"), C.ACCOUNT, 60)
        for code in (
            "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded", "organization_usage_limit_exceeded",
        )
    },
    "code null, type insufficient_quota": (429, _error(None, kind="insufficient_quota"), C.ACCOUNT, 60),
    "billing_not_active": (429, _error("billing_not_active"), C.ACCOUNT, 60),
    "resource_unavailable": (429, _error("resource_unavailable", kind="rate_limit_error"), C.THROTTLED, 1),
    "flex_unavailable": (429, _error("flex_unavailable"), C.THROTTLED, 1),
    "429 without a body": (429, b"", C.THROTTLED, 1),
    **{code: (401, _error(code), C.ACCOUNT, 60) for code in ("invalid_api_key", "invalid_organization", "ip_not_authorized")},
    "unsupported_country": (403, _error("unsupported_country_region_territory", kind="request_forbidden"), C.ACCOUNT, 60),
    "model access": (403, _error("model_not_found"), C.ACCOUNT, 60),
    "model_not_found": (404, _error("model_not_found"), C.ACCOUNT, 60),
    "wrong address": (404, _error(None, "Invalid URL (POST /v1/v1/chat/completions)"), C.ACCOUNT, 60),
    "context_length_exceeded": (400, payload("openai", "error_context"), C.NON_RECOVERABLE, 0),
    **{
        code: (400, _error(code), C.NON_RECOVERABLE, 0)
        for code in (
            "invalid_json_schema", "unsupported_parameter", "unsupported_value", "invalid_value",
            "content_policy_violation",
        )
    },
    "409": (409, _error(None), C.RECOVERABLE, 0),
    "408": (408, _error(None, kind="server_error"), C.RECOVERABLE, 0),
    "422": (422, _error(None), C.NON_RECOVERABLE, 0),
    "500": (500, _error(None, kind="server_error"), C.RECOVERABLE, 0),
    "500 server_error": (500, _error("server_error", kind="server_error"), C.RECOVERABLE, 0),
    "502": (502, _HTML, C.RECOVERABLE, 0),
    "504": (504, _HTML, C.RECOVERABLE, 0),
    "503": (503, _error("server_is_overloaded", kind="service_unavailable_error"), C.RECOVERABLE, 0),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "category", "hold"), TABLE.values(), ids=TABLE)
async def test_every_row_of_the_error_table(
    status: int, body: bytes, category: ErrorCategory, hold: float
) -> None:
    """The code decides; where limits of a minute and of a day share one, the message does."""
    rule, error = await refusal(PROVIDER, httpx.Response(status, content=body))

    assert (rule.category, rule.attempts) == (category, None)
    assert hold_seconds(rule, error, NOW) == hold


async def test_told_delay_is_kept() -> None:
    """Of a minute's limit and of a day's."""
    for status, body in ((429, payload("openai", "error_rate")), (429, TABLE["rate_limit_exceeded RPD"][1])):
        rule, error = await refusal(
            PROVIDER, httpx.Response(status, headers={"Retry-After": "173"}, content=body)
        )
        assert hold_seconds(rule, error, NOW) == 173


LONG = "\n".join(f"Paragraph {n} says that Globex lost customer {n} to better prices." for n in range(40))


async def test_simulated_pages_are_analysed_and_charged(sim: Simulator) -> None:
    """Every question is answered, few quotes are invented, both ledgers agree, the same page says the same."""
    async with over_http(PROVIDER, f"{sim.url}/openai/v1") as till:
        results = [(await complete(page(text=f"{LONG}\n{n % 20}"), till))[0] for n in range(21)]

    scores = [score for result in results for score in result.scores.values()]
    void = [score for score in scores if score.score is None]
    assert results[0] == results[20]
    assert {tuple(result.scores) for result in results} == {("persona:CFO", "dimension:Sustainability")}
    assert {result.journey_phase for result in results} <= {*JOURNEY_PHASES, "none"}
    assert len(void) <= len(scores) / 5
    ledger = sim.page("openai")
    assert (ledger["calls"], ledger["subjects"], ledger["repeated_subjects"]) == (21, 20, 1)
    assert ledger["units"] == sum(till.units) > 0


@pytest.mark.parametrize(
    ("fault", "degraded", "calls"),
    [("refusal", "refused", 1), ("content_filter", "filtered", 1), ("invented_quotes", "no_evidence", 1),
     ("context_length", "truncated", 2)],
)  # fmt: skip
async def test_simulated_answers_with_less_are_marked_and_charged(
    sim: Simulator, fault: str, degraded: str, calls: int
) -> None:
    """One call each, or one that was free and one with half of the page."""
    sim.fault("openai", fault, times=1)
    async with over_http(PROVIDER, f"{sim.url}/openai/v1") as till:
        _, outcome = await complete(page(text=LONG), till)

    ledger = sim.page("openai")
    assert (outcome.degraded, ledger["calls"], ledger["units"]) == (degraded, calls, sum(till.units))


@pytest.mark.parametrize(
    ("fault", "category"),
    [("truncated", C.RECOVERABLE), ("rate_limit", C.THROTTLED), ("daily_limit", C.QUOTA), ("slow_down", C.THROTTLED),
     ("request_too_large", C.NON_RECOVERABLE), ("quota", C.ACCOUNT), ("spend_limit", C.ACCOUNT), ("auth", C.ACCOUNT),
     ("country", C.ACCOUNT), ("model_not_found", C.ACCOUNT), ("bad_request", C.NON_RECOVERABLE),
     ("unprocessable", C.NON_RECOVERABLE), ("request_timeout", C.RECOVERABLE), ("conflict", C.RECOVERABLE),
     ("overloaded", C.RECOVERABLE), ("server_error", C.RECOVERABLE), ("bad_gateway", C.RECOVERABLE), ("html", C.RECOVERABLE)],
)  # fmt: skip
async def test_simulated_failures_fall_into_their_category(
    sim: Simulator, fault: str, category: ErrorCategory
) -> None:
    """And cost what the ledger of the other side says."""
    sim.fault("openai", fault)
    async with over_http(PROVIDER, f"{sim.url}/openai/v1") as till:
        with pytest.raises(ProviderError) as caught:
            await complete(page(text=LONG), till)

    error, ledger = caught.value, sim.page("openai")
    assert categorize(error, PROVIDER.errors).category is category
    assert ledger["units"] == (PROVIDER.error_units if error.units is None else error.units)
    assert (ledger["units"] > 0) == (fault == "truncated")
