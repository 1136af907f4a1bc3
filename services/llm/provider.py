"""OpenAI: one page per call, analysed by the client's questions; charged in tokens.

The same page, questions and model are never paid for twice, however old the answer is. A refusal is an answer too.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from services.llm.evidence import fold, is_supported
from services.llm.payloads import Analysis, Content, Judgement, cost, read
from services.llm.prompt import CONTEXT, INSIGHTS, LABEL, QUOTE, TEXT_LENGTH, Page, messages
from services.llm.schema import SCHEMA_VERSION, Brief, brief, labels, phases, response_format
from shared.domain import keys
from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.item import Item
from shared.domain.provider import (
    Call,
    Completed,
    Endpoint,
    Fact,
    Failed,
    Limits,
    Outcome,
    Provider,
    Request,
    Skipped,
)
from shared.domain.results import AnalysisResult, Mention, Score
from shared.domain.retry import RetryPolicy
from shared.domain.start import FRESHNESS_SECONDS
from shared.errors import ProviderError

_TOO_LONG = "context_length_exceeded"
#: Codes of a 429 that no waiting ends.
_UNPAID = (
    "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded", "billing_not_active",
)  # fmt: skip

PROVIDER = Provider(
    name="openai",
    service="llm",
    base_url="https://api.openai.com/v1",
    auth=("bearer", ""),
    limits=Limits(concurrency=50, requests_per_second=8),
    retry=RetryPolicy(attempts=4, base_seconds=2.0, cap_seconds=60.0),
    unit="token",
    error_units=0.0,  # what is refused with an error status is not billed
    request_id="X-Client-Request-Id",
    headers={"OpenAI-Organization": "organization", "OpenAI-Project": "project"},
    timeout_seconds=180.0,
    # An answer depends on nothing but model, messages and schema, and these are in the fact's identity.
    freshness_seconds=FRESHNESS_SECONDS,
    breaker=BreakerPolicy(10, 600.0),
    error_codes=("error.code", "error.type"),
    errors=(
        ErrorRule(ErrorCategory.RECOVERABLE, code="truncated", attempts=2, trips=False),
        *(ErrorRule(ErrorCategory.ACCOUNT, code=code) for code in _UNPAID),
        # These two share their code with limits that pass within a minute; only the message tells them apart.
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=429, pattern="request too large"),
        ErrorRule(ErrorCategory.QUOTA, status=429, pattern=r"per day|\((?:RPD|TPD)\)"),
        ErrorRule(ErrorCategory.THROTTLED, status=429),
        ErrorRule(ErrorCategory.THROTTLED, code="slow_down"),
        # Nothing about a page gives a 404: the model or the address is wrong.
        ErrorRule(ErrorCategory.ACCOUNT, status=404),
    ),
)

#: Tokens of an answer: reasoning and what is said of the whole page, and every question.
_TOKENS, _TOKENS_PER_QUESTION = 6_000, 300
#: A second attempt may have twice as many, up to what every current model gives.
_MOST_TOKENS = 16_384


async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
    """One page."""
    (item,) = items
    return {item.item_id: await _analyse(item, call)}


async def _analyse(item: Item, call: Call) -> Outcome:
    """What is too long for the model is cut to half, once."""
    if item.source is None:
        return Failed("the page's text is not in the store")
    page = msgspec.convert(item.source, Page)
    if not page.text.strip():
        return Skipped("no_text")
    asked = brief(item.context)
    sent = msgspec.structs.replace(
        page,
        text=page.text[:TEXT_LENGTH],
        title=page.title or item.input.get("title", ""),
        url=page.url or item.input.get("url", ""),
    )
    try:
        fact, prompt_hash = await _buy(item, asked, sent, call)
    except ProviderError as error:
        if _TOO_LONG not in error.codes:
            raise
        sent = msgspec.structs.replace(sent, text=sent.text[: len(sent.text) // 2])
        fact, prompt_hash = await _buy(item, asked, sent, call)
    return _outcome(fact, asked, sent, prompt_hash, is_whole=len(sent.text) == len(page.text))


async def _buy(item: Item, asked: Brief, sent: Page, call: Call) -> tuple[Fact[Analysis], str]:
    """The fact, and the hash of what its answer depends on: model, messages and schema."""
    questions, allowed = labels(asked), phases(asked)
    body = {
        "model": asked.model,
        "messages": messages(asked, sent),
        "response_format": response_format(asked),
    }
    prompt_hash = hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()
    limit = {"max_completion_tokens": _most_tokens(len(questions), item.attempts)}
    request = Request("/chat/completions", method="POST", json={**body, **limit})
    # An endpoint of this page's own: parameters are stored, and the text must not stand in them.
    analysis = Endpoint(
        "analysis",
        Analysis,
        request=lambda _subjects, _params: request,
        read=lambda answer, subjects: {subjects[0]: read(answer, questions, allowed)},
        cost=cost,
        # A token is a byte at the least.
        most=lambda request: float(
            len(msgspec.json.encode(request.json)) + request.json["max_completion_tokens"]
        ),
    )
    facts = await call(analysis, [item.key], {"model": asked.model, "prompt": prompt_hash})
    return facts[item.key], prompt_hash


def _most_tokens(questions: int, attempts: int) -> int:
    """Output limit. No part of the fact's identity: an answer that it cuts off is not kept."""
    enough = min(_TOKENS + _TOKENS_PER_QUESTION * questions, _MOST_TOKENS)
    return max(enough, min(2 * enough, _MOST_TOKENS)) if attempts else enough


