"""ScrapingBee: one page per call, at a price that depends on how hard the site makes it.

Cheap visits come first, dearer ones follow where they can help (`ladder`). What a visit was paid for is a
fact, whatever it showed: the next visit is another purchase, of the page "after" that one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta

from services.pages import ladder, main_text
from services.pages.ladder import LADDER, TIERS, Obstacle, Tier, TierName
from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.item import Item
from shared.domain.provider import Call, Completed, Endpoint, Fact, Failed, Limits, Outcome, Provider, Request
from shared.domain.results import PageResult
from shared.domain.retry import RetryPolicy
from shared.domain.start import Scrape
from shared.errors import AnswerError, StatusError

#: Present when the site answered: the error is the site's. Its value is the first status before redirects.
SITE_STATUS = "spb-initial-status-code"
#: Visits to a site that fails, by the attempts of the item; the last one tries the dearer tiers, too.
SITE_TRIES = 3
_REFUSED = {f"{SITE_STATUS}:403", f"{SITE_STATUS}:429"}
#: The second: a site that did not answer has no status, but a reason is given.
_SITE_FAULTS = (
    ErrorRule(ErrorCategory.RECOVERABLE, status=500, code=SITE_STATUS, attempts=SITE_TRIES, trips=False),
    ErrorRule(
        ErrorCategory.RECOVERABLE, status=500, pattern=r'"reason"\s*:', attempts=SITE_TRIES, trips=False
    ),
)

PROVIDER = Provider(
    name="scrapingbee",
    service="pages",
    base_url="https://app.scrapingbee.com/api/v1",
    auth=("bearer", ""),
    limits=Limits(concurrency=5),  # of the smallest plan
    retry=RetryPolicy(attempts=5, base_seconds=2.0, cap_seconds=60.0),
    unit="credit",
    error_units=0.0,  # pages that were delivered are billed, and pages that do not exist
    timeout_seconds=150.0,  # its own limit is 140
    freshness_seconds=7 * 24 * 60 * 60,
    breaker=BreakerPolicy(20, 300.0),
    error_codes=("message", "reason", "errors.url"),
    error_headers=(SITE_STATUS,),
    errors=(
        *_SITE_FAULTS,
        # Wrong keys and used-up credits alike: the message says which it is.
        *(ErrorRule(ErrorCategory.ACCOUNT, status=status) for status in (401, 402, 403)),
        *(ErrorRule(ErrorCategory.NON_RECOVERABLE, status=status) for status in (400, 404, 413)),
        ErrorRule(ErrorCategory.THROTTLED, status=429),  # more at once than the plan allows
    ),
)

#: Characters of an address; longer ones are no page that anybody links to.
_URL_LENGTH = 4_000
_Credits = Annotated[float, Meta(ge=0, le=1_000)]


class _Envelope(msgspec.Struct, rename="kebab"):
    type: str
    body: msgspec.Raw
    cost: _Credits | None = None
    resolved_url: str | None = None


class _Charge(msgspec.Struct):
    cost: _Credits = 0.0


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer of a visit: the page's main text, not its HTML."""

    found: bool
    url: str
    """Where it was found in the end."""
    tier: TierName
    credits: float
    kind: Obstacle = ""
    """Why there is no whole text."""
    title: str = ""
    text: str = ""
    language: str = ""
    published: str = ""
    words: int = 0


def _request(tier: Tier, url: str) -> Request:
    query = {"url": url, "json_response": "true", "render_js": "true" if tier.render_js else "false"}
    return Request("/", {**query, tier.proxy: "true"} if tier.proxy else query)


