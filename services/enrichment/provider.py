"""Cognism: whose a domain is. A search tells ids of companies and no more, a redemption what they stand for.

Accounts cost no credits; what is used up are previews, of which a contract has an allowance.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.enrichment.payloads import PAGE, Company, Previews, read_enrichment, read_records, read_search
from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule, categorize
from shared.domain.item import Item
from shared.domain.provider import Call, Completed, Endpoint, Fact, Limits, Outcome, Provider, Request
from shared.domain.results import CompanyResult
from shared.domain.retry import RetryPolicy
from shared.errors import StatusError

DOMAINS_PER_SEARCH = 20
IDS_PER_REDEMPTION = 20

#: Comes with answers, and with errors; the rate of calls has headers of other names.
_PREVIEWS_LEFT, _PREVIEWS_BACK = "x-rate-result-limit-remaining", "x-rate-result-limit-reset"

PROVIDER = Provider(
    name="cognism",
    service="enrichment",
    base_url="https://app.cognism.com/api",
    auth=("bearer", ""),
    limits=Limits(concurrency=10, requests_per_second=10),
    retry=RetryPolicy(attempts=5, base_seconds=1.0, cap_seconds=60.0),
    items_per_call=DOMAINS_PER_SEARCH,
    unit="preview",
    error_units=0.0,  # what shows no preview takes none
    timeout_seconds=30.0,
    freshness_seconds=30 * 24 * 60 * 60,
    breaker=BreakerPolicy(5, 600.0),
    error_codes=("key", "errors.code"),
    error_headers=(_PREVIEWS_LEFT,),
    # The rate's first: it is back within a minute, and both may be told.
    retry_after_headers=("x-rate-limit-reset", _PREVIEWS_BACK),
    errors=(
        *(
            ErrorRule(ErrorCategory.QUOTA, status=status, code=f"{_PREVIEWS_LEFT}:0")
            for status in (402, 403, 429)
        ),
        ErrorRule(ErrorCategory.THROTTLED, status=429),
        # A search the contract does not cover would be refused for any domain.
        ErrorRule(ErrorCategory.ACCOUNT, status=400, pattern="entitlement"),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=400),
        ErrorRule(ErrorCategory.ACCOUNT, status=401),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=404),
    ),
)


def _ask_search(domains: Sequence[str], _: Mapping[str, Any]) -> Request:
    body = {"domains": list(domains), "accountSearchOptions": {"match_exact_domain": True}}
    return Request("/search/account/search", {"indexSize": str(PAGE)}, "POST", body)


def _ask_enrichment(domains: Sequence[str], _: Mapping[str, Any]) -> Request:
    return Request("/search/account/enrich", method="POST", json={"domain": domains[0]})


def _ask_records(ids: Sequence[str], _: Mapping[str, Any]) -> Request:
    # Offices are asked for in one list; the phone numbers that come along are not read.
    query = {"mergePhonesAndLocations": "true"}
    return Request("/search/account/redeem", query, "POST", {"redeemIds": list(ids)})


SEARCH = Endpoint(
    "search",
    Previews,
    _ask_search,
    read_search,
    lambda _: float(PAGE),
    lambda _: float(PAGE),
    per_call=DOMAINS_PER_SEARCH,
)
ENRICH = Endpoint("enrich", Previews, _ask_enrichment, read_enrichment, lambda _: 1.0, lambda _: 1.0)
REDEEM = Endpoint(
    "redeem", Company, _ask_records, read_records, lambda _: 0.0, lambda _: 0.0, per_call=IDS_PER_REDEMPTION
)


async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
    """Up to 20 domains, then the companies that may be theirs."""
    domains = [item.key for item in items]
    previews = await _find(domains, call)
    try:
        companies = await _redeem(previews, call)
    except StatusError as error:
        if categorize(error, PROVIDER.errors).category is not ErrorCategory.NON_RECOVERABLE:
            raise
        # An id that spoils the call came with all domains of its search, and would spoil every half of them.
        # With ids of their own the halves differ.
        previews = await call(ENRICH, domains)
        companies = await _redeem(previews, call)
    return {item.item_id: _outcome(item.key, previews[item.key], companies) for item in items}


async def _find(domains: Sequence[str], call: Call) -> Mapping[str, Fact[Previews]]:
    """One search for all. A second page would cost as much as asking for each domain's best match, and a
    domain with hundreds of records would hide the others' behind any number of pages.
    """
    found = dict(await call(SEARCH, domains))
    crowded = [domain for domain, fact in found.items() if fact.answer and fact.answer.more]
    if crowded:
        found |= await call(ENRICH, crowded)
    return found


async def _redeem(previews: Mapping[str, Fact[Previews]], call: Call) -> Mapping[str, Fact[Company]]:
    ids = {one for fact in previews.values() if fact.answer for one in fact.answer.ids}
    return await call(REDEEM, sorted(ids)) if ids else {}


def _outcome(domain: str, previews: Fact[Previews], companies: Mapping[str, Fact[Company]]) -> Outcome:
    """Of several records of a domain always the same one, whatever else was in the batch."""
    found = [companies[one] for one in (previews.answer.ids if previews.answer else ())]
    matching = [(fact.answer, fact) for fact in found if fact.answer and fact.answer.result.domain == domain]
    if not matching:
        return Completed(CompanyResult(matched=False), (previews,), degraded="no_match")
    company, fact = min(matching, key=lambda pair: _rank(pair[0].result))
    return Completed(company.result, (previews, fact), degraded=company.degraded)


def _rank(company: CompanyResult) -> tuple[bool, int, str]:
    """The domain itself before a website that is on it, the whole before its branches."""
    return (
        company.matched_by != "domain",
        -(company.headcount or company.size_from or 0),
        company.company_id,
    )