def _outcome(fact: Fact[Analysis], asked: Brief, sent: Page, prompt_hash: str, *, is_whole: bool) -> Outcome:
    analysis = fact.answer
    if analysis is None:
        return Failed("no answer is stored for the page")
    result = AnalysisResult(
        model=analysis.model,
        prompt_hash=prompt_hash,
        schema_version=SCHEMA_VERSION,
        prompt_tokens=analysis.prompt_tokens,
        completion_tokens=analysis.completion_tokens,
    )
    if analysis.content is None:
        return Completed(result, (fact,), degraded=analysis.degraded)
    result = _filled(result, analysis.content, asked, sent)
    void = all(score.score is None for score in result.scores.values())
    return Completed(result, (fact,), degraded="truncated" if not is_whole else "no_evidence" if void else "")


def _filled(result: AnalysisResult, content: Content, asked: Brief, sent: Page) -> AnalysisResult:
    text = fold(f"{sent.title}\n{sent.text}")
    return msgspec.structs.replace(
        result,
        scores={label: _score(content.scores[name], text) for name, label in labels(asked).items()},
        journey_phase=content.journey_phase,
        page_type=content.page_type,
        source_type=_source_type(asked, sent.url) or content.source_type,
        sentiment=content.sentiment,
        topics=_cut(content.topics),
        insights=content.insights[:INSIGHTS],
        mentions=tuple(
            Mention(m.entity[:LABEL], m.kind, m.sentiment, m.context[:CONTEXT]) for m in content.mentions
        ),
    )


def _score(said: Judgement, folded_text: str) -> Score:
    quote = said.evidence[:QUOTE]
    return Score(
        score=said.score if is_supported(said.score, quote, folded_text) else None,
        confidence=said.confidence,
        evidence=quote,
        signals=_cut(said.signals),
        positive=_cut(said.positive),
        negative=_cut(said.negative),
    )


def _cut(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text[:LABEL] for text in texts)


def _source_type(asked: Brief, url: str) -> str:
    """Whose the page is, by its domain: known better than the model does. Empty: not known."""
    try:
        domain = keys.registrable_domain(url)
    except ValueError:
        return ""
    if asked.company and domain in asked.company.domains:
        return "OWNED"
    return "COMPETITOR" if any(domain in company.domains for company in asked.competitors) else ""
