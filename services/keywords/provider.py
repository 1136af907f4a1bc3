"""Google Ads keyword planning: the volumes of up to 10,000 keywords of one region per call, one operation each.

A keyword without figures is missing from the answer, or in it without metrics. A keyword that Google
refuses spoils the call for all others, and the answer names it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from services.keywords.payloads import read
from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorCategory, ErrorRule
from shared.domain.item import Item
from shared.domain.provider import (
    Call,
    Completed,
    Endpoint,
    Fact,
    Limits,
    Outcome,
    Provider,
    Request,
    Skipped,
)
from shared.domain.results import VolumeResult
from shared.domain.retry import RetryPolicy

KEYWORDS_PER_CALL = 10_000
#: Of one keyword: Google takes no more of either.
CHARACTERS, WORDS = 80, 10
NETWORK = "GOOGLE_SEARCH"

#: An error's code is `{family: value}`; these are the families a call for metrics meets.
_FAMILIES = (
    "quotaError", "authenticationError", "authorizationError", "headerError", "requestError",
    "keywordPlanIdeaError", "collectionSizeError", "fieldError", "stringLengthError", "dateRangeError",
    "databaseError", "internalError",
)  # fmt: skip
_FAILURE = "error.details.errors"

_ACCOUNT = (
    "ACCESS_PROHIBITED", "OAUTH_TOKEN_REVOKED", "OAUTH_TOKEN_DISABLED", "NOT_ADS_USER", "CUSTOMER_NOT_FOUND",
    "TWO_STEP_VERIFICATION_NOT_ENROLLED", "DEVELOPER_TOKEN_INVALID", "USER_PERMISSION_DENIED",
    "CUSTOMER_NOT_ENABLED", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", "DEVELOPER_TOKEN_NOT_APPROVED",
    "PROJECT_DISABLED", "SERVICE_ACCESS_DENIED", "INCOMPLETE_SIGNUP", "INVALID_LOGIN_CUSTOMER_ID",
    "INVALID_CUSTOMER_ID", "UNSUPPORTED_VERSION", "CLOUD_PROJECT_NOT_FOUND",
)  # fmt: skip
#: Codes of the token endpoint that pass. In all its errors `error` is text, in those of the API it is an object.
_OAUTH_LATER = ("internal_failure", "server_error", "temporarily_unavailable")
_OAUTH_REFUSAL = r'"error":\s*"'
_THROTTLED = (
    "RESOURCE_TEMPORARILY_EXHAUSTED", "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION", "RESOURCE_EXHAUSTED",
)  # fmt: skip
#: RESOURCE_EXHAUSTED stands for the second's limit and for the day's: the rate's name or a wait of five
#: minutes and more tells them apart.
_LASTING = r'"rateName":\s*"Number of operations|(?:"retryDelay":\s*"|Retry in )(?:[3-9]|[1-9]\d)\d\d'

_PLACE = r'"fieldName":\s*"(?:geo_target_constants|language)"'

PROVIDER = Provider(
    name="google_ads",
    service="keywords",
    base_url="https://googleads.googleapis.com",
    auth=("oauth", ""),
    limits=Limits(concurrency=1, requests_per_second=1, units_per_day=2_880, day_zone="America/Los_Angeles"),
    retry=RetryPolicy(attempts=5, base_seconds=1.0, cap_seconds=60.0),
    items_per_call=KEYWORDS_PER_CALL,
    unit="operation",
    # A refused body counts as an operation, a refused token does not; what a failed call counts as is not told.
    error_units=None,
    settings={"version": "v26", "customer_id": ""},
    headers={"login-customer-id": "login_customer_id"},
    timeout_seconds=120.0,
    freshness_seconds=30 * 24 * 60 * 60,  # the figures change once a month
    breaker=BreakerPolicy(5, 300.0),
    error_codes=(*(f"{_FAILURE}.errorCode.{family}" for family in _FAMILIES), "error.details.reason"),
    retry_after=(f"{_FAILURE}.details.quotaErrorDetails.retryDelay", "error.details.retryDelay"),
    culprits=(f"{_FAILURE}.location.fieldPathElements.index",),
    # Several errors may come at once: the worst one decides.
    errors=(
        *(ErrorRule(ErrorCategory.ACCOUNT, code=code) for code in _ACCOUNT),
        # An ended version answers 404 and no JSON; a body that does not fit the message is wrong whatever the
        # keywords are.
        ErrorRule(ErrorCategory.ACCOUNT, status=404),
        ErrorRule(ErrorCategory.ACCOUNT, status=400, pattern=r"google\.rpc\.BadRequest"),
        ErrorRule(ErrorCategory.QUOTA, code="EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION"),
        ErrorRule(ErrorCategory.QUOTA, code="RESOURCE_EXHAUSTED", pattern=_LASTING),
        # Tried again with a new token. Refused too, it is the account, as in any other 401.
        ErrorRule(ErrorCategory.RECOVERABLE, code="stale_token", trips=False),
        *(ErrorRule(ErrorCategory.RECOVERABLE, code=code) for code in _OAUTH_LATER),
        ErrorRule(ErrorCategory.ACCOUNT, status=400, pattern=_OAUTH_REFUSAL),
        # A region or language Google does not take: no keyword is to blame.
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=400, pattern=_PLACE, whole=True),
        ErrorRule(ErrorCategory.NON_RECOVERABLE, status=400),
        *(ErrorRule(ErrorCategory.THROTTLED, code=code) for code in _THROTTLED),
    ),
)


def _request(keywords: Mapping[str, str], subjects: Sequence[str], params: Mapping[str, Any]) -> Request:
    body = {
        "keywords": [keywords[subject] for subject in subjects],
        "geoTargetConstants": [f"geoTargetConstants/{params['geo_target']}"],
        "keywordPlanNetwork": params["network"],
        "historicalMetricsOptions": {"includeAverageCpc": True},
    }
    if params["language"] is not None:
        body["language"] = f"languageConstants/{params['language']}"
    path = "/{version}/customers/{customer_id}:generateKeywordHistoricalMetrics"
    # Indented, 10,000 results would be twice as long.
    return Request(path, {"prettyPrint": "false"}, method="POST", json=body)


def _metrics(keywords: Mapping[str, str]) -> Endpoint[VolumeResult]:
    """The endpoint for these keywords, as written, by subject: that has the canonical spelling ("strasse")."""
    return Endpoint(
        "historical_metrics", VolumeResult, partial(_request, keywords), read, lambda _: 1.0, lambda _: 1.0,
        per_call=KEYWORDS_PER_CALL, slow=True,
    )  # fmt: skip


async def handle(items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
    """Up to 10,000 keywords of one region."""
    outcomes: dict[int, Outcome] = {}
    asked = []
    for item in items:
        if excess := _excess(item.input["keyword"]):
            outcomes[item.item_id] = Skipped(f"longer than Google Ads takes: {excess}")
        else:
            asked.append(item)
    if asked:
        # The items of a job are of one region. Of two, the figures would come mixed.
        ((geo_target, language),) = {(item.input["geo_target"], item.input["language"]) for item in asked}
        params = {"geo_target": geo_target, "language": language, "network": NETWORK}
        keywords = {item.key: item.input["keyword"] for item in asked}
        facts = await call(_metrics(keywords), keywords.keys(), params)
        outcomes |= {item.item_id: _outcome(facts[item.key]) for item in asked}
    return outcomes


def _excess(keyword: str) -> str:
    """What of the keyword is too much for Google; empty when nothing is."""
    if len(keyword) > CHARACTERS:
        return f"{len(keyword)} characters"
    words = len(keyword.split())
    return f"{words} words" if words > WORDS else ""


def _outcome(fact: Fact[VolumeResult]) -> Outcome:
    result = fact.answer or VolumeResult()
    if result.volume is not None:
        return Completed(result, (fact,))
    figures = result != VolumeResult(variant_of=result.variant_of)
    return Completed(result, (fact,), degraded="no_volume" if figures else "no_metrics")
