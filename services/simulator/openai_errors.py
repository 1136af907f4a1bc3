"""How OpenAI refuses: the envelope, the messages, and the headers of a limit."""

import math
import time
from collections.abc import Mapping
from typing import NamedTuple
from uuid import uuid4

import msgspec

from services.simulator.port import Account, Answer, Gauge

ORGANIZATION = "org-simulated"
REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 500, 200_000
"""Told by an injected refusal, where no limit is set."""
_DAY_SECONDS = 24 * 60 * 60

_encode = msgspec.json.Encoder().encode


class RefusedError(Exception):
    """A request is wrong. `code` decides what it is, `param` names the place."""

    def __init__(
        self, message: str, param: str | None, code: str | None = "invalid_value", status: int = 400
    ) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status


def wrong_type(at: str, expected: str, value: object) -> RefusedError:
    """The refusal of a value at `at` that is not `expected`."""
    kinds = {
        str: "a string",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        list: "an array",
        dict: "an object",
    }
    got = kinds.get(type(value), "null")
    return RefusedError(
        f"Invalid type for '{at}': expected {expected}, but got {got} instead.", at, "invalid_type"
    )


def wrong_value(at: str, value: object, supported: tuple[str, ...]) -> RefusedError:
    """The refusal of a value that is none of those supported."""
    shown = ", ".join(f"'{one}'" for one in supported)
    return RefusedError(f"Invalid value: {value!r}. Supported values are: {shown}.", at, "invalid_value")


class _Failure(NamedTuple):
    status: int
    type: str
    code: str | None
    message: str
    param: str | None = None
    tells_delay: bool = False


