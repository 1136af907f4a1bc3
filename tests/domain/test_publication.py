"""Publication gates: a report of real figures passes, each planted lie is refused by name, a waiver is printed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.domain.publication import GATES, judge, refusals
from shared.domain.publication_schema import Publication
from shared.domain.report_rows import CompanyRow, Lineage, ReportRows, VolumeRow, Waiver
from shared.domain.report_schema import Company as Row
from shared.domain.report_schema import Report
from shared.domain.results import CompanyResult
from tests.domain.surveyed import ACME, PERSONAS, REGIONS, analysis, config, report, rows, search

WHEN = datetime(2026, 11, 23, tzinfo=UTC)
ALL = Lineage(results=9, resolved=9)
SITES = ("blog.org", "shop.vn", "acme.com", "rival.de")


def market(**changes: Any) -> ReportRows:
    """Both regions, all searches made, everything looked up and judged."""
    searches = [
        msgspec.structs.replace(
            search(*(f"{site}/{keyword}" for site in order), keyword=keyword, region=region),
            searched_at=WHEN,
        )
        for region, order in (("US", SITES), ("DE", SITES[::-1]))
        for keyword in ("x", "y", "z")
    ]
    found: dict[str, Any] = {
        "volumes": [VolumeRow(k, r, 100) for k in ("x", "y", "z") for r in REGIONS],
        "companies": [
            CompanyRow(site, CompanyResult(True, name=site.partition(".")[0].title(), domain=site))
            for site in SITES
        ],
        "analyses": [analysis(f"{site}/{keyword}", 5.0) for site in SITES for keyword in ("x", "y", "z")],
        "lineage": ALL,
    }
    return rows(*searches, **{**found, **changes})


def made(of: ReportRows | None = None, **changes: Any) -> Report:
    """Its report, of web results only."""
    asked = config(content_types=("organic",), personas=PERSONAS, **changes)
    return report(of or market(), asked)


def reasons(of: Report | Publication) -> dict[str, str]:
    """Why it must not be published, by gate."""
    found = of.publication if isinstance(of, Report) else of
    assert found is not None
    return {gate.gate: "; ".join(gate.reasons) for gate in refusals(found)}


def with_companies(of: Report, rows_: list[Row]) -> Publication:
    """The report with another table of companies, judged again."""
    return judge(msgspec.structs.replace(of, companies=tuple(rows_)), ALL)


def test_a_whole_report_passes() -> None:
    """Every gate, in the order they are told."""
    publication = made().publication

    assert publication is not None
    assert [gate.gate for gate in publication.gates] == list(GATES)
    assert (publication.publishable, reasons(publication)) == (True, {})


def test_planted_all_traffic_is_zero() -> None:
    """The first generation's file: 0 in 3,210 rows of 3,210."""
    whole = made()
    zeros = [msgspec.structs.replace(row, expected_clicks=0.0, share_of_voice=0.0) for row in whole.companies]

    assert "no company expects a single click" in reasons(with_companies(whole, zeros))["mass"]


def test_planted_regions_are_identical() -> None:
    """But for their name."""
    whole = made()
    us = [row for row in whole.companies if row.region == "US"]
    same = [
        row
        for row in whole.companies
        if row.region != "DE"
    ] + [msgspec.structs.replace(row, region="DE") for row in us]  # fmt: skip

    assert "DE, US have the very same figures" in reasons(with_companies(whole, same))["regions"].replace(
        "US, DE", "DE, US"
    )


def test_planted_coverage_above_all_with_a_label_that_does_not_fit() -> None:
    """A bare host as a company with 100.3 %, and a documentation site named as a magazine."""
    whole = made()
    planted = [
        msgspec.structs.replace(
            row,
            company="www.vn",
            name="Www",
            keyword_coverage=1.003,
        )
        if row.company == "shop.vn"
        else msgspec.structs.replace(
            row, name="Popular Gardening Weekly", named_by="match", match_confidence=0.3
        )
        if row.company == "blog.org"
        else row
        for row in whole.companies
    ]
    found = reasons(with_companies(whole, planted))

    assert "keyword_coverage of www.vn is 100.3 %" in found["ranges"]
    assert "'Popular Gardening Weekly', which does not fit its domain" in found["identity"]


