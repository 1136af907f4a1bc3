"""The report: who stands where, what it rests on, and what is not known."""

import json
import random
import time
from datetime import UTC, datetime

import msgspec
import pytest

from shared.domain.report import (
    PAGE_CAP,
    Meta,
    PhaseCoverage,
    Report,
    SearchRow,
    VideoRow,
    build_report,
)
from shared.domain.report_schema import Company as Row
from shared.domain.results import Ranking, VideoResult
from shared.domain.start import Company

ACME = Company("Acme", ("acme.com",))
RIVAL = Company("Rival", ("www.rival.co.uk", "rival.de"))
VIDEO = "abcdefghijk"


def meta(**changes: object) -> Meta:
    """A completed pipeline of one keyword in two regions, or what the test makes of it."""
    finished = Meta(
        pipeline_id="p",
        state="completed",
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        generated_at=datetime(2026, 11, 23, 1, tzinfo=UTC),
        regions=("US", "DE"),
        content_types=("organic", "news", "video"),
        keywords=1,
        company=ACME,
        competitors=(RIVAL,),
        data_source="simulator",
    )
    return msgspec.structs.replace(finished, **changes)


def search(*urls: str, keyword: str = "x", region: str = "US", content_type: str = "organic") -> SearchRow:
    """A search with these addresses at 1, 2, 3 …"""
    rankings = tuple(
        Ranking(n, f"https://www.{url}", url.partition("/")[0], f"title {n}", source="S")
        for n, url in enumerate(urls, 1)
    )
    return SearchRow(1, keyword, region, content_type, rankings)


def build(*rows: SearchRow, videos: tuple[VideoRow, ...] = (), **changes: object) -> Report:
    """A report of these searches."""
    return build_report(meta(**changes), rows, videos, "sistrix-2020")


def row(report: Report, domain: str, region: str | None = None, content_type: str = "organic") -> Row:
    """The one row of a domain in a scope."""
    (found,) = [
        c for c in report.companies if (c.domain, c.region, c.content_type) == (domain, region, content_type)
    ]
    return found


def test_domains_carry_name_and_role() -> None:
    """Names as given at the start, also through another spelling of the domain; platforms are no companies."""
    report = build(search("acme.com/a", "rival.co.uk/b", "wikipedia.org/c", "blog.org/d"))

    assert [
        (c.domain, c.name, c.role)
        for c in report.companies
        if (c.region, c.content_type) == (None, "organic")
    ] == [
        ("acme.com", "Acme", "client"),
        ("rival.co.uk", "Rival", "competitor"),
        ("wikipedia.org", "wikipedia.org", "platform"),
        ("blog.org", "blog.org", "other"),
        ("rival.de", "Rival", "competitor"),
    ]


def test_a_given_company_is_no_platform() -> None:
    """Whoever is YouTube's client wants to see it as the client."""
    report = build(search("youtube.com/a"), company=Company("YouTube", ("youtube.com",)))

    assert row(report, "youtube.com").role == "client"


def test_client_and_competitors_stand_in_every_scope() -> None:
    """Absent from completed searches is a share of 0; without a completed search it is unknown."""
    report = build(search("blog.org/a"))

    assert row(report, "acme.com", "US").share_of_voice == 0.0
    assert row(report, "acme.com", None).share_of_voice == 0.0
    assert row(report, "acme.com", "DE").share_of_voice is None
    assert row(report, "rival.de", None, "news").share_of_voice is None
    assert {(c.region, c.content_type) for c in report.companies if c.domain == "acme.com"} == {
        (region, type_) for region in (None, "US", "DE") for type_ in ("organic", "news", "video")
    }


@pytest.mark.parametrize(
    ("state", "final"),
    [
        ("running", False),
        ("paused", False),
        ("completed", True),
        ("completed_with_gaps", True),
        ("failed", True),
        ("cancelled", True),
    ],
)
def test_only_an_ended_pipeline_has_a_final_report(state: str, final: bool) -> None:
    """A report may be asked for at any time and says whether more will come."""
    assert build(state=state).meta.final is final


def test_coverage_states_what_is_missing() -> None:
    """Per region and content type, and per phase."""
    phases = [
        PhaseCoverage("serp_collection", 6, 1, failed=2, skipped=0, open=3),
        PhaseCoverage("later", 0, 0, 0, 0, 0),
    ]
    report = build_report(meta(), [search("a.com/1")], [], "sistrix-2020", phases)

    assert not report.coverage.complete
    assert [(c.content_type, c.region, c.planned, c.completed, c.share) for c in report.coverage.searches][
        :2
    ] == [
        ("organic", "DE", 1, 0, 0.0),
        ("organic", "US", 1, 1, 1.0),
    ]
    assert [phase.share for phase in report.coverage.phases] == [pytest.approx(1 / 6), None]


def test_coverage_is_complete_only_without_gaps() -> None:
    """All searches there: complete; one degraded answer: not any more."""
    rows = [
        search(region=region, content_type=type_) for region in ("US", "DE") for type_ in meta().content_types
    ]
    done = PhaseCoverage("serp_collection", 6, 6, failed=0, skipped=0, open=0)
    degraded = msgspec.structs.replace(done, degraded=1)

    assert build_report(meta(), rows, [], "legacy", [done]).coverage.complete
    assert not build_report(meta(), rows, [], "legacy", [degraded]).coverage.complete
    assert not build_report(meta(), rows[1:], [], "legacy", [done]).coverage.complete


