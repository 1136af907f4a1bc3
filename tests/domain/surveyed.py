"""Rows and configurations of small pipelines, for the tests of what a report says about them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st

from shared.domain.phases import PHASES
from shared.domain.pipeline import PipelineConfig
from shared.domain.report import Report, build_report
from shared.domain.report_rows import AnalysisRow, ReportRows, SearchRow, VolumeRow
from shared.domain.report_schema import Company as Row
from shared.domain.results import Ranking
from shared.domain.start import Company, Keyword, Landscape, Pages, Persona

ACME = Company("Acme", ("acme.com",))
RIVAL = Company("Rival", ("www.rival.co.uk", "rival.de"))
WHEN = datetime(2026, 11, 23, tzinfo=UTC)
DOMAINS = ("acme.com", "rival.co.uk", "rival.de", "wikipedia.org", "blog.org", "shop.vn")
KEYWORDS = ("x", "y", "z")
REGIONS = ("US", "DE")


def config(keywords: Iterable[str] = KEYWORDS, **changes: Any) -> PipelineConfig:
    """Acme against Rival in two regions, or what the test makes of it."""
    asked = PipelineConfig(
        keywords=tuple(map(Keyword, keywords)),
        regions=REGIONS,
        content_types=("organic", "news", "video"),
        pages=Pages(),
        curve="sistrix-2020",
        phases=tuple(PHASES),
        device="desktop",
        company=ACME,
        competitors=(RIVAL,),
    )
    return msgspec.structs.replace(asked, **changes)


def search(*urls: str, keyword: str = "x", region: str = "US", content_type: str = "organic") -> SearchRow:
    """A search with these addresses at 1, 2, 3 …, an empty one leaving its place to nobody."""
    rankings = tuple(
        Ranking(n, f"https://www.{url}", url.partition("/")[0], f"title {n}", source="S")
        for n, url in enumerate(urls, 1)
        if url
    )
    return SearchRow(1, keyword, region, content_type, rankings)


def rows(*searches: SearchRow, **others: Any) -> ReportRows:
    """Rows of completed searches, and of other phases by field."""
    return ReportRows(list(searches), **others)


def volumes(**known: int | None) -> list[VolumeRow]:
    """The same volume of a keyword in both regions, by keyword."""
    return [VolumeRow(keyword, region, volume) for keyword, volume in known.items() for region in REGIONS]


def analysis(page: str, *scores: float | None, **said: str) -> AnalysisRow:
    """A page judged for one persona after the other."""
    return AnalysisRow(page, {f"persona:{n}": score for n, score in enumerate(scores)}, **said)


def report(
    of: ReportRows,
    asked: PipelineConfig | None = None,
    state: str = "completed",
    generated_at: datetime = WHEN,
) -> Report:
    """The report of these rows."""
    return build_report(
        of, asked or config(), pipeline_id="p", state=state, created_at=WHEN, generated_at=generated_at
    )


def row(
    made: Report,
    company: str,
    region: str | None = None,
    content_type: str = "organic",
    landscape: str | None = None,
) -> Row:
    """The one row of a company in a scope."""
    (found,) = [
        c
        for c in made.companies
        if (c.company, c.region, c.content_type, c.landscape) == (company, region, content_type, landscape)
    ]
    return found


RANKINGS = st.lists(
    st.builds(
        lambda position, domain, page: Ranking(position, f"https://{domain}/{page}", domain),
        st.integers(1, 30),
        st.sampled_from(DOMAINS),
        st.integers(0, 3),
    ),
    max_size=12,
).map(tuple)
SEARCHES = st.lists(
    st.builds(
        SearchRow,
        st.integers(1, 99),
        st.sampled_from(KEYWORDS),
        st.sampled_from(REGIONS),
        st.sampled_from(["organic", "news"]),
        RANKINGS,
    ),
    max_size=8,
)
VOLUMES = st.lists(
    st.builds(
        VolumeRow,
        st.sampled_from(KEYWORDS),
        st.sampled_from(REGIONS),
        st.none() | st.integers(0, 10_000),
    ),
    max_size=6,
    unique_by=lambda volume: (volume.keyword, volume.region),
)
ANALYSES = st.lists(
    st.builds(
        lambda domain, page, scores: analysis(f"{domain}/{page}", *scores),
        st.sampled_from(DOMAINS),
        st.integers(0, 3),
        st.lists(st.none() | st.floats(0, 10), max_size=3),
    ),
    max_size=10,
    unique_by=lambda judged: judged.page,
)
ROWS = st.builds(
    lambda searches, known, judged: ReportRows(searches, volumes=known, analyses=judged),
    SEARCHES,
    VOLUMES,
    ANALYSES,
)
PERSONAS = (Persona("0"), Persona("1"), Persona("2"))
#: Keywords that overlap, and one alone.
LANDSCAPES = (Landscape("both", ("x", "y")), Landscape("Last", ("z",)))
