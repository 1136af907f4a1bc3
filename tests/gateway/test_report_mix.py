"""The parts of a whole on the page: of which content types results are, and how much of each phase is there."""

import msgspec
import pytest

from services.gateway.reports.html import render
from services.gateway.reports.mix import MIXED, mix
from services.gateway.reports.wording import percent
from shared.domain.report_coverage import MassCoverage
from shared.domain.report_rows import ReportRows
from shared.domain.report_schema import Report
from tests.gateway.storage_market import Page, build, config, report, titled

TYPES = ("organic", "news", "video")


def counted(made: Report, content_type: str) -> dict[str, int]:
    """Results of companies."""
    return {
        row.name: row.appearances
        for row in made.companies
        if (row.landscape, row.region, row.content_type) == (None, None, content_type)
    }


def with_mass(*found: MassCoverage) -> Report:
    """The market's report with this coverage."""
    made = report()
    return msgspec.structs.replace(made, coverage=msgspec.structs.replace(made.coverage, mass=found))


def test_a_bar_is_made_of_the_reports_results() -> None:
    """By content type as in the table of companies; together they are the whole bar, one after the other."""
    made = report()
    plot = mix(made, TYPES)
    assert plot is not None
    everything, *companies = plot.rows

    for part in everything.parts:
        assert part.results == sum(counted(made, part.content_type).values())
    for row in companies:
        before = 0.0
        for part in row.parts:
            assert part.results == counted(made, part.content_type).get(row.name, 0)
            assert part.share == part.results / row.results
            assert part.start == pytest.approx(before)
            before += part.share
        assert before == pytest.approx(1)
    assert everything.results == 800


def test_client_and_competitors_are_always_among_them() -> None:
    """With most results first; the others are counted."""
    made = report()
    plot = mix(made, TYPES)
    assert plot is not None
    rows = plot.rows[1:]

    assert [row.results for row in rows] == sorted((row.results for row in rows), reverse=True)
    assert {row.role for row in rows} >= {"client", "competitor"}
    ranking = {name for type_ in TYPES for name, results in counted(made, type_).items() if results}
    assert len(rows) >= MIXED
    assert plot.left_out == len(ranking) - len(rows)


def test_the_page_says_the_parts() -> None:
    """In the bar's title and in cells; a result more is another text."""
    made = report()
    plot = mix(made, TYPES)
    assert plot is not None
    text = Page(render(made)).text
    planted = tuple(
        msgspec.structs.replace(row, appearances=row.appearances + 100)
        if (row.role, row.landscape, row.region, row.content_type) == ("client", None, None, "news")
        else row
        for row in made.companies
    )
    wrong = Page(render(msgspec.structs.replace(made, companies=planted))).text

    for row in plot.rows:
        said = ", ".join(f"{part.content_type} {percent(part.share)}" for part in row.parts)
        shown = f"{row.results} {' '.join(percent(part.share) for part in row.parts)}"
        assert f"{row.name}: {said}" in text
        assert shown in text
        if row.role == "client":
            assert f"{row.name}: {said}" not in wrong
            assert shown not in wrong


def test_one_content_type_is_no_mix() -> None:
    """Nor is nothing."""
    assert mix(titled("t"), ("organic",)) is None
    assert mix(titled("t"), TYPES) is None
    assert mix(build(ReportRows([]), config(), "running"), TYPES) is None
    assert 'id="mix"' not in render(titled("t"))


def test_the_meter_is_as_long_as_what_is_there() -> None:
    """By phase and region, as text and as a bar of the whole; unknown has no length and stays a word."""
    made = with_mass(
        MassCoverage("serp_collection", "DE", 0.375),
        MassCoverage("content_analysis", None, 1.0),
        MassCoverage("video_enrichment", None, None),
    )
    text = render(made)
    page = Page(text)
    bar = text.partition("serp collection, Germany: 37.5%")[2].partition("</svg>")[0]
    unknown = text.partition("video enrichment, all regions: unknown")[2].partition("</svg>")[0]

    assert 'class="fill" width="37.50%"' in bar
    assert 'class="track"' in unknown
    assert 'class="fill"' not in unknown
    for shown in (
        "serp collection Germany serp collection, Germany: 37.5% 37.5%",
        "content analysis all regions content analysis, all regions: 100.0% 100.0%",
        "video enrichment all regions video enrichment, all regions: unknown unknown",
    ):
        assert shown in page.text


def test_an_empty_report_has_no_meter() -> None:
    """Nothing is there yet, or nobody weighed it."""
    for made in (build(ReportRows([]), config(), "running"), with_mass()):
        assert "What of each phase is there" not in render(made)