def test_videos_join_what_ranks_and_what_was_looked_up() -> None:
    """Hidden counts and videos not looked up stay null; every result that leads to one counts."""
    rows = [
        search("youtube.com/watch?v=" + VIDEO, "youtube.com/shorts/" + VIDEO.upper(), content_type="video"),
        search("acme.com", "youtube.com/watch?t=1&v=" + VIDEO),
    ]
    result = VideoResult(found=True, title="T", channel="C", views=0)
    first, second = build(*rows, videos=(VideoRow(VIDEO, result),)).videos

    assert (first.id, first.found, first.title, first.views, first.likes) == (VIDEO, True, "T", 0, None)
    assert (first.appearances, first.best_position) == (2, 1)
    assert (second.id, second.found, second.title, second.channel) == (VIDEO.upper(), None, "title 2", "S")
    assert (second.views, second.appearances) == (None, 1)


def test_keywords_name_the_leader_and_the_clients_place() -> None:
    """A search without results has no leader; a client that does not rank has no place."""
    rows = [search("b.org/1", "acme.com/2"), search("b.org/1", region="DE"), search(content_type="news")]
    found = [
        (k.content_type, k.region, k.results, k.leader, k.client_position) for k in build(*rows).keywords
    ]

    assert found == [
        ("organic", "DE", 1, "b.org", None),
        ("organic", "US", 2, "b.org", 2),
        ("news", "US", 0, None, None),
    ]


def test_pages_are_ordered_by_clicks_over_all_searches() -> None:
    """Second place twice is more than first place once; content types stay apart."""
    rows = [
        search("b.org/once", "a.org/twice"),
        search("c.org/", "a.org/twice", region="DE"),
        search("a.org/twice", content_type="news"),
    ]
    pages = build(*rows).pages

    assert [(page.content_type, page.url) for page in pages][:2] == [
        ("organic", "https://www.a.org/twice"),
        ("organic", "https://www.b.org/once"),
    ]
    assert pages[0].expected_clicks == pytest.approx(2 * 0.157)
    assert (pages[0].searches, pages[0].best_position, pages[0].title) == (2, 2, "title 2")


def test_the_list_of_pages_is_capped_and_says_so() -> None:
    """The report tells how many there are beside how many it lists."""
    rows = [search(f"a.org/{n}", keyword=str(n)) for n in range(PAGE_CAP + 7)]
    report = build(*rows, keywords=PAGE_CAP + 7)

    assert len(report.pages) == PAGE_CAP
    assert [(c.content_type, c.found, c.listed, c.cap) for c in report.coverage.pages] == [
        ("organic", PAGE_CAP + 7, PAGE_CAP, PAGE_CAP),
        ("news", 0, 0, PAGE_CAP),
        ("video", 0, 0, PAGE_CAP),
    ]


def test_two_reports_of_the_same_results_differ_in_meta_only() -> None:
    """Whatever order the rows come in."""
    rows = [
        search("a.org/1", "acme.com/2", "c.org/3", keyword=str(n), region=r)
        for n in range(9)
        for r in ("US", "DE")
    ]
    shuffled = rows * 2
    random.Random(3).shuffle(shuffled)
    later = datetime(2027, 1, 1, tzinfo=UTC)
    first, second = (
        build(*rows, keywords=9),
        build(*shuffled, keywords=9, generated_at=later, regions=("DE", "US")),
    )

    assert first.meta != second.meta
    assert msgspec.json.encode(msgspec.structs.replace(second, meta=first.meta)) == msgspec.json.encode(first)


def test_json_shape_is_the_published_one() -> None:
    """Top-level fields, version first; unknown figures are null."""
    tree = json.loads(msgspec.json.encode(build()))

    assert list(tree) == [
        "schema_version",
        "meta",
        "method",
        "coverage",
        "companies",
        "pages",
        "videos",
        "keywords",
    ]
    assert tree["schema_version"] == "0.1"
    assert tree["method"]["curve"]["id"] == "sistrix-2020"
    assert tree["companies"][0]["share_of_voice"] is None
    assert msgspec.json.decode(msgspec.json.encode(build()), type=Report) == build()


def test_an_unknown_curve_is_refused() -> None:
    """No other curve is used in its place."""
    with pytest.raises(ValueError, match="unknown curve 'mine'"):
        build_report(meta(), [], [], "mine")


def test_a_search_of_another_pipeline_is_refused() -> None:
    """A region nobody asked for would silently be left out of every table."""
    with pytest.raises(ValueError, match="'x' is of FR/organic"):
        build(search("a.com/1", region="FR"))


@pytest.mark.benchmark
def test_a_large_pipeline_is_reported_within_three_seconds() -> None:
    """430 keywords in 5 regions and 3 content types, 20 results each: 129,000 rows."""
    chance = random.Random(1)
    regions = ("US", "GB", "DE", "SA", "VN")
    rows = [
        search(
            *(f"site{int(chance.paretovariate(0.5)) % 9000}.com/{n}" for n in range(20)),
            keyword=str(k),
            region=r,
            content_type=t,
        )
        for k in range(430)
        for r in regions
        for t in meta().content_types
    ]

    begun = time.process_time()
    build(*rows, keywords=430, regions=regions)

    assert time.process_time() - begun < 3.0
