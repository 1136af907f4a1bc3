"""Scale SERP: GET /search and /account, one credit per result page returned."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple, cast
from urllib.parse import quote_plus

import msgspec

from services.simulator import scale_serp_blocks as blocks
from services.simulator import scale_serp_results, serps
from services.simulator.faults import Fault, How
from services.simulator.port import Account, Answer, Question, Request, Scene
from services.simulator.serps import Kind

PLAN_CREDITS = 10_000_000
"""Told as the plan's size when no daily allowance is set."""
MAX_PAGE = 100
MAX_PAGES = 5
"""Result pages one search may return."""
RESULT_KEYS: Mapping[Kind, str] = {
    "web": "organic_results",
    "news": "news_results",
    "videos": "video_results",
}
INCIDENT = "Request type google-web is temporarily unavailable. Please retry later."
ZERO_SHARE = 0.01
"""Of searches: nothing found."""
AI_OVERVIEW_SHARE = 0.4
"""Of web searches that ask for one."""
STRING_PAGE_SHARE = 0.02
"""Of answers: `pagination.current` as a string, as older captures have it."""

_LOCATIONS = {
    "united states": "us", "united kingdom": "uk", "germany": "de", "saudi arabia": "sa", "vietnam": "vn",
    "france": "fr", "india": "in", "japan": "jp", "australia": "au",
}  # fmt: skip
_DEVICES = ("desktop", "tablet", "mobile")
_FAILURES: Mapping[str, tuple[int, str]] = {
    "soft_fail": (200, "We were unable to fulfil your request at this time, please retry."),
    "bad_request": (400, "The combination of parameters in your request is not supported."),
    "auth": (401, "Invalid API key. Please check the api_key parameter of your request."),
    "credits": (402, "You have used all of your plan's credits, or there is a problem with your payment."),
    "rate_limit": (429, "Too many requests: your plan's rate limit was exceeded. Please slow down."),
    "server_error": (
        500,
        "We are unable to fulfil your request at this time, please retry. You have not been charged.",
    ),
}

_encode = msgspec.json.Encoder().encode


class Search(NamedTuple):
    """A valid /search, defaults filled in."""

    q: str
    given: dict[str, str]
    """The parameters as sent, without the key."""
    raw_query: str
    gl: str
    kind: Kind
    device: str
    page: int
    max_page: int | None
    """None when not given: then results have no `page` and no `position_overall`."""

    @property
    def last(self) -> int:
        """The last result page asked for."""
        return self.page + (self.max_page or 1) - 1

    @property
    def subject(self) -> str:
        """What is bought. Parameters that change nothing here (hl, google_domain, …) are left out."""
        given = self.given
        further = f" page={self.page}" if self.page > 1 else ""
        further += " include_ai_overview=true" if _is_true(given.get("include_ai_overview")) else ""
        return (
            f"search q={self.q} gl={given.get('gl', '')} location={given.get('location', '')}"
            f" search_type={self.kind} max_page={self.max_page or 1} device={self.device}{further}"
        )


