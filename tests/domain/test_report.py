"""The report: who stands where, what it rests on, and what is not known."""

import json
import random
import time
from datetime import UTC, datetime

import msgspec
import pytest

from shared.domain.report import Report
from shared.domain.report_coverage import PhaseCoverage
from shared.domain.report_rows import AnalysisRow, CompanyRow, ReportRows, SearchRow, VideoRow, VolumeRow
from shared.domain.report_tables import PAGE_CAP
from shared.domain.results import CompanyResult, VideoResult
from shared.domain.start import Landscape
from tests.domain.surveyed import (
    PERSONAS,
    WHEN,
    analysis,
    config,
    report,
    row,
    rows,
    search,
    volumes,
)

VIDEO = "abcdefghijk"
ONE = config(["x"])


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
    assert report(rows(), state=state).meta.final is final


def test_coverage_states_what_is_missing() -> None:
    """Per region and content type, and per phase."""
    phases = [
        PhaseCoverage("serp_collection", 6, 1, failed=2, skipped=0, open=3),
        PhaseCoverage("later", 0, 0, 0, 0, 0),
    ]
    made = report(rows(search("a.com/1"), phases=phases), ONE)

    assert not made.coverage.complete
    assert [(c.content_type, c.region, c.planned, c.completed, c.share) for c in made.coverage.searches][
        :2
    ] == [
        ("organic", "DE", 1, 0, 0.0),
        ("organic", "US", 1, 1, 1.0),
    ]
    assert [phase.share for phase in made.coverage.phases] == [pytest.approx(1 / 6), None]


def test_coverage_is_complete_only_without_gaps() -> None:
    """All searches there: complete; one degraded answer: not any more, unless there is nothing more to know."""
    searches = [search(region=r, content_type=t) for r in ("US", "DE") for t in ("organic", "news", "video")]
    done = PhaseCoverage("serp_collection", 6, 6, failed=0, skipped=0, open=0)
    degraded = msgspec.structs.replace(done, degraded=1)
    unmatched = msgspec.structs.replace(degraded, phase="company_enrichment")

    assert report(rows(*searches, phases=[done, unmatched]), ONE).coverage.complete
    assert not report(rows(*searches, phases=[degraded]), ONE).coverage.complete
    assert not report(rows(*searches[1:], phases=[done]), ONE).coverage.complete


def test_coverage_counts_known_volumes_by_region() -> None:
    """How many keywords have one, and how often they are searched together."""
    known = [VolumeRow("x", "US", 10), VolumeRow("y", "US", 0), VolumeRow("x", "DE", None)]
    made = report(rows(volumes=known))

    assert [(c.region, c.keywords, c.known, c.monthly_searches) for c in made.coverage.volumes] == [
        ("DE", 3, 0, None),
        ("US", 3, 2, 10),
    ]
    assert (made.method.weights, report(rows()).method.weights) == ("volume", "equal")


def test_coverage_of_analyses_is_by_clicks() -> None:
    """One page of two may be most of what counts; pages of video hosts are nobody's texts."""
    made = report(
        rows(
            search("acme.com/a", "blog.org", "youtube.com/x"),
            analyses=[analysis("acme.com/a", 5.0), analysis("blog.org/", None)],
        ),
        config(personas=PERSONAS),
    )
    (us,) = [c for c in made.coverage.analysis if c.region == "US"]
    (de,) = [c for c in made.coverage.analysis if c.region == "DE"]

    assert us.share == pytest.approx(0.285 / (0.285 + 0.157))
    assert de.share is None
    assert row(made, "acme.com").analysed == 1.0
    assert row(made, "blog.org").analysed == 0.0


def test_phases_that_are_off_are_named_with_what_is_lacking() -> None:
    """Nobody should look for a figure that cannot be there."""
    made = report(rows(), config(phases=("serp_collection", "video_enrichment", "dsi_calculation")))

    assert [phase.phase for phase in made.coverage.off] == [
        "keyword_metrics",
        "company_enrichment",
        "content_scraping",
        "content_analysis",
    ]
    assert all(phase.reason and phase.effect for phase in made.coverage.off)
    assert report(rows()).coverage.off == ()