_LIMIT = f"Rate limit reached for gpt-4o-mini in organization {ORGANIZATION} on"
FAILURES: Mapping[str, _Failure] = {
    "rate_limit": _Failure(
        429,
        "requests",
        "rate_limit_exceeded",
        f"{_LIMIT} requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in {{}}.",
        tells_delay=True,
    ),
    "daily_limit": _Failure(
        429,
        "tokens",
        "rate_limit_exceeded",
        f"{_LIMIT} tokens per day (TPD): Limit 2000000, Used 2000000, Requested 900. Please try again in {{}}.",
        tells_delay=True,
    ),
    "request_too_large": _Failure(
        429,
        "tokens",
        "rate_limit_exceeded",
        f"Request too large for gpt-4o-mini in organization {ORGANIZATION} on tokens per min (TPM): Limit 200000, "
        "Requested 240000. The input or output tokens must be reduced in order to run successfully.",
    ),
    "slow_down": _Failure(
        429, "rate_limit_error", "slow_down", "Slow down: your traffic grew too fast.", tells_delay=True
    ),
    "quota": _Failure(
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "spend_limit": _Failure(
        429,
        "insufficient_quota",
        "organization_spend_limit_exceeded",
        "Your organization has reached its monthly spend limit.",
    ),
    "resource_unavailable": _Failure(
        429, "rate_limit_error", "resource_unavailable", "No capacity for this service tier at the moment."
    ),
    "auth": _Failure(
        401,
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: sk-******. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    "country": _Failure(
        403,
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    "model_not_found": _Failure(
        404,
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    "context_length": _Failure(
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 141702 tokens. "
        "Please reduce the length of the messages.",
        "messages",
    ),
    "bad_request": _Failure(
        400,
        "invalid_request_error",
        "content_policy_violation",
        "Your request was rejected by our safety system.",
    ),
    "request_timeout": _Failure(408, "server_error", None, "The request timed out."),
    "conflict": _Failure(409, "invalid_request_error", None, "The resource was changed by another request."),
    "unprocessable": _Failure(422, "invalid_request_error", None, "The request could not be processed."),
    "server_error": _Failure(
        500, "server_error", None, "The server had an error while processing your request. Sorry about that!"
    ),
    "overloaded": _Failure(
        503,
        "service_unavailable_error",
        "server_is_overloaded",
        "The engine is currently overloaded, please try again later.",
    ),
}
BAD_GATEWAY = Answer(
    502,
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center>"
    b"<hr><center>cloudflare</center></body>\r\n</html>\r\n",
    content_type="text/html",
)


def envelope(status: int, kind: str, code: str | None, message: str, param: str | None = None) -> Answer:
    """An error with the four keys that every one has."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Answer(status, _encode({"error": error}), headers=request_headers())


def fail(fault: str, seconds: float) -> Answer:
    """An injected failure; `seconds` is the delay it tells, where it tells one."""
    if fault == "bad_gateway":
        return BAD_GATEWAY
    failure = FAILURES[fault]
    # The limit of a day is over at midnight, whatever the rule says.
    delay = seconds if fault != "daily_limit" else _DAY_SECONDS - time.time() % _DAY_SECONDS
    message = failure.message.format(duration(delay)) if failure.tells_delay else failure.message
    answer = envelope(failure.status, failure.type, failure.code, message, failure.param)
    if not failure.tells_delay:
        return answer
    gauges = (Gauge(REQUESTS_PER_MINUTE, 0, delay), Gauge(TOKENS_PER_MINUTE, TOKENS_PER_MINUTE, 0.0))
    told = {"Retry-After": str(max(1, math.ceil(delay)))}
    return answer._replace(headers={**answer.headers, **told, **_limits(*gauges)})


def refused(error: RefusedError, account: Account) -> Answer:
    """A request that is wrong; it counts as a request all the same."""
    answer = envelope(error.status, "invalid_request_error", error.code, str(error), error.param)
    return answer._replace(headers={**answer.headers, **limit_headers(account)})


def over_minute(model: str, limit: str, tokens: int, account: Account) -> Answer:
    """The refusal by a limit per minute (its name in Limits), with the delay after which it lets the call pass."""
    is_tokens = limit == "tokens_per_minute"
    gauge = account.tokens if is_tokens else account.requests
    if gauge is None:
        return fail("rate_limit", 1)
    kind, amount = ("tokens", tokens) if is_tokens else ("requests", 1)
    what = f"on {kind} per min ({'TPM' if is_tokens else 'RPM'}): Limit {gauge.limit}"
    who = f"for {model} in organization {ORGANIZATION}"
    if amount > gauge.limit:
        message = (
            f"Request too large {who} {what}, Requested {amount}. The input or output tokens must be reduced."
        )
        answer = envelope(429, kind, "rate_limit_exceeded", message)
        return answer._replace(headers={**answer.headers, **limit_headers(account)})
    delay = max(0.0, gauge.reset_seconds - (gauge.limit - amount) * 60 / gauge.limit)
    message = (
        f"Rate limit reached {who} {what}, Used {gauge.limit - gauge.remaining}, Requested {amount}. "
        f"Please try again in {duration(delay)}."
    )
    answer = envelope(429, kind, "rate_limit_exceeded", message)
    told = {"Retry-After": str(max(1, math.ceil(delay)))}
    return answer._replace(headers={**answer.headers, **told, **limit_headers(account)})


def request_headers() -> dict[str, str]:
    """What every answer carries."""
    return {
        "x-request-id": f"req_{uuid4().hex}",
        "openai-organization": ORGANIZATION,
        "openai-version": "2020-10-01",
    }


def limit_headers(account: Account) -> dict[str, str]:
    """The state of the limits per minute; nothing of a limit that is not set."""
    return _limits(account.requests, account.tokens)


def _limits(requests: Gauge | None, tokens: Gauge | None) -> dict[str, str]:
    headers = {}
    for kind, gauge in (("requests", requests), ("tokens", tokens)):
        if gauge is not None:
            headers[f"x-ratelimit-limit-{kind}"] = str(gauge.limit)
            headers[f"x-ratelimit-remaining-{kind}"] = str(gauge.remaining)
            headers[f"x-ratelimit-reset-{kind}"] = duration(gauge.reset_seconds)
    return headers


def duration(seconds: float) -> str:
    """As Go writes it: 120ms, 1s, 1m26.4s, 6m0s."""
    thousandths = math.ceil(seconds * 1000)
    if thousandths < 1000:
        return f"{thousandths}ms" if thousandths else "0s"
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest / 1000:g}s" if rest % 1000 else f"{rest // 1000}s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + shown
