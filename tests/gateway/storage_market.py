"""A plausible market of battery storage, its report, and the page as its reader sees it."""

import random
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import msgspec

from shared.domain import keys
from shared.domain.phases import PHASES
from shared.domain.pipeline import PipelineConfig
from shared.domain.report import Report, build_report
from shared.domain.report_coverage import PhaseCoverage
from shared.domain.report_rows import AnalysisRow, CompanyRow, ReportRows, SearchRow, VideoRow, VolumeRow
from shared.domain.results import CompanyResult, Ranking, VideoResult
from shared.domain.start import Company, Keyword, Landscape, Pages, Persona

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


def config(**changes: Any) -> PipelineConfig:
    """Client and competitors in two regions, or what the test makes of it."""
    asked = PipelineConfig(
        keywords=tuple(map(Keyword, KEYWORDS)),
        regions=("US", "DE"),
        content_types=("organic", "news", "video"),
        pages=Pages(),
        curve="sistrix-2020",
        phases=tuple(PHASES),
        device="desktop",
        company=CLIENT,
        competitors=RIVALS,
        personas=(Persona("Plant manager"), Persona("Buyer")),
        landscapes=(Landscape("Business", KEYWORDS[:4]), Landscape("Grid & scale", KEYWORDS[4:])),
        data_source="providers",
    )
    return msgspec.structs.replace(asked, **changes)


def small(*keywords: str, **changes: Any) -> PipelineConfig:
    """One region and the keywords given, or what the test makes of it."""
    given = {"keywords": tuple(map(Keyword, keywords)), "regions": ("US",), "landscapes": ()} | changes
    return config(**given)


def build(rows: ReportRows, asked: PipelineConfig, state: str = "completed") -> Report:
    """The report of these rows."""
    return build_report(
        rows,
        asked,
        pipeline_id="0199c0de-0000-7000-8000-000000000001",
        state=state,
        created_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        generated_at=datetime(2026, 11, 23, 9, 41, tzinfo=UTC),
    )


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


def rows(searches: list[SearchRow]) -> ReportRows:
    """All that can be known about these searches."""
    chance = random.Random(3)
    pages = sorted(
        {
            keys.page_key(ranking.url)
            for row in searches
            for ranking in row.rankings
            if row.content_type == "organic"
        }
    )
    volumes = [
        VolumeRow(k, r, chance.choice([None, 10, 90, 880, 2400])) for k in KEYWORDS for r in ("US", "DE")
    ]
    return ReportRows(
        searches,
        videos=videos(searches),
        phases=phases(len(searches)),
        volumes=volumes,
        companies=[_match(site) for site in SITES],
        analyses=[
            AnalysisRow(
                page,
                {
                    "persona:Plant manager": chance.choice([None, 3.0, 6.5]),
                    "persona:Buyer": 10 * chance.random(),
                },
                journey_phase="Validation",
                page_type="product_page",
                sentiment="neutral",
            )
            for page in pages
            if chance.random() < 0.8
        ],
    )


def _match(site: str) -> CompanyRow:
    if SITES.index(site) % 3 == 0:
        return CompanyRow(site, CompanyResult(matched=False))
    name = site.partition(".")[0].title()
    return CompanyRow(site, CompanyResult(True, name=f"{name} Group", country="Germany", headcount=120))


def report(**changes: Any) -> Report:
    """A complete report of the market."""
    return build(rows(market()), config(**changes))


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
        self.cells: list[str] = []
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
            if {"td", "th"} & set(self._open) and self._open[-1] != "title":
                self.cells.append(data.strip())

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(text for _, text in self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


def titled(
    title: str, url: str = "https://evil.example/x", keyword: str = "k", client: Company = CLIENT
) -> Report:
    """A report of one search with one result, with this title on everything that has one."""
    row = SearchRow(1, keyword, "US", "organic", (Ranking(1, url, "evil.example", title),))
    given = ReportRows(
        [row],
        videos=[VideoRow("abcdefghijk", VideoResult(found=True, title=title, channel=title))],
        companies=[CompanyRow("evil.example", CompanyResult(True, name=title))],
        analyses=[AnalysisRow("evil.example/x", {"persona:Buyer": 5.0}, title, title, title)],
    )
    landscapes = (Landscape(title, (keyword,)),)
    return build(given, small(keyword, company=client, competitors=(), landscapes=landscapes))
