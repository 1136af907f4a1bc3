"""Google Ads: what its errors and those of its token endpoint mean."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from services.keywords.provider import PROVIDER, handle
from shared.domain.category import ErrorCategory, categorize
from shared.domain.gate import hold_seconds
from shared.domain.item import Item
from shared.domain.provider import Request
from shared.errors import ProviderError, StatusError
from shared.runtime.http import Account, Wire
from shared.runtime.oauth import Client
from tests.services.test_keywords import complete, lookups, over_http
from tests.services.test_simulator_process import Simulator
from tests.services.till import OAUTH_URL, Till, payload, refusal

pytestmark = pytest.mark.anyio

C = ErrorCategory
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def _failure(**code: str) -> bytes:
    """The envelope of an error with one code."""
    errors = [{"errorCode": code, "message": "x"}]
    details = [{"@type": "…GoogleAdsFailure", "errors": errors, "requestId": "r"}]
    return json.dumps({"error": {"code": 0, "message": "x", "status": "X", "details": details}}).encode()


def _quota(value: str, delay: str, rate: str = "Requests per second", *, indent: int | None = None) -> bytes:
    document = json.loads(_failure(quotaError=value))
    details = {"rateScope": "ACCOUNT", "rateName": rate, "retryDelay": delay}
    document["error"]["details"][0]["errors"][0]["details"] = {"quotaErrorDetails": details}
    return json.dumps(document, indent=indent, separators=None if indent else (",", ":")).encode()


_OPERATIONS = "Number of operations for basic access"
_SHORT_TERM = "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION"
_LONG_TERM = "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION"

#: Case: status, body, category, and for how many seconds everything waits.
TABLE = {
    "daily operations": (429, payload("google_ads", "error_daily"), C.QUOTA, 8962),
    "daily operations as a stream": (429, b"[" + payload("google_ads", "error_daily") + b"]", C.QUOTA, 8962),
    "daily operations soon back": (429, _quota("RESOURCE_EXHAUSTED", "20s", _OPERATIONS), C.QUOTA, 20),
    "daily operations without a delay": (429, _quota("RESOURCE_EXHAUSTED", "", _OPERATIONS), C.QUOTA, 60),
    "long delay": (429, _quota("RESOURCE_EXHAUSTED", "301s"), C.QUOTA, 301),
    "long delay, indented": (429, _quota("RESOURCE_EXHAUSTED", "8962.5s", indent=2), C.QUOTA, 8962.5),
    "delay beyond a day": (429, _quota("RESOURCE_EXHAUSTED", "999999s"), C.QUOTA, 24 * 60 * 60),
    "long term": (429, _quota(_LONG_TERM, "3600s"), C.QUOTA, 3600),
    "long term without a delay": (429, _failure(quotaError=_LONG_TERM), C.QUOTA, 60),
    "one request per second": (429, payload("google_ads", "error_rate"), C.THROTTLED, 2),
    "a few minutes": (429, _quota("RESOURCE_EXHAUSTED", "299.9s"), C.THROTTLED, 299.9),
    "exhausted for a while": (429, _quota("RESOURCE_TEMPORARILY_EXHAUSTED", "0.5s"), C.THROTTLED, 1),
    "exhausted for a longer while": (429, _quota("RESOURCE_TEMPORARILY_EXHAUSTED", "400s"), C.THROTTLED, 400),
    "short term": (429, _quota(_SHORT_TERM, "30s"), C.THROTTLED, 30),
    "429 without a reason": (429, b"", C.THROTTLED, 1),
    "ACCESS_PROHIBITED": (403, _failure(quotaError="ACCESS_PROHIBITED"), C.ACCOUNT, 60),
    "ACCESS_PROHIBITED with 429": (429, _failure(quotaError="ACCESS_PROHIBITED"), C.ACCOUNT, 60),
    # With a token that was got for this very call.
    "bare 401": (401, payload("google_ads", "error_token"), C.ACCOUNT, 60),
    **{
        value: (401, _failure(authenticationError=value), C.ACCOUNT, 60)
        for value in (
            "OAUTH_TOKEN_EXPIRED", "OAUTH_TOKEN_INVALID", "OAUTH_TOKEN_REVOKED", "OAUTH_TOKEN_DISABLED",
            "NOT_ADS_USER", "CUSTOMER_NOT_FOUND", "TWO_STEP_VERIFICATION_NOT_ENROLLED",
            "DEVELOPER_TOKEN_INVALID",
        )
    },
    **{
        value: (403, _failure(authorizationError=value), C.ACCOUNT, 60)
        for value in (
            "USER_PERMISSION_DENIED", "CUSTOMER_NOT_ENABLED", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION",
            "DEVELOPER_TOKEN_NOT_APPROVED", "PROJECT_DISABLED", "SERVICE_ACCESS_DENIED", "INCOMPLETE_SIGNUP",
        )
    },
    "INVALID_LOGIN_CUSTOMER_ID": (400, _failure(headerError="INVALID_LOGIN_CUSTOMER_ID"), C.ACCOUNT, 60),
    "INVALID_CUSTOMER_ID": (400, _failure(requestError="INVALID_CUSTOMER_ID"), C.ACCOUNT, 60),
    "UNSUPPORTED_VERSION": (400, _failure(requestError="UNSUPPORTED_VERSION"), C.ACCOUNT, 60),
    "CLOUD_PROJECT_NOT_FOUND": (400, _failure(requestError="CLOUD_PROJECT_NOT_FOUND"), C.ACCOUNT, 60),
    "version that ended": (404, b"<html>404. That's an error.</html>", C.ACCOUNT, 60),
    "body that does not fit": (400, payload("google_ads", "error_body"), C.ACCOUNT, 60),
    "two keywords": (400, payload("google_ads", "error_keywords"), C.NON_RECOVERABLE, 0),
    **{
        f"{family}.{value}": (400, _failure(**{family: value}), C.NON_RECOVERABLE, 0)
        for family, value in (
            ("requestError", "BAD_RESOURCE_ID"), ("requestError", "RESOURCE_NAME_MALFORMED"),
            ("collectionSizeError", "TOO_MANY"), ("collectionSizeError", "TOO_FEW"),
            ("keywordPlanIdeaError", "INVALID_VALUE"), ("keywordPlanIdeaError", "URL_CRAWL_ERROR"),
            ("fieldError", "INVALID_VALUE"), ("stringLengthError", "TOO_LONG"),
        )
    },
    "INTERNAL_ERROR": (500, _failure(internalError="INTERNAL_ERROR"), C.RECOVERABLE, 0),
    "TRANSIENT_ERROR": (500, _failure(internalError="TRANSIENT_ERROR"), C.RECOVERABLE, 0),
    "DEADLINE_EXCEEDED": (504, _failure(internalError="DEADLINE_EXCEEDED"), C.RECOVERABLE, 0),
    "503": (503, b"<html>unavailable</html>", C.RECOVERABLE, 0),
    "CONCURRENT_MODIFICATION": (409, _failure(databaseError="CONCURRENT_MODIFICATION"), C.RECOVERABLE, 0),
    "several errors": (403, payload("google_ads", "error_several"), C.ACCOUNT, 60),
    "several errors with 429": (429, payload("google_ads", "error_several"), C.ACCOUNT, 60),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "category", "hold"), TABLE.values(), ids=TABLE)
async def test_every_row_of_the_error_table(
    status: int, body: bytes, category: ErrorCategory, hold: float
) -> None:
    """The code decides, the delay in the body says how long; of several errors the worst counts."""
    rule, error = await refusal(PROVIDER, httpx.Response(status, content=body))

    assert rule.category is category
    assert hold_seconds(rule, error, NOW) == hold


def _denied(error: str) -> bytes:
    return json.dumps({"error": error, "error_description": "x"}).encode()


#: Case: status, body and category of an answer of the token endpoint.
OAUTH = {
    "invalid_grant": (400, payload("google_ads", "error_oauth"), C.ACCOUNT),
    "invalid_client": (401, _denied("invalid_client"), C.ACCOUNT),
    "unauthorized_client": (400, _denied("unauthorized_client"), C.ACCOUNT),
    "invalid_scope": (400, _denied("invalid_scope"), C.ACCOUNT),
    "a refusal not known yet": (400, b'{"error":"invalid_rapt"}', C.ACCOUNT),
    "internal_failure": (400, _denied("internal_failure"), C.RECOVERABLE),
    "408": (408, _denied("request_timeout"), C.RECOVERABLE),
    "429": (429, _denied("rate_limit_exceeded"), C.THROTTLED),
    "server_error": (500, _denied("server_error"), C.RECOVERABLE),
    "temporarily_unavailable": (503, _denied("temporarily_unavailable"), C.RECOVERABLE),
    "504": (504, b"", C.RECOVERABLE),
    "html": (200, b"<html>", C.RECOVERABLE),
}


@pytest.mark.parametrize(("status", "body", "category"), OAUTH.values(), ids=OAUTH)
async def test_every_refusal_of_a_token(status: int, body: bytes, category: ErrorCategory) -> None:
    """No call has left, so nothing can have been charged; what lasts is the account's business."""
    client = Client(OAUTH_URL, "client", "secret", "refresh token")
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    wire = Wire(PROVIDER, Account(oauth=client, settings={"customer_id": "1"}), 1, transport)

    with pytest.raises(ProviderError) as caught:
        await wire.send(Request("/any"))

    assert categorize(caught.value, PROVIDER.errors).category is category
    assert not caught.value.sent