class ScaleSerp:
    """The provider."""

    name = "scale_serp"
    prefix = "/scaleserp"
    zone = "UTC"
    over_allowance = "credits"
    faults: Mapping[str, Fault] = {
        "soft_fail": Fault(How.ERROR, charged=False),
        "no_organic": Fault(How.VARIANT, charged=True),
        "credits": Fault(How.ERROR, charged=False),
        "bad_request": Fault(How.ERROR, charged=False),
        "auth": Fault(How.ERROR, charged=False),
        "incident": Fault(How.ERROR, charged=False, seconds=3600),
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong path, then a wrong key, then wrong parameters."""
        if request.method != "GET" or request.path not in ("/search", "/account"):
            return _refuse(404, f"There is no {request.method} {request.path}.")
        key = request.query.get("api_key", "")
        if not key or key.startswith("invalid"):
            return self.fail("auth", 0)
        if request.path == "/account":
            return Question((), _account)
        search = _read_search(request.query, request.raw_query)
        return search if isinstance(search, Answer) else Question((search.subject,), partial(_answer, search))

    def fail(self, fault: str, seconds: float) -> Answer:
        """The envelope with a message; `incident` has none."""
        if fault == "incident":
            return Answer(503, _encode({"message": INCIDENT, "retry_after": round(seconds)}))
        status, message = _FAILURES[fault]
        headers = {"Retry-After": str(max(1, round(seconds)))} if fault == "rate_limit" else {}
        return _refuse(status, message)._replace(headers=headers)


def _refuse(status: int, message: str) -> Answer:
    return Answer(status, _encode({"request_info": {"success": False, "message": message}}))


def _read_search(query: Mapping[str, str], raw_query: str) -> Search | Answer:
    if wrong := _problem(query):
        return _refuse(400, wrong)
    country = query.get("location", "").rpartition(",")[2].strip().lower()
    gl = query.get("gl", "").lower() or _LOCATIONS.get(country, "us")
    return Search(
        query["q"].strip(),
        {name: value for name, value in query.items() if name != "api_key"},
        raw_query,
        "uk" if gl == "gb" else gl,
        cast("Kind", query.get("search_type") or "web"),
        query.get("device", "desktop"),
        int(query.get("page", "1")),
        int(query["max_page"]) if "max_page" in query else None,
    )


def _problem(query: Mapping[str, str]) -> str:
    """What is wrong with the parameters; empty when nothing is."""
    if not query.get("q", "").strip():
        return "The q parameter is required."
    if not 1 <= _whole(query.get("page", "1")) <= MAX_PAGE:
        return f"The page parameter must be a whole number from 1 to {MAX_PAGE}."
    if not 1 <= _whole(query.get("max_page", "1")) <= MAX_PAGES:
        return f"The max_page parameter must be a whole number from 1 to {MAX_PAGES}."
    if query.get("search_type", "") not in ("", "news", "videos"):
        return "The search_type parameter must be news or videos, or be left out for web."
    if query.get("device", "desktop") not in _DEVICES:
        return f"The device parameter must be one of {', '.join(_DEVICES)}."
    return "" if query.get("output", "json") == "json" else "The output parameter must be json."


def _answer(search: Search, scene: Scene) -> Answer:
    world, keyword, kind = scene.world, search.q.casefold(), search.kind
    place = search.given.get("location", "")
    rng = world.generator(f"search {keyword}\n{search.gl}\n{kind}\n{place}\n{search.device}")
    found = rng.random() >= ZERO_SHARE
    link = f"https://www.google.com/search?q={quote_plus(search.q)}"
    body = blocks.head(search.given, search.raw_query, link, search.gl, found=found, rng=rng)
    beside = blocks.beside(search.q, link, kind, world, rng)
    overview = kind == "web" and rng.random() < AI_OVERVIEW_SHARE
    overview = overview and _is_true(search.given.get("include_ai_overview"))
    padding, as_text = rng.random(), rng.random() < STRING_PAGE_SHARE
    # The pages come last: how many are drawn must change nothing before them.
    pages = serps.search(world, rng, keyword, search.gl, kind=kind, last=search.last) if found else []
    # An empty page was returned, too: only the pages after the last one are free.
    credits_used = max(1, len(pages) - search.page + 1) + overview
    body["request_info"] = _request_info(scene.account, credits_used)
    if found and search.page == 1:
        body |= beside
    if overview:
        body["ai_overview"] = blocks.ai_overview(world, rng)
    body["pagination"] = blocks.pagination(link, search.page, len(pages) == search.last, as_text=as_text)
    text = _encode(body)
    results = scale_serp_results.results(kind, pages, search.page, overall=search.max_page is not None)
    if results and scene.fault != "no_organic":
        text = b'%b,"%b":[%b]}' % (text[:-1], RESULT_KEYS[kind].encode(), b",".join(results))
    return Answer(200, blocks.pad(text, scene.answer_bytes, padding), credits_used, bought=True)


def _request_info(account: Account, now_used: int) -> dict[str, object]:
    allowance = PLAN_CREDITS if account.allowance is None else account.allowance
    used = account.used + now_used
    info: dict[str, object] = {"success": True, "credits_used": used}
    if now_used:
        info["credits_used_this_request"] = now_used
    return {
        **info,
        "credits_remaining": max(0, allowance - used),
        "credits_reset_at": blocks.next_reset(),
    }


def _account(scene: Scene) -> Answer:
    info = _request_info(scene.account, 0)
    info.pop("success")
    account = {"plan": "Simulated", "topup_credits_remaining": 0, **info}
    return Answer(200, _encode({"request_info": {"success": True}, "account_info": account}))


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _is_true(text: str | None) -> bool:
    return text in ("true", "1", "yes")
