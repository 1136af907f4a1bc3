"""Scale SERP: one search per call, one credit per page that is returned."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from services.serp import whose
from shared.domain import keys
from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.item import Item
from shared.domain.provider import Call, Completed, Endpoint, Limits, Outcome, Provider, Request
from shared.domain.results import Ranking, SearchResult
from shared.domain.retry import RetryPolicy
from shared.errors import AnswerError

PROVIDER = Provider(
    name="scale_serp",
    service="serp",
    base_url="https://api.scaleserp.com",
    auth=("query", "api_key"),
    limits=Limits(concurrency=20, requests_per_second=10),
    retry=RetryPolicy(attempts=5, base_seconds=1.0, cap_seconds=60.0),
    unit="credit",
    error_units=0.0,  # only successful searches are billed
    timeout_seconds=90.0,
    freshness_seconds=24 * 60 * 60,
    breaker=BreakerPolicy(10, 300.0),
    retry_after=("retry_after",),
    errors=(
        ErrorRule(ErrorCategory.RECOVERABLE, code="soft_fail", attempts=3),
        ErrorRule(ErrorCategory.ACCOUNT, status=401),
        ErrorRule(ErrorCategory.ACCOUNT, status=402),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=400),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=404),
        ErrorRule(ErrorCategory.THROTTLED, status=429),
        ErrorRule(
            ErrorCategory.QUOTA, status=503, pattern=r'"retry_after"'
        ),  # a parsing incident with a told end
    ),
)

#: Content type -> (search_type, name of the list of results).
_TYPES = {"organic": ("", "organic"), "news": ("news", "news"), "video": ("videos", "video")}


#: Rows of a list, and the last position in it: five pages of a hundred are the most there is. Anything
#: beyond is no ranking, and the record's columns could not hold it.
_ROWS, _LAST = 1_000, 1_000
#: The largest integer the record holds, 64 bits with a sign.
_MOST = 2**63 - 1

_Credits = Annotated[float, Meta(ge=0, le=1_000)]
_Position = Annotated[int, Meta(ge=0, le=_LAST)]


class _Info(msgspec.Struct):
    success: bool = True
    message: str = ""
    credits_used_this_request: _Credits | None = None


class _Search(msgspec.Struct):
    original_query_yields_zero_results: bool = False
    total_results: Annotated[int, Meta(ge=0, le=_MOST)] | None = None


class _Row(msgspec.Struct):
    link: str = ""
    position: _Position = 0
    page: Annotated[int, Meta(ge=1, le=100)] = 1
    position_overall: _Position = 0
    title: str = ""
    snippet: str = ""
    source: str = ""
    channel: str = ""
    date: str = ""
    length: str = ""
    sitelinks: msgspec.Raw = msgspec.Raw()


_Rows = Annotated[list[_Row], Meta(max_length=_ROWS)]


class _Body(msgspec.Struct):
    request_info: _Info
    search_information: _Search = msgspec.field(default_factory=_Search)
    organic_results: _Rows | None = None
    news_results: _Rows | None = None
    video_results: _Rows | None = None
    answer_box: msgspec.Raw = msgspec.Raw()
    knowledge_graph: msgspec.Raw = msgspec.Raw()
    related_questions: msgspec.Raw = msgspec.Raw()
    top_stories: msgspec.Raw = msgspec.Raw()
    inline_images: msgspec.Raw = msgspec.Raw()
    inline_shopping: msgspec.Raw = msgspec.Raw()
    inline_videos: msgspec.Raw = msgspec.Raw()
    local_results: msgspec.Raw = msgspec.Raw()
    shopping_results: msgspec.Raw = msgspec.Raw()
    ads: msgspec.Raw = msgspec.Raw()
    ai_overview: msgspec.Raw = msgspec.Raw()


_FEATURES = tuple(f.name for f in msgspec.structs.fields(_Body) if f.type is msgspec.Raw)
_EMPTY = (b"", b"null", b"false", b'""', b"{}", b"[]")


class Serp(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer. `search_metadata` is left out: its links carry the API key."""

    result: SearchResult
    credits: float
    degraded: str = ""


def _request(subjects: Sequence[str], params: Mapping[str, Any]) -> Request:
    _, _, content_type = msgspec.json.decode(subjects[0])
    query = {n: params[n] for n in ("q", "location", "gl", "hl", "google_domain", "device")}
    if search_type := _TYPES[content_type][0]:
        query["search_type"] = search_type
    if params.get("ai_overview"):
        query["include_ai_overview"] = "true"
    return Request("/search", {**query, "max_page": str(params["pages"])})


def _read(body: bytes, subjects: Sequence[str]) -> Mapping[str, Serp]:
    answer = msgspec.json.decode(body, type=_Body, strict=False)
    if not answer.request_info.success:
        raise AnswerError(f"search not fulfilled: {answer.request_info.message[:200]}", codes=("soft_fail",))
    rows: list[_Row] | None = getattr(answer, f"{_TYPES[msgspec.json.decode(subjects[0])[2]][1]}_results")
    zero = answer.search_information.original_query_yields_zero_results
    beside = {name: block for name in _FEATURES if _has_content(block := getattr(answer, name))}
    owners = {name: whose.domains(bytes(block)) for name, block in beside.items()}
    if linked := _with_sitelinks(rows or []):
        owners["sitelinks"] = linked
    result = SearchResult(
        rankings=tuple(_rankings(rows or [])),
        total_results=answer.search_information.total_results,
        features=tuple(sorted(owners)),
        owners=owners,
    )
    degraded = ""
    if not rows:
        degraded = "" if zero else "no_results_block"
    elif len(result.rankings) < len(rows):
        degraded = "rows_without_host"
    credits_used = answer.request_info.credits_used_this_request
    return {subjects[0]: Serp(result, 1.0 if credits_used is None else credits_used, degraded)}


def _has_content(block: msgspec.Raw) -> bool:
    return bytes(block).translate(None, b" \t\r\n") not in _EMPTY


def _with_sitelinks(rows: Sequence[_Row]) -> tuple[str, ...]:
    """Domains of the results that bring links into their site."""
    return whose.registrable(row.link for row in rows if _has_content(row.sitelinks))


def _rankings(rows: Sequence[_Row]) -> list[Ranking]:
    """Ranked results; one without a host cannot be attributed to anybody and is left out."""
    rankings = []
    for ordinal, row in enumerate(rows, 1):
        try:
            domain = keys.registrable_domain(row.link)
        except ValueError:
            continue
        position = row.position_overall or (10 * (row.page - 1) + row.position if row.position else ordinal)
        source = row.source or row.channel
        rankings.append(
            Ranking(max(1, position), row.link, domain, row.title, row.snippet, source, row.date, row.length)
        )
    return rankings


def _cost(answers: Mapping[str, Serp]) -> float:
    return sum(serp.credits for serp in answers.values())


def _most(request: Request) -> float:
    """A credit per page, and one for the AI overview."""
    return float(request.query["max_page"]) + ("include_ai_overview" in request.query)


SEARCH = Endpoint("search", Serp, _request, _read, _cost, _most)


async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
    """One search."""
    (item,) = items
    params = {n: item.input[n] for n in ("q", "location", "gl", "hl", "google_domain", "device", "pages")}
    if item.input.get("ai_overview"):
        params["ai_overview"] = True
    fact = (await call(SEARCH, [item.key], params))[item.key]
    if fact.answer is None:
        raise AnswerError("no answer for the search", codes=("malformed",))
    return {item.item_id: Completed(fact.answer.result, (fact,), degraded=fact.answer.degraded)}