async def test_token_that_went_stale_is_renewed_once() -> None:
    """Refused after it was kept: again with a new one. A new one that is refused: the account."""
    expired = httpx.Response(401, content=_failure(authenticationError="OAUTH_TOKEN_EXPIRED"))
    answers = iter([httpx.Response(200, json={}), expired, expired])
    till = Till(PROVIDER, lambda _: next(answers))
    await complete(lookups("anvil"), till)

    categories = []
    for _ in range(2):
        with pytest.raises(StatusError) as caught:
            await handle(lookups("anvil"), till)
        categories.append(categorize(caught.value, PROVIDER.errors).category)

    assert categories == [C.RECOVERABLE, C.ACCOUNT]


async def test_token_that_was_revoked_is_not_renewed() -> None:
    """However long it was kept: a new one would be no better."""
    revoked = _failure(authenticationError="OAUTH_TOKEN_REVOKED")
    answers = iter([httpx.Response(200, json={}), httpx.Response(401, content=revoked)])
    till = Till(PROVIDER, lambda _: next(answers))
    await complete(lookups("anvil"), till)

    with pytest.raises(StatusError) as caught:
        await handle(lookups("anvil"), till)

    assert categorize(caught.value, PROVIDER.errors).category is C.ACCOUNT


async def test_keywords_that_spoil_the_call_are_named() -> None:
    """By their places in the request; the others can be asked for again without them."""
    till = Till(PROVIDER, lambda _: httpx.Response(400, content=payload("google_ads", "error_keywords")))

    with pytest.raises(StatusError) as caught:
        await handle(lookups("first", "second", "third"), till)

    assert caught.value.culprits == {'["first","US"]', '["third","US"]'}
    assert str(caught.value) == "status 400 (INVALID_VALUE)"


