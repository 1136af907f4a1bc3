"""Google Ads: an access token, and the figures of one keyword for one operation of the day's 2,880."""

from services.gateway.doctor.expectation import Expectation, caller
from shared.domain.provider import Request

_METRICS = "results[].keywordMetrics"
_FAILURE = "error.details.errors"

EXPECTATION = Expectation(
    caller(
        "google_ads",
        "keywords",
        "https://googleads.googleapis.com",
        ("oauth", ""),
        settings={"version": "v26", "customer_id": ""},
        headers={"login-customer-id": "login_customer_id"},
        error_codes=(
            f"{_FAILURE}.errorCode.authenticationError",
            f"{_FAILURE}.errorCode.authorizationError",
            f"{_FAILURE}.errorCode.headerError",
            f"{_FAILURE}.errorCode.quotaError",
            f"{_FAILURE}.errorCode.requestError",
            "error.details.reason",
            "error.status",
        ),
    ),
    Request(
        "/{version}/customers/{customer_id}:generateKeywordHistoricalMetrics",
        method="POST",
        json={
            "keywords": ["coffee"],
            "geoTargetConstants": ["geoTargetConstants/2840"],
            "language": "languageConstants/1000",
            "keywordPlanNetwork": "GOOGLE_SEARCH",
            "historicalMetricsOptions": {"includeAverageCpc": True},
        },
    ),
    price="1 operation",
    source="google/ads/googleads/v26/services/keyword_plan_idea_service.proto",
    fields={
        "results[].text": "string",
        "results[].closeVariants?": "array",
        _METRICS: "object",
        # 64-bit integers come as text; what is not known is not there.
        f"{_METRICS}.avgMonthlySearches?": "string",
        f"{_METRICS}.competition?": "string",
        f"{_METRICS}.competitionIndex?": "string",
        f"{_METRICS}.lowTopOfPageBidMicros?": "string",
        f"{_METRICS}.highTopOfPageBidMicros?": "string",
        f"{_METRICS}.averageCpcMicros?": "string",
        f"{_METRICS}.monthlySearchVolumes?": "array",
        f"{_METRICS}.monthlySearchVolumes[].month": "string",
        f"{_METRICS}.monthlySearchVolumes[].year": "string",
        f"{_METRICS}.monthlySearchVolumes[].monthlySearches?": "string",
    },
    credentials=("client_id", "client_secret", "refresh_token", "customer_id"),
)
