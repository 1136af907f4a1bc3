"""Cognism: account search and enrichment give free previews, redemption gives the values.

No account costs a credit; its units are previews, of which an account has an allowance: a search takes the
size of its page, an enrichment one, a redemption none. `daily_units` is that allowance.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from services.simulator import cognism_companies as companies
from services.simulator import cognism_records as records
from services.simulator import cognism_request
from services.simulator.cognism_companies import Company
from services.simulator.cognism_request import Enrich, RefusedError, Search
from services.simulator.faults import Fault, How
from services.simulator.port import Account, Answer, Question, Request, Scene

REQUESTS_PER_MINUTE = 1000
"""Told where no limit is set."""
CONTRACT_SECONDS = 30 * 24 * 60 * 60.0
"""Until a used-up allowance is renewed, where nothing else is told."""
SCORES = {"linkedin_url": 90, "domain": 80, "website": 70, "name": 45}
"""How well an enrichment matches by each field; the first one given counts."""

_FAILURES: Mapping[str, tuple[int, str, str]] = {
    "auth": (401, "MissingCredentials", "Missing or expired credentials, or entitlements are not set"),
    "entitlement": (400, "BadRequest", "Search request not supported by subscribed entitlement"),
    "server_error": (500, "InternalServerError", "Internal server error"),
}
_LIMITED = b'{"errors":[{"code":88,"message":"Rate limit exceeded"}]}'

_encode = msgspec.json.Encoder().encode


class Cognism:
    """The provider."""

    name = "cognism"
    prefix = "/cognism/api"
    zone = "UTC"
    over_allowance = "allowance"
    faults: Mapping[str, Fault] = {
        "empty": Fault(How.VARIANT, charged=True),
        "published_sample": Fault(How.VARIANT, charged=True),
        "auth": Fault(How.ERROR, charged=False),
        "entitlement": Fault(How.ERROR, charged=False),
        "allowance": Fault(How.ERROR, charged=False, seconds=CONTRACT_SECONDS),
        "edge_error": Fault(How.ERROR, charged=False),
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong path, then a wrong key, then a wrong body."""
        ask = _ENDPOINTS.get((request.method, request.path))
        if ask is None:
            return _refuse(404, "RouteNotFound", "Not found")
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else request.query.get("api_key", "")
        if not key or key.startswith("invalid"):
            return self.fail("auth", 0)
        try:
            return ask(request)
        except RefusedError as refused:
            return _refuse(400, "BadRequest", str(refused))

    def fail(self, fault: str, seconds: float) -> Answer:
        """A list of errors; a limit is an object instead, and tells `seconds` in a header unless they are 0,
        for some accounts get no such headers.
        """
        if fault == "rate_limit":
            headers = _rate_headers(0, seconds) if seconds else {}
            return Answer(429, _LIMITED, headers=headers)
        if fault == "allowance":
            headers = _allowance_headers(0, seconds or CONTRACT_SECONDS)
            return Answer(429, _LIMITED, headers=headers)
        if fault == "edge_error":
            page = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head></html>"
            return Answer(
                502, page, headers={"CF-Ray": "8f2c1d-FRA"}, content_type="text/html; charset=UTF-8"
            )
        return _refuse(*_FAILURES[fault])


def _refuse(status: int, key: str, message: str) -> Answer:
    return Answer(status, _encode([{"key": key, "code": status, "msg": message}]))


def _rate_headers(remaining: int, seconds: float, limit: int = REQUESTS_PER_MINUTE) -> dict[str, str]:
    return {
        "x-rate-total-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": f"{seconds:g}",
    }


def _allowance_headers(remaining: int, seconds: float) -> dict[str, str]:
    return {
        "x-rate-result-limit-remaining": str(remaining),
        "x-rate-result-limit-reset": str(round(seconds)),
    }


def _ask_search(request: Request) -> Question:
    search, size, after = cognism_request.search(request.query, request.body)
    further = f" after={after}" if after else ""
    terms = {"domain": search.domains, "website": search.websites, "name": search.names}
    subjects = dict.fromkeys(
        f"search {kind}={term}{further}" for kind, given in terms.items() for term in given
    )
    return Question(tuple(subjects), partial(_answer, size, partial(_search, search, size, after)), 1)


def _ask_enrich(request: Request) -> Question:
    enrich = cognism_request.enrich(request.body)
    given = next((name, value) for name in SCORES if (value := getattr(enrich, name)))
    return Question(
        (f"enrich {given[0]}={given[1]}",), partial(_answer, 1, partial(_enrich, enrich, *given)), 1
    )