#: Fault of the simulator: what it means, and for how many seconds everything waits.
FAULTS = {
    "quota_daily": (C.QUOTA, 8962), "long_term": (C.QUOTA, 8962), "qps": (C.THROTTLED, 1),
    "rate_limit": (C.THROTTLED, 1), "short_term": (C.THROTTLED, 30), "access_prohibited": (C.ACCOUNT, 60),
    "project_not_approved": (C.ACCOUNT, 60), "permission_denied": (C.ACCOUNT, 60),
    "token_revoked": (C.ACCOUNT, 60), "several_errors": (C.ACCOUNT, 60), "conflict": (C.RECOVERABLE, 0),
    "server_error": (C.RECOVERABLE, 0), "transient_error": (C.RECOVERABLE, 0), "unavailable": (C.RECOVERABLE, 0),
    "deadline": (C.RECOVERABLE, 0), "drop": (C.RECOVERABLE, 0), "drop_mid_body": (C.RECOVERABLE, 0),
    "truncated_json": (C.RECOVERABLE, 0), "html": (C.RECOVERABLE, 0),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "category", "hold"), [(f, *means) for f, means in FAULTS.items()])
async def test_every_fault_over_http(
    sim: Simulator, fault: str, category: ErrorCategory, hold: float
) -> None:
    """Its category and its delay; the next call is answered."""
    sim.fault("google_ads", fault, times=1)
    till = over_http(sim)

    with pytest.raises(ProviderError) as caught:
        await handle(lookups("anvil"), till)
    rule = categorize(caught.value, PROVIDER.errors)
    await complete(lookups("anvil"), till)
    await till.wire.aclose()

    assert rule.category is category
    assert hold_seconds(rule, caught.value, NOW) == hold


async def test_token_that_expires_is_renewed_over_http(sim: Simulator) -> None:
    """Given out with a life of an hour, refused before: one more token, and the same call works."""
    till = over_http(sim)
    await complete(lookups("anvil"), till)
    sim.fault("google_ads", "token_expired", times=1)

    with pytest.raises(StatusError) as caught:
        await handle(lookups("anvil"), till)
    await complete(lookups("anvil"), till)
    await till.wire.aclose()

    assert categorize(caught.value, PROVIDER.errors).category is C.RECOVERABLE
    assert sim.page("oauth")["calls"] == 2
    assert sim.page("google_ads")["units"] == 2


async def test_refusals_of_the_request_over_http(sim: Simulator) -> None:
    """A keyword Google refuses is named; a customer's number with hyphens is the account's business."""
    till, hyphens = over_http(sim), over_http(sim, customer_id="123-456-7890")
    (hammer,) = lookups("hammer")
    blank = Item(1, hammer.key, {**hammer.input, "keyword": " "})

    with pytest.raises(StatusError) as keyword:
        await handle([*lookups("anvil"), blank], till)
    with pytest.raises(StatusError) as customer:
        await handle(lookups("anvil"), hyphens)
    await till.wire.aclose()
    await hyphens.wire.aclose()

    assert keyword.value.culprits == {blank.key}
    assert categorize(keyword.value, PROVIDER.errors).category is C.NON_RECOVERABLE
    assert categorize(customer.value, PROVIDER.errors).category is C.ACCOUNT