def test_videos_join_what_ranks_and_what_was_looked_up() -> None:
    """Hidden counts and videos not looked up stay null; every result that leads to one counts."""
    searches = [
        search("youtube.com/watch?v=" + VIDEO, "youtube.com/shorts/" + VIDEO.upper(), content_type="video"),
        search("acme.com", "youtube.com/watch?t=1&v=" + VIDEO),
    ]
    result = VideoResult(found=True, title="T", channel="C", views=0)
    first, second = report(rows(*searches, videos=[VideoRow(VIDEO, result)])).videos

    assert (first.id, first.found, first.title, first.views, first.likes) == (VIDEO, True, "T", 0, None)
    assert (first.appearances, first.best_position) == (2, 1)
    assert (second.id, second.found, second.title, second.channel) == (VIDEO.upper(), None, "title 2", "S")
    assert (second.views, second.appearances) == (None, 1)


def test_views_are_shared_among_those_known() -> None:
    """A hidden count has no share, and where nobody watched anything there are none."""
    known = [VideoRow(f"video00000{n}", VideoResult(found=True, views=n)) for n in (1, 3)]
    hidden = VideoRow("video000009", VideoResult(found=True))
    made = {video.id: video.view_share for video in report(rows(videos=[*known, hidden])).videos}

    assert made == {"video000001": 0.25, "video000003": 0.75, "video000009": None}
    unseen = VideoRow("video000000", VideoResult(found=True, views=0))
    assert [video.view_share for video in report(rows(videos=[unseen])).videos] == [None]


def test_keywords_name_leader_volume_and_the_clients_place() -> None:
    """A search without results has no leader; a client that does not rank has no place."""
    searches = [search("b.org/1", "acme.com/2"), search("b.org/1", region="DE"), search(content_type="news")]
    made = report(rows(*searches, volumes=[VolumeRow("x", "US", 40)]))
    found = [
        (k.content_type, k.region, k.results, k.leader, k.client_position, k.volume) for k in made.keywords
    ]

    assert found == [
        ("organic", "DE", 1, "b.org", None, None),
        ("organic", "US", 2, "b.org", 2, 40),
        ("news", "US", 0, None, None, 40),
    ]


def test_pages_are_ordered_by_clicks_over_all_searches() -> None:
    """Second place twice is more than first place once; content types stay apart."""
    searches = [
        search("b.org/once", "a.org/twice"),
        search("c.org/", "a.org/twice", region="DE"),
        search("a.org/twice", content_type="news"),
    ]
    pages = report(rows(*searches)).pages

    assert [(page.content_type, page.url) for page in pages][:2] == [
        ("organic", "https://www.a.org/twice"),
        ("organic", "https://www.b.org/once"),
    ]
    assert pages[0].expected_clicks == pytest.approx(2 * 0.157)
    assert (pages[0].searches, pages[0].best_position, pages[0].title) == (2, 2, "title 2")


def test_two_spellings_are_one_page() -> None:
    """What only tracks a visitor does not make another page; the best place gives the address shown."""
    searches = [search("b.org", "a.org/p?utm_source=x"), search("a.org/p/", region="DE")]
    (first, *_) = report(rows(*searches)).pages

    assert (first.url, first.searches, first.best_position) == ("https://www.a.org/p/", 2, 1)


def test_pages_carry_their_analysis() -> None:
    """Void scores leave the relevance unknown; what was not analysed is unknown altogether."""
    judged = analysis(
        "a.org/p", 8.0, None, journey_phase="Validation", page_type="product", sentiment="neutral"
    )
    made = report(
        rows(search("a.org/p", "b.org/p", "c.org/p"), analyses=[judged, analysis("b.org/p", None)]),
        config(personas=PERSONAS),
    )

    assert [(p.relevance, p.journey_phase, p.page_type, p.sentiment) for p in made.pages] == [
        (0.8, "Validation", "product", "neutral"),
        (None, None, None, None),
        (None, None, None, None),
    ]


def test_a_page_of_unknown_volumes_has_unknown_clicks() -> None:
    """It is listed after those that have some."""
    made = report(rows(search("a.org"), search("b.org", keyword="y"), volumes=volumes(x=None, y=2)))

    assert [(p.domain, p.expected_clicks) for p in made.pages] == [
        ("b.org", pytest.approx(2 * 0.285)),
        ("a.org", None),
    ]


def test_the_list_of_pages_is_capped_and_says_so() -> None:
    """The report tells how many there are beside how many it lists."""
    many = PAGE_CAP + 7
    searches = [search(f"a.org/{n}", keyword=str(n)) for n in range(many)]
    made = report(rows(*searches), config(map(str, range(many))))

    assert len(made.pages) == PAGE_CAP
    assert [(c.content_type, c.found, c.listed, c.cap) for c in made.coverage.pages] == [
        ("organic", many, PAGE_CAP, PAGE_CAP),
        ("news", 0, 0, PAGE_CAP),
        ("video", 0, 0, PAGE_CAP),
    ]


