"""Companies in the report: who they are, where they stand, and what the client could gain."""

import msgspec
import pytest
from hypothesis import given

from shared.domain.report_companies import COMPANY_CAP
from shared.domain.report_method import market_position
from shared.domain.report_rows import CompanyRow, ReportRows, SearchRow
from shared.domain.results import CompanyResult, Ranking
from shared.domain.start import Company, Landscape
from shared.domain.strength import strengths
from tests.domain.surveyed import (
    LANDSCAPES,
    PERSONAS,
    ROWS,
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


def test_companies_carry_names_and_roles() -> None:
    """All domains of a given company count for it, in any spelling; platforms are none."""
    made = report(rows(search("acme.com/a", "rival.co.uk/b", "wikipedia.org/c", "blog.org/d", "rival.de/e")))

    assert [
        (c.company, c.name, c.role, c.domains, c.rank)
        for c in made.companies
        if (c.region, c.content_type) == (None, "organic")
    ] == [
        ("acme.com", "Acme", "client", ("acme.com",), 1),
        ("rival.co.uk", "Rival", "competitor", ("rival.co.uk", "rival.de"), 2),
        ("wikipedia.org", "wikipedia.org", "platform", ("wikipedia.org",), None),
        ("blog.org", "blog.org", "other", ("blog.org",), 3),
    ]
    assert row(made, "rival.co.uk").appearances == 2


def test_other_companies_are_named_by_their_match() -> None:
    """With what is known of them; no match and never asked are two things."""
    known = CompanyResult(
        True,
        name="Blog Inc",
        matched_by="website",
        industries=("Media",),
        country="Germany",
        headcount=7,
    )
    matches = [CompanyRow("blog.org", known), CompanyRow("shop.vn", CompanyResult(matched=False))]
    made = report(rows(search("blog.org", "shop.vn", "new.com"), companies=matches))
    found = row(made, "blog.org")

    assert (found.name, found.matched, found.matched_by) == ("Blog Inc", True, "website")
    assert (found.industries, found.country, found.headcount) == (("Media",), "Germany", 7)
    assert [(row(made, name).name, row(made, name).matched) for name in ("shop.vn", "new.com")] == [
        ("shop.vn", False),
        ("new.com", None),
    ]


def test_a_given_company_keeps_its_name_and_has_the_match_of_any_domain() -> None:
    """The client knows better what it is called."""
    match = CompanyResult(True, name="RIVAL Holding plc", country="Germany")
    matches = [CompanyRow("rival.co.uk", CompanyResult(matched=False)), CompanyRow("rival.de", match)]
    found = row(report(rows(search("rival.de"), companies=matches)), "rival.co.uk")

    assert (found.name, found.matched, found.country) == ("Rival", True, "Germany")


def test_a_domain_claimed_twice_is_the_clients() -> None:
    """Whoever else lists it goes by the first domain that is left; one with none left is nobody."""
    also = Company("Also", ("acme.com", "also.com"))
    made = report(
        rows(search("acme.com", "also.com")), config(competitors=(also, Company("None", ("acme.com",))))
    )

    assert row(made, "acme.com").role == "client"
    assert (row(made, "also.com").name, row(made, "also.com").domains) == ("Also", ("also.com",))
    assert {c.name for c in made.companies} == {"Acme", "Also"}


def test_a_given_company_is_no_platform() -> None:
    """Whoever is YouTube's client wants to see it as the client, with a rank."""
    found = row(
        report(rows(search("youtube.com/a")), config(company=Company("YouTube", ("youtube.com",)))),
        "youtube.com",
    )

    assert (found.role, found.rank, found.market_position) == ("client", 1, "leader")


@pytest.mark.parametrize(
    ("rank", "share", "position"),
    [
        (1, 0.9, "leader"),
        (5, 0.1, "leader"),
        (6, 0.1, "challenger"),
        (20, 0.1, "challenger"),
        (21, 0.1, "competitor"),
        (50, 0.1, "competitor"),
        (51, 0.1, "niche"),
        (2, 0.0, "niche"),
        (None, 0.0, None),
        (None, None, None),
    ],
)
def test_market_position_follows_the_rank(
    rank: int | None, share: float | None, position: str | None
) -> None:
    """Five leaders, challengers to 20, competitors to 50; without clicks a niche, without a rank nothing."""
    assert market_position(rank, share) == position


def test_client_and_competitors_stand_in_every_scope() -> None:
    """Absent from completed searches is a share of 0; without a completed search it is unknown."""
    made = report(rows(search("blog.org/a")), config(landscapes=LANDSCAPES))

    assert row(made, "acme.com", "US").share_of_voice == 0.0
    assert row(made, "acme.com", None).share_of_voice == 0.0
    assert row(made, "acme.com", "DE").share_of_voice is None
    assert row(made, "rival.co.uk", None, "news").share_of_voice is None
    assert {(c.landscape, c.region, c.content_type) for c in made.companies if c.company == "acme.com"} == {
        (landscape, region, type_)
        for landscape in (None, "both", "Last")
        for region in (None, "US", "DE")
        for type_ in ("organic", "news", "video")
    }


def test_landscapes_have_figures_of_their_own() -> None:
    """The whole comes first and holds everything; a keyword may be in none of them or in several."""
    made = report(rows(search("acme.com"), search("blog.org", keyword="z")), config(landscapes=LANDSCAPES))

    assert list(dict.fromkeys(c.landscape for c in made.companies)) == [None, "both", "Last"]
    shares = [row(made, "acme.com", landscape=name).share_of_voice for name in (None, "both", "Last")]
    assert shares == [0.5, 1.0, 0.0]
    assert [
        (c.landscape, c.keywords, c.searches, c.found)
        for c in made.coverage.companies
        if (c.region, c.content_type) == (None, "organic")
    ] == [(None, 3, 2, 2), ("both", 2, 1, 1), ("Last", 1, 1, 1)]


def test_a_landscape_lists_the_strongest_and_says_so() -> None:
    """The whole lists all; shares and ranks are those among all."""
    many = COMPANY_CAP + 5
    searches = [search(f"s{n}.com", keyword=str(n)) for n in range(many)]
    asked = config(map(str, range(many)), landscapes=(Landscape("all", tuple(map(str, range(many)))),))
    made = report(rows(*searches), asked)
    reach = {
        c.landscape: (c.found, c.listed)
        for c in made.coverage.companies
        if (c.region, c.content_type) == (None, "organic")
    }

    assert reach == {None: (many, many + 2), "all": (many, COMPANY_CAP + 2)}
    listed = [
        c for c in made.companies if (c.landscape, c.region, c.content_type) == ("all", None, "organic")
    ]
    assert len(listed) == COMPANY_CAP + 2
    assert listed[0].share_of_voice == pytest.approx(1 / many)


def test_the_index_is_the_recorded_one() -> None:
    """The report and the phase that records the index use one function."""
    made = rows(
        *(search("acme.com/a", "blog.org/a", keyword=k) for k in "xyz"),
        analyses=[analysis("acme.com/a", 5.0), analysis("blog.org/a", None)],
    )
    asked = config(personas=PERSONAS, landscapes=LANDSCAPES)
    shown = report(made, asked)

    for landscape in (None, "both", "Last"):
        for recorded in strengths(made, asked, landscape or ""):
            found = row(shown, recorded.company, recorded.region, landscape=landscape)
            assert (found.dsi, found.dsi_legacy, found.relevance, found.dsi_rank) == (
                recorded.dsi,
                recorded.dsi_legacy,
                recorded.relevance,
                recorded.rank,
            )
            assert (found.keyword_coverage, found.share_of_voice) == (
                recorded.coverage,
                recorded.share_of_voice,
            )
    assert row(shown, "acme.com").dsi is not None
    assert row(shown, "acme.com", content_type="news").dsi is None


@given(ROWS)
def test_figures_do_not_depend_on_how_domains_are_listed(made: ReportRows) -> None:
    """One company whatever the order; the first domain only gives it its name."""
    one, other = (
        [
            msgspec.structs.replace(c, company="", domains=())
            for c in report(made, config(company=Company("Shop", domains), competitors=())).companies
            if c.role == "client"
        ]
        for domains in (("shop.vn", "blog.org"), ("blog.org", "shop.vn"))
    )

    assert one == other


def test_gaps_are_what_the_client_could_gain() -> None:
    """A rival on the first page, the client far behind or absent: volume times the clicks of third place."""
    far = SearchRow(1, "y", "US", "organic", (Ranking(2, "u", "rival.de"), Ranking(21, "v", "acme.com")))
    made = report(
        rows(
            search("blog.org", "rival.de"),
            far,
            search("acme.com", "rival.de", keyword="z"),
            volumes=volumes(x=100, y=3000),
        )
    )

    assert [(g.keyword, g.rival, g.rival_domain, g.rival_position, g.client_position) for g in made.gaps] == [
        ("y", "Rival", "rival.de", 2, 21),
        ("x", "Rival", "rival.de", 2, None),
    ]
    assert [g.opportunity for g in made.gaps] == [pytest.approx(3000 * 0.110), pytest.approx(100 * 0.110)]
    assert [g.volume for g in made.gaps] == [3000, 100]


def test_a_gap_of_unknown_volume_is_a_gap_of_unknown_size() -> None:
    """It comes last; while no volume is known, every search counts once."""
    searches = [search("rival.de"), search("rival.de", keyword="y")]
    some = report(rows(*searches, volumes=volumes(x=None, y=1)))
    none = report(rows(*searches))

    assert [(g.keyword, g.volume, g.opportunity) for g in some.gaps] == [
        ("y", 1, pytest.approx(0.110)),
        ("x", None, None),
    ]
    assert [g.volume for g in none.gaps] == [None, None]
    assert [g.opportunity for g in none.gaps] == [pytest.approx(0.110)] * 2


@pytest.mark.parametrize(
    ("urls", "content_type"),
    [
        (("blog.org", "wikipedia.org"), "organic"),
        ((*[""] * 10, "rival.de"), "organic"),
        (("rival.de", *[""] * 18, "acme.com"), "organic"),
        (("rival.de",), "news"),
    ],
)
def test_no_gap(urls: tuple[str, ...], content_type: str) -> None:
    """Nobody we compete with, nobody on the first page, the client within 20, or no web search."""
    assert report(rows(search(*urls, content_type=content_type))).gaps == ()


def test_rivals_are_everybody_where_none_are_named() -> None:
    """Platforms aside; and without a client nobody has gaps."""
    made = rows(search("wikipedia.org", "blog.org"))

    assert [g.rival for g in report(made, config(competitors=())).gaps] == ["blog.org"]
    assert report(made, config(company=None)).gaps == ()
