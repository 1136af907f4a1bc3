"""Cognism over HTTP, as the simulator plays it: companies, faults and an allowance that is used up."""

import pytest

from services.enrichment.provider import PROVIDER, handle
from services.simulator import sites
from shared.domain.category import ErrorCategory, categorize
from shared.domain.gate import hold_seconds
from shared.domain.keys import registrable_domain
from shared.domain.results import CompanyResult
from shared.errors import ProviderError, StatusError
from tests.services.test_enrichment import DAY, NOW, complete, lookups
from tests.services.test_simulator_process import Simulator
from tests.services.till import over_http

pytestmark = pytest.mark.anyio

C = ErrorCategory


async def test_simulated_domains_become_companies(sim: Simulator) -> None:
    """The sites of a world in full batches: two calls each, the known ones matched, the ledgers agree."""
    domains = sorted({registrable_domain(site.host) for site in sites.build(1)})[:100]
    results: list[tuple[CompanyResult, str]] = []
    async with over_http(PROVIDER, f"{sim.url}/cognism/api") as till:
        for n in range(0, len(domains), 20):
            results += await complete(lookups(*domains[n : n + 20]), till)

    known = [result for result, degraded in results if result.matched and not degraded]
    assert 50 < len(known) < 90
    assert {degraded for result, degraded in results if not result.matched} == {"no_match"}
    assert all(result.name and result.company_id and result.industries for result in known)
    page = sim.page("cognism")
    assert (page["calls"], page["units"], page["repeated_subjects"]) == (10, sum(till.units), 0)
    assert page["units"] == 100


async def test_both_forms_of_the_simulator_give_the_same(sim: Simulator) -> None:
    """The published sample differs in names only."""
    async with over_http(PROVIDER, f"{sim.url}/cognism/api") as till:
        described = await complete(lookups("globex.com", "umbrella.co.uk", "contoso.com"), till)
        sim.fault("cognism", "published_sample")
        published = await complete(lookups("globex.com", "umbrella.co.uk", "contoso.com"), till)

    assert described == published
    assert [result.name for result, _ in described] == ["Globex", "Umbrella", "Contoso"]


@pytest.mark.parametrize(
    ("fault", "category", "hold"),
    [
        ("auth", C.ACCOUNT, 60),
        ("entitlement", C.ACCOUNT, 60),
        ("rate_limit", C.THROTTLED, 7),
        ("allowance", C.QUOTA, 7),
        ("server_error", C.RECOVERABLE, 0),
        ("edge_error", C.RECOVERABLE, 0),
        ("html", C.RECOVERABLE, 0),
        ("truncated_json", C.RECOVERABLE, 0),
        ("drop", C.RECOVERABLE, 0),
        ("drop_mid_body", C.RECOVERABLE, 0),
    ],
)
@pytest.mark.parametrize("call", ["search domain", "redeem id"])
async def test_faults_of_the_simulator_are_understood(
    sim: Simulator, fault: str, category: ErrorCategory, hold: float, call: str
) -> None:
    """Whichever of the two calls they strike; the next try gets through."""
    sim.fault("cognism", fault, times=1, key=call, seconds=7)
    async with over_http(PROVIDER, f"{sim.url}/cognism/api") as till:
        with pytest.raises(ProviderError) as caught:
            await handle(lookups("globex.com"), till)
        ((result, _),) = await complete(lookups("globex.com"), till)

    rule = categorize(caught.value, PROVIDER.errors)
    assert (rule.category, hold_seconds(rule, caught.value, NOW)) == (category, hold)
    assert result.name == "Globex"


async def test_used_up_allowance_of_the_simulator_waits(sim: Simulator) -> None:
    """The second search would go over; it is told when previews are back, a month from now."""
    sim.control("POST", "settings", {"limits": {"cognism": {"daily_units": 20}}})
    async with over_http(PROVIDER, f"{sim.url}/cognism/api") as till:
        await complete(lookups("nobody.example"), till)
        with pytest.raises(StatusError) as caught:
            await handle(lookups("globex.com"), till)

    rule = categorize(caught.value, PROVIDER.errors)
    assert (rule.category, hold_seconds(rule, caught.value, NOW)) == (C.QUOTA, DAY)