def test_two_reports_of_the_same_results_differ_in_meta_only() -> None:
    """Whatever order the rows come in."""
    searches = [
        search("a.org/1", "acme.com/2", "rival.de/3", keyword=str(n), region=r)
        for n in range(9)
        for r in ("US", "DE")
    ]
    known = [VolumeRow(str(n), r, n * 10) for n in range(9) for r in ("US", "DE")]
    judged = [analysis("a.org/1", 3.0), analysis("acme.com/2", 7.0, 1.0)]
    asked = config(map(str, range(9)), personas=PERSONAS, landscapes=(Landscape("odd", ("1", "3")),))
    shuffled = searches * 2
    random.Random(3).shuffle(shuffled)
    first = report(rows(*searches, volumes=known, analyses=judged), asked)
    second = report(
        rows(*shuffled, volumes=known[::-1], analyses=judged[::-1]),
        msgspec.structs.replace(asked, regions=("DE", "US")),
        generated_at=datetime(2027, 1, 1, tzinfo=UTC),
    )

    assert first.meta != second.meta
    assert msgspec.json.encode(msgspec.structs.replace(second, meta=first.meta)) == msgspec.json.encode(first)


def test_json_shape_is_the_published_one() -> None:
    """Top-level fields, version first; unknown figures are null."""
    made = report(rows())
    tree = json.loads(msgspec.json.encode(made))

    assert list(tree) == [
        "schema_version",
        "meta",
        "method",
        "coverage",
        "companies",
        "pages",
        "videos",
        "keywords",
        "gaps",
        "markets",
        "features",
        "feature_owners",
        "themes",
        "theme_shares",
        "dimensions",
        "page_scores",
        "channels",
        "publishers",
        "matches",
        "movers",
        "publication",
    ]
    assert tree["schema_version"] == "1.1"
    assert tree["method"]["curve"]["id"] == "sistrix-2020"
    assert tree["companies"][0]["share_of_voice"] is None
    assert msgspec.json.decode(msgspec.json.encode(made), type=Report) == made


def test_an_unknown_curve_is_refused() -> None:
    """No other curve is used in its place."""
    with pytest.raises(ValueError, match="unknown curve 'mine'"):
        report(rows(), config(curve="mine"))


@pytest.mark.parametrize(
    "foreign",
    [
        search("a.com", region="FR"),
        search("a.com", keyword="other"),
        search("a.com", content_type="shopping"),
    ],
)
def test_a_search_of_another_pipeline_is_refused(foreign: SearchRow) -> None:
    """What nobody asked for would silently be left out of every table."""
    with pytest.raises(ValueError, match="which this pipeline does not ask for"):
        report(rows(foreign))


@pytest.mark.benchmark
def test_a_large_pipeline_is_reported_within_ten_seconds() -> None:
    """338 keywords in 5 regions, 3 content types and 24 landscapes, 129,000 results, all known about them."""
    chance = random.Random(1)
    regions, keywords = ("US", "GB", "DE", "SA", "VN"), [f"keyword {k}" for k in range(338)]
    depth = {"organic": 44, "news": 17, "video": 15}
    searches = [
        search(
            *(f"site{int(chance.paretovariate(0.45)) % 15_000}.com/{k}/{n}" for n in range(depth[type_])),
            keyword=k,
            region=region,
            content_type=type_,
        )
        for k in keywords
        for region in regions
        for type_ in depth
    ]
    pages = {r.url.removeprefix("https://www.") for s in searches for r in s.rankings[:20]}
    made = ReportRows(
        searches,
        volumes=[VolumeRow(k, r, chance.choice([None, 10, 90, 1000])) for k in keywords for r in regions],
        analyses=[AnalysisRow(page, {"persona:0": 5.0, "persona:1": None}) for page in sorted(pages)],
        companies=[
            CompanyRow(f"site{n}.com", CompanyResult(True, name=f"Company {n}")) for n in range(15_000)
        ],
    )
    asked = config(
        keywords,
        regions=regions,
        personas=PERSONAS,
        landscapes=tuple(Landscape(f"L{n}", tuple(keywords[n::24])) for n in range(24)),
    )

    begun = time.process_time()
    report(made, asked, generated_at=WHEN)

    assert time.process_time() - begun < 10.0
