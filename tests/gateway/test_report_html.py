"""The report page: what a marketer reads, and what no title may do to it."""

import itertools
import random
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import msgspec
import pytest

from services.gateway.reports.html import render
from services.gateway.reports.view import percent
from shared.domain.report import Meta, PhaseCoverage, Report, SearchRow, VideoRow, build_report
from shared.domain.results import Ranking, VideoResult
from shared.domain.start import Company

KEYWORDS = (
    "industrial battery storage",
    "battery storage cost",
    "solar battery for business",
    "commercial energy storage",
    "peak shaving",
    "battery warranty",
    "lithium iron phosphate battery",
    "container battery",
    "grid scale storage",
    "energy management system",
)
_SITES = """
voltara.com helionstorage.com gridwell.co.uk wikipedia.org energysage.com iea.org tesla.com sonnen.de
irena.org reddit.com nrel.gov pv-magazine.com fluenceenergy.com solarpowerworldonline.com solaredge.com
batteryuniversity.com bloomenergy.com energy.gov statista.com sciencedirect.com mckinsey.com utilitydive.com
linkedin.com forbes.com siemens-energy.com abb.com schneider-electric.com cnet.com greentechmedia.com
storagewiki.org amazon.com energytrend.com cleantechnica.com powerpack.vn akku-ratgeber.de
"""
SITES = tuple(_SITES.split())
CLIENT = Company("Helion Storage", ("helionstorage.com",))
RIVALS = (Company("Voltara", ("voltara.com",)), Company("Gridwell", ("gridwell.co.uk",)))


def meta(**changes: object) -> Meta:
    """A finished pipeline with client and competitors, or what the test makes of it."""
    finished = Meta(
        pipeline_id="0199c0de-0000-7000-8000-000000000001",
        state="completed",
        created_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        generated_at=datetime(2026, 11, 23, 9, 41, tzinfo=UTC),
        regions=("US", "DE"),
        content_types=("organic", "news", "video"),
        keywords=len(KEYWORDS),
        company=CLIENT,
        competitors=RIVALS,
        data_source="providers",
    )
    return msgspec.structs.replace(finished, **changes)


def market(seed: int = 7, regions: tuple[str, ...] = ("US", "DE")) -> list[SearchRow]:
    """Searches of a plausible market: few strong domains, many weak ones, videos on YouTube."""
    chance = random.Random(seed)
    rows: list[SearchRow] = []
    for keyword in KEYWORDS:
        for region in regions:
            weights = [1 / (1 + SITES.index(site)) ** chance.uniform(0.3, 1.1) for site in SITES]
            for content_type, depth in (("organic", 20), ("news", 10), ("video", 10)):
                drawn = chance.choices(SITES, weights, k=depth)
                rankings = tuple(
                    _result(place, site, content_type, keyword) for place, site in enumerate(drawn, 1)
                )
                rows.append(SearchRow(len(rows), keyword, region, content_type, rankings))
    return rows


def _result(place: int, site: str, content_type: str, keyword: str) -> Ranking:
    if content_type == "video":
        video = f"{SITES.index(site):02d}{sum(map(ord, keyword)):09d}"
        return Ranking(
            place, f"https://www.youtube.com/watch?v={video}", "youtube.com", f"{keyword.title()} explained"
        )
    slug = keyword.replace(" ", "-")
    return Ranking(place, f"https://www.{site}/guide/{slug}", site, f"{keyword.title()}: the guide | {site}")


def videos(rows: list[SearchRow]) -> list[VideoRow]:
    """A lookup of each video, counts hidden for some."""
    found = sorted(
        {ranking.url[-11:] for row in rows for ranking in row.rankings if row.content_type == "video"}
    )
    return [VideoRow(name, _lookup(number, SITES[int(name[:2])])) for number, name in enumerate(found)]


def _lookup(number: int, site: str) -> VideoResult:
    if number % 9 == 0:
        return VideoResult(found=False)
    return VideoResult(
        found=True,
        title=f"Battery storage in practice, part {number}",
        channel=f"{site.partition('.')[0].title()} TV",
        published_at="2026-03-04T10:00:00Z",
        views=None if number % 5 == 0 else 1_234 * number,
        likes=None if number % 5 == 0 else 17 * number,
        subscribers=45_600,
    )


def report(**changes: object) -> Report:
    """A complete report of the market."""
    rows = market()
    return build_report(meta(**changes), rows, videos(rows), "sistrix-2020", phases(len(rows)))


def phases(searches: int, **changes: int) -> list[PhaseCoverage]:
    """The phase of the searches, complete or as the test says."""
    done = PhaseCoverage("serp_collection", searches, searches, failed=0, skipped=0, open=0)
    return [msgspec.structs.replace(done, **changes)]


