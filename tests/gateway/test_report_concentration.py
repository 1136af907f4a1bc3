"""The concentration curve: it adds up the report's shares, and says the report's own index."""

import itertools
import math

import msgspec
import pytest

from services.gateway.reports.concentration import DRAWN, concentration
from services.gateway.reports.html import render
from services.gateway.reports.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from services.gateway.reports.wording import percent
from shared.domain.report_insights import MarketRow
from shared.domain.report_rows import ReportRows, SearchRow
from shared.domain.report_schema import Company, Report
from shared.domain.results import Ranking
from tests.gateway.storage_market import Page, build, config, report, small


def headline(made: Report) -> list[Company]:
    """Web results, all regions."""
    return [
        row
        for row in made.companies
        if (row.landscape, row.region, row.content_type) == (None, None, "organic")
    ]


def whole(made: Report) -> MarketRow:
    """The market of these."""
    return next(
        row
        for row in made.markets
        if (row.landscape, row.region, row.content_type) == (None, None, "organic")
    )


def test_the_curve_adds_up_the_reports_shares() -> None:
    """From nothing to all, each company adding its own share: read back from the points, they are the table's."""
    made = report()
    plot = concentration(headline(made), made.markets, "organic")
    assert plot is not None
    points = [tuple(map(float, point.split(","))) for point in plot.outline.split()]
    shares = sorted((row.share_of_voice for row in headline(made) if row.share_of_voice), reverse=True)

    levels = [1 - (y - TOP) / (HEIGHT - TOP - BOTTOM) for _, y in points]
    assert levels == pytest.approx([0, *itertools.accumulate(shares)], abs=0.001)
    assert (points[0][0], points[-1][0]) == (LEFT, WIDTH - RIGHT)
    for step in plot.steps:
        assert step.share == pytest.approx(math.fsum(shares[: step.companies]))
    assert plot.steps[-1].share == pytest.approx(1)


def test_the_index_is_that_of_the_shares_drawn() -> None:
    """The squares of what the curve adds up sum to it, and it is the one of the report's table of markets."""
    made = report()
    plot = concentration(headline(made), made.markets, "organic")
    assert plot is not None

    assert plot.index == whole(made).concentration
    assert plot.index == pytest.approx(sum((row.share_of_voice or 0) ** 2 for row in headline(made)))
    assert plot.effective == whole(made).effective_companies


def test_so_many_equal_companies_reach_the_whole_where_the_dashed_line_ends() -> None:
    """Beyond the curve's end it is cut, at the same slope."""
    made = report()
    plot = concentration(headline(made), made.markets, "organic")
    market = msgspec.structs.replace(whole(made), effective_companies=80.0)
    cut = concentration(headline(made), [market], "organic")
    assert plot is not None
    assert cut is not None
    drawn = len(plot.outline.split()) - 1

    assert plot.end.value == TOP
    assert (plot.end.at - LEFT) / (WIDTH - LEFT - RIGHT) == pytest.approx(plot.effective / drawn)
    assert cut.end.at == WIDTH - RIGHT
    assert 1 - (cut.end.value - TOP) / (HEIGHT - TOP - BOTTOM) == pytest.approx(drawn / 80)


def equal(companies: int) -> Report:
    """So many of them, each with a search of its own."""
    searches = [
        SearchRow(n, f"k{n}", "US", "organic", (Ranking(1, f"https://s{n}.org/", f"s{n}.org"),))
        for n in range(companies)
    ]
    return build(
        ReportRows(searches), small(*(row.keyword for row in searches), company=None, competitors=())
    )


def test_a_long_tail_is_counted_and_not_drawn() -> None:
    """The table still says what all have together."""
    made = equal(DRAWN + 10)
    plot = concentration(headline(made), made.markets, "organic")
    assert plot is not None

    assert len(plot.outline.split()) == DRAWN + 1
    assert plot.left_out == 10
    assert [step.companies for step in plot.steps] == [1, 2, 3, 5, 10, 20, 50, 60]
    assert plot.effective == pytest.approx(DRAWN + 10)
    assert "10 more are beyond the end of the curve." in render(made)


def test_one_company_is_written_as_one() -> None:
    """At the head of the table, and beyond the end of the curve."""
    text = render(equal(DRAWN + 1))

    assert '<th scope="col" class="n">First</th>' in text
    assert '<th scope="col" class="n">First 2</th>' in text
    assert f'<th scope="col" class="n">All {DRAWN + 1}</th>' in text
    assert "1 more is beyond the end of the curve." in text


def test_the_page_says_the_figures() -> None:
    """Index, effective companies and the shares of the first stand as text; another index would be another text."""
    made = report()
    plot = concentration(headline(made), made.markets, "organic")
    assert plot is not None
    page = Page(render(made))
    planted = [
        msgspec.structs.replace(row, concentration=0.25, effective_companies=4.0)
        if row == whole(made)
        else row
        for row in made.markets
    ]
    wrong = Page(render(msgspec.structs.replace(made, markets=tuple(planted)))).text

    assert (
        f"index of concentration (HHI) {plot.index:.3f}, {plot.effective:.1f} effective companies"
        in page.text
    )
    assert "index of concentration (HHI) 0.250, 4.0 effective companies" in wrong
    assert {percent(step.share) for step in plot.steps} <= set(page.cells)


def test_nothing_is_drawn_of_nothing() -> None:
    """No shares, no market, or a single company that has it all."""
    made = report()
    empty = build(ReportRows([]), config(), "running")
    alone = build(
        ReportRows([SearchRow(1, "k", "US", "organic", (Ranking(1, "https://a.org/", "a.org"),))]), small("k")
    )

    assert concentration([], made.markets, "organic") is None
    assert concentration(headline(made), [], "organic") is None
    for nothing in (empty, alone):
        assert concentration(headline(nothing), nothing.markets, "organic") is None
        assert "concentration-name" not in render(nothing)
