"""The report page: what a marketer reads, and what no title may do to it."""

import itertools
import re

import msgspec
import pytest

from services.gateway.reports.html import render
from services.gateway.reports.wording import percent
from shared.domain.report_coverage import PhaseCoverage
from shared.domain.report_rows import AnalysisRow, ReportRows, SearchRow, VideoRow, VolumeRow
from shared.domain.results import Ranking, VideoResult
from shared.domain.start import Company
from tests.gateway.storage_market import (
    CLIENT,
    Page,
    build,
    config,
    market,
    phases,
    report,
    rows,
    small,
    titled,
)


def test_the_page_asks_for_nothing() -> None:
    """No script and nothing to load: style and drawings are in it, links only wait to be followed."""
    text = render(report())
    page = Page(text)

    assert not {"script", "img", "iframe", "object", "embed", "form"} & {name for name, _ in page.elements}
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert not [
        name for name, attributes in page.elements if {"src", "srcset", "style", "onload"} & set(attributes)
    ]
    assert "url(" not in text
    assert "@import" not in text
    assert any("default-src 'none'" in (tag.get("content") or "") for tag in page.all("meta"))


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title></svg><b>"]
)
def test_titles_stay_text(hostile: str) -> None:
    """Markup in a title, an address, a keyword or a company's name is shown, not obeyed."""
    for client in (CLIENT, Company(hostile, ("evil.example",))):
        page = Page(
            render(titled(hostile, "https://evil.example/" + hostile, hostile.replace("\n", " "), client))
        )

        assert not {"script", "img", "b"} & {name for name, _ in page.elements}
        assert page.text.count(hostile) >= 8


@pytest.mark.parametrize("lead", ["=", "+", "-", "@"])
def test_a_title_cannot_become_a_formula(lead: str) -> None:
    """Pasted into a spreadsheet, the cell begins with an apostrophe and stays text."""
    title = f'{lead}HYPERLINK("http://evil.example","x")'
    page = Page(render(titled(title)))

    cells = [text for text in page.cells if title in text]
    assert len(cells) >= 4
    assert {cell[0] for cell in cells} == {"'"}


def test_only_web_addresses_are_links() -> None:
    """A result with a script for an address is named and not linked."""
    page = Page(render(titled("t", "javascript:alert(1)")))

    assert all(
        (link["href"] or "").startswith(("#", "https://www.youtube.com/watch?v=")) for link in page.all("a")
    )


def test_tables_drawings_and_headings_are_accessible() -> None:
    """Captions, scopes and titles are there, headings go down one level at a time."""
    text = render(report())
    page = Page(text)
    names = [name for name, _ in page.elements]

    assert page.all("html") == [{"lang": "en"}]
    assert names.count("table") == names.count("caption") > 5
    assert all(cell.get("scope") in {"col", "row"} for cell in page.all("th"))
    drawn = [svg for svg in page.all("svg") if svg.get("aria-hidden") != "true"]
    assert {svg.get("role") for svg in drawn} == {"img"}
    assert names.count("title") == len(drawn) + 1
    levels = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    anchors = {link["href"] for link in page.all("a") if (link["href"] or "").startswith("#")}
    assert anchors <= {f"#{attributes['id']}" for _, attributes in page.elements if "id" in attributes}


def test_the_client_is_the_headline() -> None:
    """Share, band, rank, index and lead in words and as the first bar's figures."""
    found = report()
    (row,) = [
        c
        for c in found.companies
        if (c.role, c.landscape, c.region, c.content_type) == ("client", None, None, "organic")
    ]
    text = Page(render(found)).text

    assert row.share_of_voice is not None
    assert row.share_low is not None
    assert row.dsi is not None
    assert f"Helion Storage may expect {100 * row.share_of_voice:.1f}% of the organic clicks" in text
    assert f": rank {row.rank} of 31 companies." in text
    assert f"band {100 * row.share_low:.1f}% to " in text
    assert f"Digital Strength Index {row.dsi:.1f} rank {row.dsi_rank}" in text