def _ask_redeem(request: Request) -> Question:
    ids, merged = cognism_request.redeem(request.query, request.body)
    subjects = tuple(f"redeem id={one}" for one in ids)
    return Question(subjects, partial(_answer, 0, partial(_redeem, ids, merged)), 1)


def _ask_entitlement(_: Request) -> Question:
    return Question((), partial(_answer, 0, lambda _: {"account Entitlement": records.ENTITLEMENT}), 1)


_ENDPOINTS: Mapping[tuple[str, str], Callable[[Request], Question]] = {
    ("POST", "/search/account/search"): _ask_search,
    ("POST", "/search/account/enrich"): _ask_enrich,
    ("POST", "/search/account/redeem"): _ask_redeem,
    ("GET", "/search/entitlement/accountEntitlementSubscription"): _ask_entitlement,
}


def _answer(previews: int, build: Callable[[Scene], object], scene: Scene) -> Answer:
    account = scene.account
    if scene.fault == "requests_per_minute" and account.requests:
        limit, remaining, seconds = account.requests
        return Answer(429, _LIMITED, headers=_rate_headers(remaining, max(1, round(seconds)), limit))
    return Answer(200, _encode(build(scene)), previews, bought=True, headers=_headers(account, previews))


def _headers(account: Account, previews: int) -> Mapping[str, str]:
    """What is left of the limits that are set."""
    headers = {}
    if account.requests:
        limit, remaining, seconds = account.requests
        headers = _rate_headers(remaining, round(seconds), limit)
    if account.allowance is not None:
        headers |= _allowance_headers(max(0, account.allowance - account.used - previews), CONTRACT_SECONDS)
    return headers


def _search(search: Search, size: int, after: str, scene: Scene) -> object:
    found = [] if scene.fault == "empty" else _found(search, scene)
    keys = [company.id for company in found]
    start = keys.index(after) + 1 if after in keys else len(keys) if after else 0
    page = found[start : start + size]
    return {
        "lastReturnedKey": page[-1].id if page else after or None,
        "totalResults": len(found),
        "results": [records.preview(scene.world, company) for company in page],
    }


def _found(search: Search, scene: Scene) -> list[Company]:
    """The companies of any domain or website, and of any name, in the order of their ids."""
    options, world = search.account_search_options, scene.world
    if options.filter_domain != "exists":
        return []
    groups: list[Sequence[Company]] = []
    if search.domains:
        groups.append(
            [
                company
                for term in search.domains
                for company in _of_domain(term, scene, options.match_exact_domain)
            ]
        )
    if search.websites:
        groups.append([company for term in search.websites if (company := _of_website(term, scene))])
    if search.names:
        exact = options.match_exact_account_name
        groups.append(
            [company for term in search.names for company in companies.named(world, term, exact=exact)]
        )
    common = set.intersection(*map(set, groups))
    return sorted(common)


def _of_domain(term: str, scene: Scene, exact: bool) -> list[Company]:
    company = companies.at(scene.world, term)
    found = [company] if company else []
    return found if exact else [*found, *companies.like(scene.world, term)]


def _of_website(term: str, scene: Scene) -> Company | None:
    host = term.rpartition("://")[2].partition("/")[0].partition(":")[0]
    return companies.find(scene.world, host)


def _enrich(enrich: Enrich, name: str, value: str, scene: Scene) -> object:
    score = SCORES[name]
    company: Company | None = None
    if name == "name":
        company = next(iter(companies.named(scene.world, value, exact=True)), None)
    elif name == "linkedin_url":
        label = value.rstrip("/").rpartition("/")[2]
        company = next(
            (one for one in companies.like(scene.world, label) if one.domain.partition(".")[0] == label), None
        )
    else:
        company = _of_website(value, scene)
    if company is None or score < enrich.min_match_score or scene.fault == "empty":
        return {"matchScore": 0, "results": []}
    return {"matchScore": score, "results": [records.preview(scene.world, company)]}


def _redeem(ids: Sequence[str], merged: bool, scene: Scene) -> object:
    """In the order of the ids' own, not of the request; ids never given out are left out."""
    sample = scene.fault == "published_sample"
    known = [company for one in sorted(ids) if (company := companies.by_id(scene.world, one))]
    found = [
        records.record(scene.world, company, merged=merged, other_names=sample)
        for company in known
        if scene.fault != "empty"
    ]
    return (
        {"total": len(found), "result": found} if sample else {"totalResults": len(found), "results": found}
    )
