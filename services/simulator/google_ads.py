"""Google Ads keyword planning: historical metrics, one operation per request whatever its size."""

import re
from collections.abc import Mapping
from functools import partial
from urllib.parse import unquote

from services.simulator import google_ads_errors as errors
from services.simulator import google_ads_metrics, google_ads_request
from services.simulator.chance import digest
from services.simulator.faults import Fault, How
from services.simulator.google_ads_errors import DAILY_SECONDS, Problem
from services.simulator.google_ads_request import Wanted
from services.simulator.oauth import Standing, standing
from services.simulator.port import Answer, Question, Request, Scene

VERSIONS = ("v23", "v24", "v25", "v26")

_PATH = re.compile(r"/(v\d+)/customers/([^/:]*):(\w+)", re.ASCII)
_CUSTOMER = re.compile(r"\d{10}", re.ASCII)


class GoogleAds:
    """The provider. Its limit of one request per second is off unless the settings give it one."""

    name = "google_ads"
    prefix = "/googleads"
    zone = "America/Los_Angeles"
    over_allowance = "quota_daily"
    faults: Mapping[str, Fault] = {
        "quota_daily": Fault(How.ERROR, charged=False, seconds=DAILY_SECONDS),
        "long_term": Fault(How.ERROR, charged=False, seconds=DAILY_SECONDS),
        "qps": Fault(How.ERROR, charged=False),
        "short_term": Fault(How.ERROR, charged=False, seconds=30),
        "access_prohibited": Fault(How.ERROR, charged=False),
        "project_not_approved": Fault(How.ERROR, charged=False),
        "permission_denied": Fault(How.ERROR, charged=False),
        "token_expired": Fault(How.ERROR, charged=False),
        "token_revoked": Fault(How.ERROR, charged=False),
        "unauthenticated": Fault(How.ERROR, charged=False),
        "several_errors": Fault(How.ERROR, charged=False),
        "conflict": Fault(How.ERROR, charged=False),
        "transient_error": Fault(How.ERROR, charged=False),
        "unavailable": Fault(How.ERROR, charged=False),
        "deadline": Fault(How.ERROR, charged=False),
        "no_results": Fault(How.VARIANT, charged=True),
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong path, version, token and customer (free), then a wrong body (one operation).
        No developer token is asked for, and one that is sent is ignored.
        """
        found = _PATH.fullmatch(unquote(request.path))
        if request.method != "POST" or found is None or found[3] != "generateKeywordHistoricalMetrics":
            return errors.refuse(errors.NOT_FOUND, [])
        version, customer, _ = found.groups()
        if refusal := _refuse_version(version) or _refuse_token(request, version):
            return refusal
        if problem := _customer_problem(request, customer):
            return errors.refuse(errors.INVALID, [problem], version=version)
        wanted = google_ads_request.read(request.body, version)
        if isinstance(wanted, Answer):
            return wanted
        place = "+".join(wanted.geos) or "all"
        asked = dict.fromkeys(map(google_ads_metrics.tidy, wanted.keywords))
        subjects = tuple(f"metrics keyword={keyword} geo={place}" for keyword in asked)
        return Question(subjects, partial(_answer, wanted))

    def fail(self, fault: str, seconds: float) -> Answer:
        """The error envelope; what is about quota tells `seconds` as its retryDelay."""
        return errors.fail(fault, seconds)


def _refuse_version(version: str) -> Answer | None:
    if version in VERSIONS:
        return None
    what = f"Version {version} of the Google Ads API is not supported. Use one of {', '.join(VERSIONS)}."
    return errors.refuse(errors.INVALID, [Problem("requestError", "UNSUPPORTED_VERSION", what)])


def _refuse_token(request: Request, version: str) -> Answer | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return errors.refuse(errors.MISSING, [])
    found = standing(token.strip())
    if found is Standing.GOOD:
        return None
    problems = [errors.EXPIRED] if found is Standing.EXPIRED else []
    return errors.refuse(errors.UNAUTHENTICATED, problems, version=version)


def _customer_problem(request: Request, customer: str) -> Problem | None:
    if not _CUSTOMER.fullmatch(customer):
        return Problem("requestError", "INVALID_CUSTOMER_ID", f"Invalid customer ID '{customer}'.")
    login = request.headers.get("login-customer-id")
    if login is not None and not _CUSTOMER.fullmatch(login):
        what = f"The login-customer-id header '{login}' is not a valid customer ID."
        return Problem("headerError", "INVALID_LOGIN_CUSTOMER_ID", what)
    return None


def _answer(wanted: Wanted, scene: Scene) -> Answer:
    body = b"{}" if scene.fault == "no_results" else google_ads_metrics.answer(scene.world.seed, wanted)
    request_id = digest(scene.world.seed, f"{wanted}", 11).hex()
    return Answer(200, body, 1, bought=True, headers={"request-id": request_id})