def test_the_index_is_shown_with_its_three_factors() -> None:
    """Ranked companies in order, each factor as a number and as a bar."""
    found = report()
    page = Page(render(found))
    shown = {
        c.dsi_rank: c
        for c in found.companies
        if (c.landscape, c.region, c.content_type) == (None, None, "organic") and c.dsi_rank
    }

    assert page.text.index("Digital Strength Index by company") < page.text.index("Share of voice: organic")
    for rank in (1, 2, 3):
        first = shown[rank]
        factors = (first.keyword_coverage, first.share_of_voice, first.relevance)
        assert None not in factors
        for name, factor in zip(("keyword coverage", "share of voice", "relevance"), factors, strict=True):
            assert f"{name} {percent(factor)}" in page.text
        assert f"{first.name}: {first.dsi:.1f} of 100" in page.text


def test_an_unknown_index_says_why() -> None:
    """No table of unknowns: nothing was analysed, or nobody was there to do it."""
    searches = ReportRows(market())
    unread = Page(render(build(searches, config()))).text
    off = Page(render(build(searches, config(phases=("serp_collection",))))).text

    assert "No page that ranks has been analysed yet, so the index is unknown." in unread
    assert "No page is read, so no relevance and no Digital Strength Index is known." in off
    assert "Not in this pipeline: keyword metrics, company enrichment, video enrichment" in off
    assert "Digital Strength Index by company" not in unread + off


def test_landscapes_are_sections_to_go_to() -> None:
    """A list of links chooses among them: the page has no script."""
    page = Page(render(report()))
    links = [link["href"] for link in page.all("a") if (link["href"] or "").startswith("#landscape-")]

    assert links == ["#landscape-1", "#landscape-2"]
    assert [card.get("id") for card in page.all("article")][-2:] == ["landscape-1", "landscape-2"]
    assert "Grid & scale 6 keywords, 35 companies and platforms rank" in page.text
    assert "Landscapes" not in Page(render(report(landscapes=()))).text


def test_gaps_are_named_with_what_could_be_gained() -> None:
    """Largest first; a pipeline without a client has none."""
    search = SearchRow(
        1, "peak shaving", "US", "organic", (Ranking(1, "https://voltara.com", "voltara.com"),)
    )
    known = [VolumeRow("peak shaving", "US", 1000)]
    given = ReportRows([search], volumes=known)
    text = Page(render(build(given, small("peak shaving")))).text
    anybody = Page(render(build(given, small("peak shaving", company=None)))).text

    assert "peak shaving United States Voltara voltara.com 1 not ranked 1,000 110.00" in text
    assert "110.00 clicks a month to be gained at place 3" in text
    assert "at place 3 in all of them" not in anybody
    assert "None in the searches completed so far." in Page(render(build(ReportRows([]), small("k")))).text


def test_companies_go_by_their_match() -> None:
    """With the domain below the name."""
    found = report()
    strong = next(c for c in found.companies if c.role == "other" and c.matched)

    assert strong.name.endswith(" Group")
    assert f"{strong.name} {strong.company}" in Page(render(found)).text


def test_every_region_has_a_chart_with_the_client() -> None:
    """Also where it is not among the strongest; a single region needs no comparison."""
    searches = [
        SearchRow(
            1,
            "k",
            region,
            "organic",
            tuple(Ranking(n, f"https://s{n}.org", f"s{n}.org") for n in range(1, 20)),
        )
        for region in ("US", "DE")
    ]
    both = Page(render(build(ReportRows(searches), small("k", regions=("US", "DE"))))).text
    one = Page(render(build(ReportRows(searches[:1]), small("k")))).text

    assert "Organic by region" in both
    assert all(f"{name} 1 of 1 search" in both for name in ("United States", "Germany"))
    assert both.count("does not rank") >= 6
    assert "Organic by region" not in one


def test_missing_data_is_said_first() -> None:
    """What is not in the figures stands above them, per content type and phase, with what it could change."""
    searches = [row for row in market() if (row.region, row.keyword) != ("DE", "peak shaving")]
    given = ReportRows(searches, phases=phases(60, completed=57, failed=1, open=2))
    text = Page(render(build(given, config(), "running"))).text

    assert "Partial data: the pipeline is not finished" in text
    assert "Organic: 1 of 20 searches missing (Germany)" in text
    assert "Phase serp collection: 1 failed, 2 open of 60" in text
    assert re.search(
        r"With all organic searches, the share of Helion Storage lies between \d+\.\d% and \d+\.\d%", text
    )
    assert text.index("Partial data") < text.index("Share of voice: organic")