def test_the_first_generations_file_is_refused() -> None:
    """Its shape: five regions the same, no traffic, a company above 100 %, platforms as companies, no client."""
    whole = made(regions=("US", "DE", "GB", "SA", "VN"))
    template = next(row for row in whole.companies if row.role == "other")
    planted = [
        msgspec.structs.replace(
            template,
            company=company,
            name=name,
            domains=(company,),
            region=region,
            expected_clicks=0.0,
            share_of_voice=0.0,
            keyword_coverage=coverage,
            rank=rank,
            appearances=700 - rank,
            named_by="match",
            match_confidence=0.3,
        )
        for region in ("US", "DE", "GB", "SA", "VN")
        for rank, (company, name, coverage) in enumerate(
            [("www.com", "Www", 1.003), ("wikipedia.org", "John Smith", 0.9)]
            + [(f"site{n}.com", f"Site{n}", 0.5) for n in range(640)],
            1,
        )
    ]
    found = reasons(with_companies(whole, planted))

    assert len(planted) == 3210
    assert found.keys() >= {"mass", "regions", "ranges", "identity"}
    assert "wikipedia.org is a platform" in found["identity"]


@pytest.mark.parametrize(
    ("changes", "gate", "reason"),
    [
        ({"volumes": []}, "mass", "no search volume is known"),
        ({"volumes": [VolumeRow("x", "US", 5), VolumeRow("y", "US", 5)]}, "mass", "DE: the volume of 0 of 3"),
        ({"companies": []}, "completeness", "company_enrichment: none of the mass"),
        ({"analyses": []}, "completeness", "content_analysis: none of the mass"),
        ({"lineage": Lineage(9, 7)}, "lineage", "2 of 9 results lead to no stored answer"),
        ({"lineage": None}, "lineage", "was not counted"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, Any], gate: str, reason: str) -> None:
    """By the gate that misses it."""
    assert reason in reasons(made(market(**changes)))[gate]


def test_missing_searches_count_by_what_they_weigh() -> None:
    """One of three searches that is hardly ever made is no gap; the one everybody makes is."""
    light = [VolumeRow(k, r, v) for k, v in (("x", 1), ("y", 100), ("z", 100)) for r in REGIONS]
    heavy = [VolumeRow(k, r, v) for k, v in (("x", 1000), ("y", 1), ("z", 1)) for r in REGIONS]
    whole = market()
    without = [row for row in whole.searches if row.keyword != "x"]

    for known, refused in ((light, False), (heavy, True)):
        found = reasons(made(msgspec.structs.replace(whole, searches=without, volumes=known)))
        assert ("serp_collection" in found.get("completeness", "")) is refused


def test_searches_of_two_seasons_are_not_compared() -> None:
    """Forty days lie between the oldest and the newest; of a search without a date nothing is known."""
    whole = market()
    old = msgspec.structs.replace(whole.searches[0], searched_at=WHEN - timedelta(days=40))
    undated = msgspec.structs.replace(whole.searches[0], searched_at=None)

    for first, reason in ((old, "40 days older"), (undated, "not recorded")):
        changed = msgspec.structs.replace(whole, searches=[first, *whole.searches[1:]])
        assert reason in reasons(made(changed))["freshness"]


def test_a_gate_is_waived_by_name_and_the_waiver_is_told() -> None:
    """The others still stand; a gate that passes needs no waiver."""
    said = [Waiver(gate, "ana", "a test market", WHEN) for gate in ("mass", "ranges")]
    waived = made(market(volumes=[], waivers=said))
    refused = made(market(volumes=[], lineage=Lineage(9, 7), waivers=said))

    assert waived.publication is not None
    assert waived.publication.publishable
    gates = {gate.gate: gate for gate in waived.publication.gates}
    assert (gates["mass"].passed, gates["mass"].waived_by, gates["mass"].waiver) == (
        False,
        "ana",
        "a test market",
    )
    assert gates["ranges"].waived_by is None
    assert reasons(refused).keys() == {"lineage"}


def test_the_client_is_always_there() -> None:
    """Also where it ranks nowhere; a report without it is refused."""
    whole = made(company=ACME)
    without = [row for row in whole.companies if row.role != "client"]

    assert "Acme is named at the start and missing" in reasons(with_companies(whole, without))["identity"]
