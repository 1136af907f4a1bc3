"""Home: how the system is and why, what needs attention, what runs."""

import asyncio
import re
from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency

from services.gateway.dashboard.page import Visit
from services.gateway.dashboard.screens.pipelines import ENDED, UNDER_WAY
from services.gateway.dashboard.session import PATH
from services.gateway.dashboard.wording import plural
from services.gateway.service_names import ALIASES
from shared.domain.phases import PHASES, SERVICES

#: What the name of a provider ends in whose answers are not its own.
STAND_IN: Final = " stand-in"
#: Rows of a list here; its own page has all.
_SHOWN: Final = 5
#: Pipelines under way here.
_UNDER_WAY: Final = 50
#: Share of a budget from which on it is worth a look.
_NEARLY_SPENT: Final = 0.8
#: What the API's reasons begin with, and the screen where something is done about it.
_PLACES: Final = (
    (re.compile(r"the circuit breaker of (\w+)"), "/breakers/{}"),
    (re.compile(r"the audit of pipeline (\S+)"), "/pipelines/{}"),
    (re.compile(r"\w+: \d+% of \d+ calls failed"), "/errors"),
    (re.compile(r"(no worker|the queue|\w+: \d+ items?)"), "/queues"),
)


@get("/", include_in_schema=False)
async def show(visit: NamedDependency[Visit]) -> Response[bytes]:
    """Six answers of the API on one page."""
    health, running, recent, groups, queues, spending = await asyncio.gather(
        visit.api.get("/monitoring/health"),
        visit.api.get("/pipeline", in_state=UNDER_WAY, limit=_UNDER_WAY),
        visit.api.get("/pipeline", in_state=ENDED, limit=_SHOWN),
        visit.api.get("/dead-letters/groups"),
        visit.api.get("/monitoring/job-queues"),
        visit.api.get("/monitoring/spending", limit=50),
    )
    return visit.page(
        "home.html",
        health=health,
        reasons=[(reason, _place(reason)) for reason in health["reasons"]],
        cards=[_card(service, health, queues["queues"], spending["items"]) for service in SERVICES],
        running=running["items"],
        more_running=running["next_cursor"],
        recent=recent["items"],
        groups=groups["groups"][:_SHOWN],
        more_groups=len(groups["groups"]) - _SHOWN,
        short=plural(waiting, "item") if (waiting := _waiting_for_budget(health)) else "",
        nearly_spent=[pipeline for pipeline in running["items"] if _is_nearly_spent(pipeline)],
    )


def _place(reason: str) -> str:
    """The screen a reason leads to; empty where there is none."""
    for begins, place in _PLACES:
        if found := begins.match(reason):
            return PATH + place.format(*found.groups())
    return ""


def _is_nearly_spent(pipeline: Any) -> bool:
    budget, committed = pipeline["budget"], pipeline["committed"]
    return budget is not None and committed is not None and committed >= _NEARLY_SPENT * budget


def _waiting_for_budget(health: Any) -> int:
    """What the health's own reasons leave out: nothing is wrong, but nothing goes on."""
    return sum(wait["items"] for wait in health["waiting"] if wait["reason"] == "budget")


def _card(service: str, health: Any, queues: list[Any], days: list[Any]) -> dict[str, Any]:
    """What there is to say of one provider; None where nothing is known."""
    provider = next((p for p in health["providers"] if _is_of(p["provider"], service)), None)
    queue = next(q for q in queues if q["queue"] == service)
    return {
        "service": service,
        "phase": queue["phase"],
        "breaker": next((b for b in health["breakers"] if b["service"] == service), None),
        "calls": provider,
        "queue": queue,
        "waiting": [w for w in health["waiting"] if PHASES[w["phase"]].service == service],
        "leader": next((leader for leader in health["leaders"] if leader["service"] == service), None),
        "day": next((day for day in days if _is_of(day["provider"], service)), None),
    }


def _is_of(provider: str, service: str) -> bool:
    """Calls and days name the provider, and days a stand-in of it by a name of its own."""
    return ALIASES.get(provider.removesuffix(STAND_IN), provider) == service