def test_a_complete_report_of_real_data_has_no_banner() -> None:
    """A warning that is always there is not read; what no try could better is none."""
    unmatched = PhaseCoverage("company_enrichment", 30, 30, failed=0, skipped=0, open=0, degraded=9)
    given = rows(market())
    page = Page(render(build(msgspec.structs.replace(given, phases=[*given.phases, unmatched]), config())))

    assert "Everything planned is in the figures." in page.text
    assert page.all("aside") == []


def test_simulated_data_says_so() -> None:
    """Nobody may take the demonstration for a market."""
    assert "they say nothing about a real market" in Page(render(report(data_source="simulator"))).text


def test_before_any_search_everything_is_unknown() -> None:
    """An empty report shows no figure at all for what was not collected."""
    text = Page(render(build(ReportRows([]), config(), "running"))).text

    assert "No organic search has been completed yet: the shares are unknown." in text
    assert "0.0%" not in text


def test_without_any_known_volume_of_a_search_the_shares_are_unknown() -> None:
    """Volumes are known elsewhere, so these searches cannot weigh 1."""
    row = SearchRow(1, "k", "US", "organic", (Ranking(1, "https://a.org", "a.org"),))
    given = ReportRows([row], volumes=[VolumeRow("k", "DE", 5)])
    text = Page(render(build(given, small("k", regions=("US", "DE"))))).text

    assert "The volume of no organic search completed so far is known: the shares are unknown." in text
    assert "The volume of no completed search is known, so the shares are unknown." in text


def test_what_is_hidden_is_unknown() -> None:
    """A video without public likes is not a video nobody likes; one not looked up says so."""
    row = SearchRow(1, "k", "US", "video", (Ranking(1, "https://youtu.be/abcdefghijk", "youtube.com", "T"),))
    looked_up = VideoRow("abcdefghijk", VideoResult(found=True, views=1_234_567, comments=0))

    shown = Page(render(build(ReportRows([row], videos=[looked_up]), small("k")))).text
    assert "1,234,567 100.0% unknown 0" in shown
    assert "not looked up" in Page(render(build(ReportRows([row]), small("k")))).text


def test_pages_show_their_analysis_where_there_is_one() -> None:
    """Without any analysis the columns would be a wall of unknowns."""
    row = SearchRow(1, "k", "US", "organic", (Ranking(1, "https://a.org/p", "a.org"),))
    judged = AnalysisRow("a.org/p", {"persona:Buyer": 7.0}, "Validation", "product_page", "neutral")
    shown = Page(render(build(ReportRows([row], analyses=[judged]), small("k")))).text

    assert "70.0% Validation product page, neutral" in shown
    assert "Journey phase" not in Page(render(build(ReportRows([row]), small("k")))).text


def test_long_tables_say_what_is_left_out() -> None:
    """25 companies are shown, the others counted with their share."""
    rankings = tuple(Ranking(n, f"https://s{n}.org/", f"s{n}.org", f"t{n}") for n in range(1, 31))
    given = ReportRows([SearchRow(1, "k", "US", "organic", rankings)])
    text = Page(render(build(given, small("k", company=None, competitors=())))).text

    assert "5 more left out here, with 0.0% together." in text
    assert "5 more pages left out here." in text


def test_pages_beyond_the_reports_own_list_count_as_left_out() -> None:
    """The report lists 500 pages of each type; the page knows of the others too."""
    words = [f"k{n}" for n in range(530)]
    searches = [
        SearchRow(n, word, "US", "organic", (Ranking(1, f"https://s.org/{n}", "s.org"),))
        for n, word in enumerate(words)
    ]

    assert "505 more pages left out here." in Page(render(build(ReportRows(searches), small(*words)))).text


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "unknown"), (0.0, "0.0%"), (0.0004, "<0.1%"), (0.12345, "12.3%"), (1.0, "100.0%")],
)
def test_shares_have_one_decimal(share: float | None, shown: str) -> None:
    """Little never reads as nothing, and unknown never as a number."""
    assert percent(share) == shown