class Page(HTMLParser):
    """The page's elements, checked for balance."""

    VOID = frozenset({"meta", "link", "br", "rect", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open[-1:] != ["style"]:
            self.texts.append((self._open[-1] if self._open else "", " ".join(data.split())))

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(text for _, text in self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


def titled(title: str, url: str = "https://evil.example/x", keyword: str = "k") -> Report:
    """A report of one search with one result."""
    row = SearchRow(1, keyword, "US", "organic", (Ranking(1, url, "evil.example", title),))
    video = VideoRow("abcdefghijk", VideoResult(found=True, title=title, channel=title))
    return build_report(meta(regions=("US",), keywords=1), [row], [video], "sistrix-2020")


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
    found = titled(hostile, "https://evil.example/" + hostile, hostile)
    client = Company(hostile, ("evil.example",))
    page = Page(
        render(msgspec.structs.replace(found, meta=msgspec.structs.replace(found.meta, company=client)))
    )

    assert not {"script", "img", "b"} & {name for name, _ in page.elements}
    assert page.text.count(hostile) >= 3


@pytest.mark.parametrize("lead", ["=", "+", "-", "@"])
def test_a_title_cannot_become_a_formula(lead: str) -> None:
    """Pasted into a spreadsheet, the cell begins with an apostrophe and stays text."""
    title = f'{lead}HYPERLINK("http://evil.example","x")'
    page = Page(render(titled(title)))

    cells = [text for _, text in page.texts if title in text]
    assert cells
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
    """Share, band, rank and lead in words and as the first bar's figures."""
    found = report()
    (row,) = [c for c in found.companies if (c.role, c.region, c.content_type) == ("client", None, "organic")]
    text = Page(render(found)).text

    assert row.share_of_voice is not None
    assert row.share_low is not None
    assert f"Helion Storage may expect {100 * row.share_of_voice:.1f}% of the organic clicks" in text
    assert f"band {100 * row.share_low:.1f}% to " in text


def test_every_region_has_a_chart_with_the_client() -> None:
    """Also where it is not among the strongest; a single region needs no comparison."""
    rows = [
        SearchRow(
            1,
            "k",
            region,
            "organic",
            tuple(Ranking(n, f"https://s{n}.org", f"s{n}.org") for n in range(1, 20)),
        )
        for region in ("US", "DE")
    ]
    both = Page(render(build_report(meta(keywords=1), rows, [], "legacy"))).text
    one = Page(render(build_report(meta(keywords=1, regions=("US",)), rows[:1], [], "legacy"))).text

    assert "Organic by region" in both
    assert all(f"{name} 1 of 1 searches" in both for name in ("United States", "Germany"))
    assert both.count("does not rank") >= 6
    assert "Organic by region" not in one


def test_missing_data_is_said_first() -> None:
    """What is not in the figures stands above them, per content type and phase."""
    rows = [row for row in market() if (row.region, row.keyword) != ("DE", "peak shaving")]
    found = build_report(
        meta(state="running"), rows, [], "legacy", phases(60, completed=57, failed=1, open=2)
    )
    text = Page(render(found)).text

    assert "Partial data: the pipeline is not finished" in text
    assert "Organic: 1 of 20 searches missing (Germany)" in text
    assert "Phase serp collection: 1 failed, 2 open of 60" in text
    assert text.index("Partial data") < text.index("Share of voice: organic")


def test_a_complete_report_of_real_data_has_no_banner() -> None:
    """A warning that is always there is not read."""
    page = Page(render(report()))

    assert "Everything planned is in the figures." in page.text
    assert page.all("aside") == []


def test_simulated_data_says_so() -> None:
    """Nobody may take the demonstration for a market."""
    assert "they say nothing about a real market" in Page(render(report(data_source="simulator"))).text


def test_before_any_search_everything_is_unknown() -> None:
    """An empty report shows no figure at all for what was not collected."""
    text = Page(render(build_report(meta(state="running"), [], [], "sistrix-2020"))).text

    assert "No organic search has been completed yet: the shares are unknown." in text
    assert "0.0%" not in text


def test_what_is_hidden_is_unknown() -> None:
    """A video without public likes is not a video nobody likes; one not looked up says so."""
    row = SearchRow(1, "k", "US", "video", (Ranking(1, "https://youtu.be/abcdefghijk", "youtube.com", "T"),))
    looked_up = VideoRow("abcdefghijk", VideoResult(found=True, views=1_234_567, comments=0))
    of = meta(keywords=1, regions=("US",))

    assert "1,234,567 unknown 0" in Page(render(build_report(of, [row], [looked_up], "legacy"))).text
    assert "not looked up" in Page(render(build_report(of, [row], [], "legacy"))).text


def test_long_tables_say_what_is_left_out() -> None:
    """25 domains are shown, the others counted with their share."""
    rankings = tuple(Ranking(n, f"https://s{n}.org/", f"s{n}.org", f"t{n}") for n in range(1, 31))
    found = build_report(
        meta(company=None, competitors=(), keywords=1, regions=("US",)),
        [SearchRow(1, "k", "US", "organic", rankings)],
        [],
        "sistrix-2020",
    )
    text = Page(render(found)).text

    assert "5 more domains left out here, with 0.0% together." in text
    assert "5 more pages left out here." in text


def test_pages_beyond_the_reports_own_list_count_as_left_out() -> None:
    """The report lists 500 pages of each type; the page knows of the others too."""
    rows = [
        SearchRow(n, f"k{n}", "US", "organic", (Ranking(1, f"https://s.org/{n}", "s.org"),))
        for n in range(530)
    ]
    found = build_report(meta(keywords=530, regions=("US",)), rows, [], "legacy")

    assert "505 more pages left out here." in Page(render(found)).text


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "unknown"), (0.0, "0.0%"), (0.0004, "<0.1%"), (0.12345, "12.3%"), (1.0, "100.0%")],
)
def test_shares_have_one_decimal(share: float | None, shown: str) -> None:
    """Little never reads as nothing, and unknown never as a number."""
    assert percent(share) == shown