def _read(
    tier: Tier, url: str, body: bytes, subjects: Sequence[str], *, gone: bool = False
) -> Mapping[str, Page]:
    """`gone`: the site has no such page, at this address or at the one it redirects to."""
    try:
        envelope = msgspec.json.decode(body, type=_Envelope, strict=False)
        html = msgspec.json.decode(envelope.body, type=str) if envelope.type == "html" else ""
    except msgspec.ValidationError as error:
        raise AnswerError(
            f"malformed answer: {error}", codes=("malformed",), units=_charged(tier, body)
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerError(
            f"unreadable answer: {error}", codes=("unreadable",), units=_charged(tier, body)
        ) from None
    end = envelope.resolved_url or ""
    visited = end if end.startswith(("https://", "http://")) and len(end) <= _URL_LENGTH else url
    cost = float(tier.credits) if envelope.cost is None else envelope.cost
    if gone:
        return {subjects[0]: Page(False, visited, tier.name, cost, kind="not_found")}
    if envelope.type != "html":
        return {subjects[0]: Page(True, visited, tier.name, cost, kind="not_html")}
    page = main_text.extract(html, visited)
    return {
        subjects[0]: Page(
            True, visited, tier.name, cost, page.wall, page.title, page.text, page.language, page.published, page.words,
        )
    }  # fmt: skip


def _charged(tier: Tier, body: bytes) -> float:
    """Credits of an answer that is of no use: as it says itself; one that was cut off had its price."""
    try:
        return msgspec.json.decode(body, type=_Charge, strict=False).cost
    except msgspec.ValidationError:
        return 0.0
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return float(tier.credits) if body.lstrip().startswith(b"{") else 0.0


def _cost(answers: Mapping[str, Page]) -> float:
    return sum(page.credits for page in answers.values())


#: The cheapest visit, to the key for an address: it tells the page, though not in the spelling the site links to.
PAGE = Endpoint(
    "page", Page, lambda keys, _: _request(LADDER[0], f"https://{keys[0]}"), partial(_read, LADDER[0], ""), _cost, lambda _: float(LADDER[0].credits),
    answers={404: partial(_read, LADDER[0], "", gone=True)}, slow=True,
)  # fmt: skip


async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
    """One page: visits until there is a text, or no tier is left that might bring one at an allowed price."""
    (item,) = items
    most = msgspec.convert(item.context.get("scrape", {}), Scrape).credits_per_page
    tier: Tier | None = LADDER[0]
    bought: Fact[Page] | None = None
    page: Page | None = None
    refusal: StatusError | None = None
    while tier:
        try:
            bought, page = await _visit(item, tier, page, call)
        except StatusError as error:
            if not _is_final(error, item):
                raise
            tier, refusal = ladder.after(tier, "refused", most), error
        else:
            tier = ladder.after(TIERS[page.tier], page.kind, most)
    if bought is None or page is None:
        return {item.item_id: Failed(f"no visit for up to {most} credits was served: {refusal}")}
    return {item.item_id: Completed(_result(page), (bought,), degraded=page.kind)}


async def _visit(item: Item, tier: Tier, before: Page | None, call: Call) -> tuple[Fact[Page], Page]:
    """A visit of this tier, or one made earlier at the same point of the ladder."""
    url = item.input["url"].strip()
    url = url if "://" in url else f"https://{url.removeprefix('//')}"
    visit = replace(
        PAGE,
        request=lambda *_: _request(tier, url),
        read=partial(_read, tier, url),
        most=lambda _: float(tier.credits),
    )
    fact = (await call(visit, [item.key], {"after": before.tier} if before else {}))[item.key]
    if fact.answer is None:
        raise AnswerError("no answer for the page", codes=("malformed",))
    return fact, fact.answer


def _is_final(error: StatusError, item: Item) -> bool:
    """Whether another visit in the same tier would come to the same: the site refuses, or has failed often enough."""
    if not any(rule.matches(error) for rule in _SITE_FAULTS):
        return False
    return not _REFUSED.isdisjoint(error.codes) or item.attempts + 1 >= SITE_TRIES


def _result(page: Page) -> PageResult:
    digest = sha256(page.text.encode()).hexdigest() if page.text else ""
    return PageResult(
        found=page.found, url=page.url, title=page.title, words=page.words, text_hash=digest,
        language=page.language, published=page.published, tier=page.tier,
    )  # fmt: skip
