"""ScrapingBee: GET /api/v1/ fetches a page for 1 to 75 credits, GET /api/v1/usage tells the credits left."""

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

import msgspec

from services.simulator import scrapingbee_pages as pages
from services.simulator import scrapingbee_parameters as parameters
from services.simulator.faults import Fault, How
from services.simulator.port import JSON, Answer, Question, Request, Scene
from services.simulator.scale_serp_blocks import next_reset
from services.simulator.scrapingbee_parameters import Fetch
from services.simulator.scrapingbee_target import Tier, Visit, visit

PLAN_CREDITS = 10_000_000
"""Told as the plan's size when no allowance is set."""
PLAN_CONCURRENCY = 1000
COSTS: Mapping[tuple[Tier, bool], int] = {
    ("default", False): 1,
    ("default", True): 5,
    ("premium", False): 10,
    ("premium", True): 25,
    ("stealth", True): 75,
}
"""Credits by tier and whether JavaScript runs; also the steps of mode=auto, in order."""
BILLED = (200, 404)

_MESSAGES: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "The request could not be understood. Is the url parameter encoded?"),
    "auth": (401, "Invalid api key: ******. Please check it in your dashboard."),
    "quota": (401, "Monthly API calls limit reached: 1000"),
    "payment": (402, "Your subscription is past due."),
    "forbidden": (403, "Your plan does not include this feature."),
    "too_large": (413, "The file is too large: 2 MB are the most."),
    "concurrency": (429, "Too many concurrent requests. Please upgrade your plan or slow down."),
    "rate_limit": (429, "Too many concurrent requests. Please upgrade your plan or slow down."),
    "server_error": (500, "Internal server error."),
    "unavailable": (503, "Service temporarily unavailable."),
}
_HELP = (
    "Error with your request, please try again (you will not be charged for this request). You should: check that "
    "your URL is correctly encoded, try with render_js=true, try with premium_proxy=true or stealth_proxy=true."
)
_TARGET_SERVER = "nginx"

_encode = msgspec.json.Encoder().encode


class ScrapingBee:
    """The provider."""

    name = "scrapingbee"
    prefix = "/scrapingbee"
    zone = "UTC"
    over_allowance = "quota"
    faults: Mapping[str, Fault] = {
        **{
            name: Fault(How.ERROR, charged=False)
            for name in _MESSAGES
            if name not in ("rate_limit", "server_error")
        },
        "target_500": Fault(How.ERROR, charged=False),
        "target_timeout": Fault(How.ERROR, charged=False),
        "blocked": Fault(How.VARIANT, charged=False),
        "captcha": Fault(How.VARIANT, charged=True),
        "consent": Fault(How.VARIANT, charged=True),
        "empty": Fault(How.VARIANT, charged=True),
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong path, then a wrong key, then wrong parameters."""
        path = request.path.rstrip("/")
        if request.method != "GET" or path not in ("/api/v1", "/api/v1/usage"):
            return _tell(404, f"There is no {request.method} {request.path}.")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.query.get("api_key", "")
        if not key or key.startswith("invalid"):
            return _tell(401, f"Invalid api key: {key}" if key else "No api key provided.")
        if path == "/api/v1/usage":
            return Question((), _usage)
        read = parameters.read(request.query)
        if not isinstance(read, Fetch):
            return Answer(400, _encode({"errors": read}))
        return Question((read.subject,), partial(_answer, read))

    def fail(self, fault: str, seconds: float) -> Answer:  # noqa: ARG002 - ScrapingBee tells no delay
        """A message; for a target's fault a reason instead, and the target's status in a header."""
        if fault == "target_500":
            return _failed(Visit(500, initial_status=500))
        if fault == "target_timeout":
            return _failed(Visit(0))
        return _tell(*_MESSAGES[fault])


def _tell(status: int, message: str) -> Answer:
    return Answer(status, _encode({"message": message}))


def _usage(scene: Scene) -> Answer:
    account = scene.account
    usage = {
        "max_api_credit": PLAN_CREDITS if account.allowance is None else account.allowance,
        "used_api_credit": account.used,
        "max_concurrency": account.concurrency or PLAN_CONCURRENCY,
        "current_concurrency": account.in_flight - 1,
        "renewal_subscription_date": next_reset().removesuffix("Z") + "000",
    }
    return Answer(200, _encode(usage))


def _answer(fetch: Fetch, scene: Scene) -> Answer:
    """Each step of mode=auto costs only when it is the one that succeeds."""
    steps = [(tier, js, cost) for (tier, js), cost in COSTS.items() if cost <= fetch.max_cost]
    if not fetch.auto:
        steps = [(fetch.tier, fetch.render_js, COSTS[fetch.tier, fetch.render_js])]
    seen = Visit(0)
    for tier, render_js, cost in steps:
        seen = visit(scene.world, fetch.url, tier, render_js=render_js, fault=scene.fault)
        if seen.status in BILLED or (fetch.transparent and seen.status):
            return _page(fetch, seen, cost)
    return _failed(seen)


def _page(fetch: Fetch, seen: Visit, cost: int) -> Answer:
    body, content_type = seen.body, seen.content_type
    if seen.article is not None and fetch.form in ("markdown", "text"):
        render = pages.markdown if fetch.form == "markdown" else pages.text
        # The wrong type is what callers of these forms report.
        body, content_type = render(seen.article).encode(), JSON
    headers = _headers(seen, cost)
    if fetch.json_response:
        is_text = content_type != "application/pdf"
        envelope = {
            "headers": {"Content-Type": content_type, "Server": _TARGET_SERVER},
            "cost": cost,
            "initial-status-code": seen.initial_status,
            "resolved-url": headers["Spb-Resolved-Url"],
            "type": "html" if is_text else "b64_bytes",
            "body": body.decode(seen.charset) if is_text else b64encode(body).decode(),
            "cookies": [],
            "xhr": [],
            "js_scenario_report": {},
            "evaluate_results": [],
        }
        body, content_type = _encode(envelope), JSON
    bought = seen.status in BILLED or fetch.transparent
    return Answer(seen.status, body, cost, bought=bought, headers=headers, content_type=content_type)


def _headers(seen: Visit, cost: int) -> dict[str, str]:
    return {
        "Spb-Cost": str(cost),
        "Spb-Initial-Status-Code": str(seen.initial_status),
        "Spb-Resolved-Url": quote(seen.resolved_url, safe="%/:=&?~#+!$,;'@()*[]"),
        "Spb-Content-Type": seen.content_type,
        "Spb-Server": _TARGET_SERVER,
    }


def _failed(seen: Visit) -> Answer:
    """A target that did not answer has no status to tell."""
    reason = f"Server responded with {seen.status}" if seen.status else "The request to the target timed out"
    body = _encode({"error": _HELP, "reason": reason, "help": ""})
    return Answer(500, body, headers=_headers(seen, 0) if seen.status else {"Spb-Cost": "0"})
