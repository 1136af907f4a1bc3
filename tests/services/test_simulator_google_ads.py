"""The simulated Google Ads keyword planning: metrics, close variants, regions and units."""

import calendar
import re
import time
from typing import Any

import httpx
import pytest

from tests.services.test_simulator_process import Simulator

FORM = {"grant_type": "refresh_token", "refresh_token": "1//r", "client_id": "id", "client_secret": "secret"}
US, GB = "geoTargetConstants/2840", "geoTargetConstants/2826"
MANY = [f"word {number}" for number in range(400)]
METHOD = "generateKeywordHistoricalMetrics"
MONTHS = [name.upper() for name in calendar.month_name[1:]]


@pytest.fixture(scope="module")
def results(process: Simulator) -> list[dict[str, Any]]:
    """What 400 keywords in the United States come to, average cost per click included."""
    process.fresh()
    options = {"includeAverageCpc": True}
    answer = ask(process, keywords=MANY, historicalMetricsOptions=options).json()["results"]
    assert isinstance(answer, list)
    return answer


def grant(sim: Simulator, **changes: str) -> httpx.Response:
    """One call of the token endpoint."""
    return sim.http.post("/oauth/token", data={**FORM, **changes})


def token(sim: Simulator) -> str:
    """A fresh access token."""
    return str(grant(sim).json()["access_token"])


def ask(
    sim: Simulator,
    *,
    version: str = "v26",
    customer: str = "1234567890",
    headers: dict[str, str] | None = None,
    **body: Any,
) -> httpx.Response:
    """One call with a token of its own, for the United States unless the body says otherwise."""
    given = {"Authorization": f"Bearer {token(sim)}"} if headers is None else headers
    content = {"keywords": ["anvil"], "geoTargetConstants": [US], **body}
    return sim.http.post(f"/googleads/{version}/customers/{customer}:{METHOD}", json=content, headers=given)


def test_developer_token_and_login_customer_are_optional(sim: Simulator) -> None:
    """With or without, with the same answer."""
    plain = ask(sim)
    headers = {
        "Authorization": f"Bearer {token(sim)}",
        "developer-token": "obsolete",
        "login-customer-id": "9876543210",
    }
    assert ask(sim, headers=headers).json() == plain.json()
    assert plain.headers["request-id"]


@pytest.mark.parametrize("version", ["v23", "v24", "v25", "v26"])
def test_living_versions_answer(sim: Simulator, version: str) -> None:
    """The four that are supported."""
    assert ask(sim, version=version).status_code == 200


def test_metrics_have_the_documented_shape(results: list[dict[str, Any]]) -> None:
    """Every 64-bit integer a string, the last twelve months, enums by name."""
    full = max((found for found in results if "keywordMetrics" in found), key=lambda one: len(str(one)))
    metrics = full["keywordMetrics"]
    assert set(metrics) == {
        "avgMonthlySearches",
        "competition",
        "competitionIndex",
        "lowTopOfPageBidMicros",
        "highTopOfPageBidMicros",
        "averageCpcMicros",
        "monthlySearchVolumes",
    }
    assert metrics["competition"] in ("LOW", "MEDIUM", "HIGH")
    assert 0 <= int(metrics["competitionIndex"]) <= 100
    assert (
        0
        < int(metrics["lowTopOfPageBidMicros"])
        <= int(metrics["averageCpcMicros"])
        <= int(metrics["highTopOfPageBidMicros"])
    )
    months = metrics["monthlySearchVolumes"]
    assert [month["month"] for month in months] == MONTHS[10:] + MONTHS[:10]
    for month in months:
        assert set(month) == {"month", "year", "monthlySearches"}
    strings = [value for name, value in metrics.items() if name != "monthlySearchVolumes"]
    strings += [value for month in months for value in month.values()]
    assert all(isinstance(value, str) for value in strings)


def test_volumes_follow_a_power_law(results: list[dict[str, Any]]) -> None:
    """In Google's steps; the largest far above the middle, and months differ."""
    metrics = [found["keywordMetrics"] for found in results if "keywordMetrics" in found]
    volumes = sorted(int(one["avgMonthlySearches"]) for one in metrics)
    assert volumes[0] >= 10
    assert volumes[-1] > 20 * volumes[len(volumes) // 2]
    assert all(len(str(volume).rstrip("0")) <= 3 for volume in volumes)
    assert any(
        len({month["monthlySearches"] for month in one["monthlySearchVolumes"]}) > 3 for one in metrics
    )


def test_some_keywords_have_no_metrics_and_some_no_result(results: list[dict[str, Any]]) -> None:
    """Absent, never zero or null: no data is told in two ways, and bids and competition may be missing."""
    bare = [found for found in results if "keywordMetrics" not in found]
    assert 0.01 < len(bare) / len(MANY) < 0.1
    assert set(bare[0]) == {"text"}
    assert 0 < 1 - len(results) / len(MANY) < 0.06
    metrics = [found["keywordMetrics"] for found in results if "keywordMetrics" in found]
    for name in ("competition", "competitionIndex", "lowTopOfPageBidMicros"):
        assert 0 < sum(name not in one for one in metrics) < len(metrics) / 4


def test_answer_without_any_result_has_no_results_key(sim: Simulator, results: list[dict[str, Any]]) -> None:
    """Asked for unknown keywords only."""
    known = {found["text"] for found in results}
    answer = ask(sim, keywords=[keyword for keyword in MANY if keyword not in known])
    assert (answer.status_code, answer.json()) == (200, {})


def test_cost_per_click_is_told_only_when_asked_for(sim: Simulator) -> None:
    """Off by default."""
    assert "averageCpcMicros" not in ask(sim, keywords=MANY).text


def test_close_variants_are_merged(sim: Simulator) -> None:
    """One result for spellings that are nearly the same, whichever of them stands for all."""
    asked = ["Paper  Clips", "paper clip", "steel anvils", "PAPER CLIP", "steel-anvil", "paper"]
    found = ask(sim, keywords=asked).json()["results"]
    groups = [{result["text"], *result.get("closeVariants", [])} for result in found]
    assert groups == [{"paper clips", "paper clip"}, {"steel anvils", "steel-anvil"}, {"paper"}]
    assert "closeVariants" not in found[2]
    assert len(ask(sim, keywords=["summer pass", "summer pas"]).json()["results"]) == 2
    backwards = ask(sim, keywords=asked[::-1]).json()["results"]
    assert sorted(map(str, backwards)) == sorted(map(str, found))


def test_volume_depends_on_seed_keyword_and_region_alone(
    sim: Simulator, results: list[dict[str, Any]]
) -> None:
    """Not on the company it is asked in, its spelling, the version or what was asked before."""
    wanted = next(found for found in results if len(found.get("keywordMetrics", {})) == 7)
    word, expected = wanted["text"], wanted["keywordMetrics"]["avgMonthlySearches"]

    def volume(**body: Any) -> Any:
        (found,) = ask(sim, keywords=[word.upper()], **body).json()["results"]
        return found.get("keywordMetrics", {}).get("avgMonthlySearches")

    assert volume() == volume(version="v23", language="languageConstants/1000") == expected
    places = [volume(geoTargetConstants=[f"geoTargetConstants/{number}"]) for number in (2826, 2704, 2682)]
    assert len({expected, *places}) > 1
    seeds = []
    for seed in (2, 3, 4):
        sim.control("POST", "settings", {"seed": seed})
        answer = ask(sim, keywords=MANY).json()["results"]
        seeds.append({one["text"]: one.get("keywordMetrics", {}).get("avgMonthlySearches") for one in answer})
    assert seeds[0] != seeds[1] != seeds[2]


def test_several_regions_give_one_combined_number(sim: Simulator) -> None:
    """About the sum, hence one call per region."""
    (one,), (other,), (both,) = (
        ask(sim, keywords=["garden hammer"], geoTargetConstants=geos).json()["results"]
        for geos in ([US], [GB], [GB, US])
    )
    single, second, combined = (
        int(found["keywordMetrics"]["avgMonthlySearches"]) for found in (one, other, both)
    )
    assert max(single, second) <= combined <= 1.5 * (single + second)


def test_months_wanted_are_the_months_shown(sim: Simulator) -> None:
    """As far as there are figures; the average is that of the last twelve months all the same."""
    span = {"start": {"year": 2020, "month": "JANUARY"}, "end": {"year": "2023", "month": "JANUARY"}}
    (found,) = ask(sim, keywords=["garden hammer"], historicalMetricsOptions={"yearMonthRange": span}).json()[
        "results"
    ]
    (usual,) = ask(sim, keywords=["garden hammer"]).json()["results"]
    months = [(month["year"], month["month"]) for month in found["keywordMetrics"]["monthlySearchVolumes"]]
    assert months == [("2022", "NOVEMBER"), ("2022", "DECEMBER"), ("2023", "JANUARY")]
    average = found["keywordMetrics"]["avgMonthlySearches"]
    assert average == usual["keywordMetrics"]["avgMonthlySearches"]


def test_device_totals_come_when_asked_for(sim: Simulator) -> None:
    """Three devices, counts as strings."""
    wanted = {"aggregateMetricTypes": ["DEVICE"]}
    devices = ask(sim, aggregateMetrics=wanted).json()["aggregateMetricResults"]["deviceSearches"]
    assert [one["device"] for one in devices] == ["MOBILE", "TABLET", "DESKTOP"]
    assert all(re.fullmatch(r"\d+", one["searchCount"]) for one in devices)
    assert "aggregateMetricResults" not in ask(sim).json()


def test_field_names_may_be_in_snake_case(sim: Simulator) -> None:
    """As protobuf JSON allows."""
    headers = {"Authorization": f"Bearer {token(sim)}"}
    body = {"keywords": ["anvil"], "geo_target_constants": [US], "keyword_plan_network": "GOOGLE_SEARCH"}
    answer = sim.http.post(f"/googleads/v26/customers/1234567890:{METHOD}", json=body, headers=headers)
    assert answer.json() == ask(sim).json()


def test_ten_thousand_keywords_are_one_operation(sim: Simulator) -> None:
    """And as many subjects."""
    keywords = [f"keyword number {number}" for number in range(10_000)]
    begun = time.monotonic()
    assert len(ask(sim, keywords=keywords).json()["results"]) > 9000
    assert time.monotonic() - begun < 5
    page = sim.page("google_ads")
    assert (page["calls"], page["units"], page["subjects"]) == (1, 1, 10_000)


def test_subjects_are_keywords_by_region(sim: Simulator) -> None:
    """One call for two keywords sells two subjects; the same keyword elsewhere is another one."""
    ask(sim, keywords=["Anvil", "iron  hammer", "anvil"])
    ask(sim, keywords=["anvil"], geoTargetConstants=[GB])
    ask(sim, keywords=["anvil"])
    bought = sim.control("GET", "ledger?detail=subjects")["google_ads"]["purchases"]
    assert bought == {
        "metrics keyword=anvil geo=2840": 2,
        "metrics keyword=iron hammer geo=2840": 1,
        "metrics keyword=anvil geo=2826": 1,
    }
    page = sim.page("google_ads")
    assert (page["units"], page["repeated_subjects"]) == (3, 1)
