"""The Digital Strength Index: three factors, none of which is ever made up."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.relevance import relevances
from shared.domain.report_rows import AnalysisRow, ReportRows
from shared.domain.results import CompanyStrength
from shared.domain.start import Company
from shared.domain.strength import index, legacy_index, strength_result, strengths
from tests.domain.surveyed import (
    LANDSCAPES,
    PERSONAS,
    ROWS,
    analysis,
    config,
    rows,
    search,
    volumes,
)

ASKED = config(personas=PERSONAS, landscapes=LANDSCAPES)
SCORED = [
    analysis("acme.com/a", 8.0, 4.0),
    analysis("acme.com/b", 2.0),
    analysis("blog.org/a", 10.0, 10.0, 10.0),
]


def of(
    made: ReportRows, company: str = "acme.com", region: str | None = None, landscape: str = ""
) -> CompanyStrength:
    """The one row of a company in a region or all of them."""
    (found,) = [
        row for row in strengths(made, ASKED, landscape) if (row.company, row.region) == (company, region)
    ]
    return found


def test_the_index_is_the_geometric_mean_of_its_factors() -> None:
    """Coverage x share x relevance, and the first generation's product beside it."""
    made = rows(search("acme.com/a", "blog.org/a"), search("blog.org/a", keyword="y"), analyses=SCORED[:1])
    found = of(made)

    share = 0.285 / (2 * 0.285 + 0.157)
    assert found.coverage == 0.5
    assert found.share_of_voice == pytest.approx(share)
    assert found.relevance == pytest.approx(0.6)
    assert found.dsi == pytest.approx(100 * (0.5 * share * 0.6) ** (1 / 3))
    assert found.dsi_legacy == pytest.approx(50 * 100 * share * 0.6)


def test_relevance_is_weighted_by_the_clicks_of_the_pages() -> None:
    """A page at first place says more about a company than one at second."""
    found = of(rows(search("acme.com/a", "acme.com/b"), analyses=SCORED))

    assert found.relevance == pytest.approx((0.6 * 0.285 + 0.2 * 0.157) / (0.285 + 0.157))


def test_relevance_is_weighted_by_volume() -> None:
    """So is everything clicks are made of."""
    made = rows(
        search("acme.com/a"),
        search("acme.com/b", keyword="y"),
        analyses=SCORED,
        volumes=volumes(x=100, y=300),
    )

    assert of(made).relevance == pytest.approx((0.6 * 100 + 0.2 * 300) / 400)


def test_a_page_is_found_by_its_key() -> None:
    """However its address is spelt in the search."""
    made = rows(search("acme.com/a?utm_source=x"), analyses=SCORED)

    assert of(made).relevance == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("personas", "scores", "relevance"),
    [
        (PERSONAS, {"persona:0": 8.0, "persona:1": 4.0}, 0.6),
        (PERSONAS, {"persona:0": 8.0, "persona:1": None}, 0.8),
        (PERSONAS, {"persona:0": None}, None),
        (PERSONAS, {}, None),
        (PERSONAS, {"persona:0": 0.0}, 0.0),
        (PERSONAS, {"persona:0": 5.0, "dimension:price": 10.0, "market_relevance": 10.0}, 0.5),
        (PERSONAS, {"market_relevance": 5.0}, None),
        (PERSONAS, {"persona:0": 11.0, "persona:1": -1.0, "persona:2": float("nan")}, None),
        ((), {"market_relevance": 5.0, "dimension:price": 10.0}, 0.5),
        ((), {"market_relevance": None}, None),
    ],
)
def test_only_valid_scores_of_personas_count(
    personas: tuple[object, ...], scores: dict[str, float | None], relevance: float | None
) -> None:
    """A void score is no score of 0; without personas one dimension stands for the market."""
    found = relevances([AnalysisRow("p", scores)], personas)  # type: ignore[arg-type]  # mypy joins the cases

    assert found.get("p") == (None if relevance is None else pytest.approx(relevance))


def test_a_missing_factor_leaves_the_index_unknown() -> None:
    """Not 0, and no default: without an analysed page, and without a completed search."""
    unread = of(rows(search("acme.com/a")))
    unsearched = of(rows(analyses=SCORED))

    assert (unread.coverage, unread.share_of_voice, unread.relevance) == (1.0, 1.0, None)
    assert (unread.dsi, unread.dsi_legacy, unread.rank) == (None, None, None)
    assert (unsearched.coverage, unsearched.share_of_voice, unsearched.dsi) == (None, None, None)


def test_only_web_results_count() -> None:
    """Pages of the news tab and of videos have a share of voice of their own."""
    made = rows(
        search("blog.org/a", content_type="news"),
        search("acme.com/a", content_type="organic"),
        analyses=SCORED,
    )

    assert {row.company for row in strengths(made, ASKED)} == {"acme.com", "rival.co.uk"}


def test_without_web_results_nobody_has_an_index() -> None:
    """There is nothing to be strong in."""
    found = strengths(
        rows(search("acme.com/a", content_type="news"), analyses=SCORED), config(content_types=("news",))
    )

    assert found == []


def test_few_keywords_are_listed_without_a_rank() -> None:
    """Three keywords make a rank, two and a region more do not."""
    three = [search("acme.com/a", "blog.org/a", keyword=keyword) for keyword in "xyz"]
    two = [search("acme.com/a", keyword=k, region=r) for k in "xy" for r in ("US", "DE")]

    assert of(rows(*three, analyses=SCORED)).rank == 1
    assert of(rows(*three, analyses=SCORED), "blog.org").rank == 2
    assert of(rows(*two, analyses=SCORED)).dsi is not None
    assert of(rows(*two, analyses=SCORED)).rank is None


def test_platforms_are_listed_without_a_rank() -> None:
    """What they show is not theirs."""
    made = rows(
        *(search("wikipedia.org/a", "acme.com/a", keyword=keyword) for keyword in "xyz"),
        analyses=[*SCORED, analysis("wikipedia.org/a", 9.0)],
    )

    assert of(made, "wikipedia.org").dsi is not None
    assert of(made, "wikipedia.org").rank is None
    assert of(made).rank == 1


def test_regions_have_figures_of_their_own() -> None:
    """All regions come first; the client is in each of them."""
    made = rows(search("acme.com/a"), search("blog.org/a", region="DE"), analyses=SCORED)
    order = list(dict.fromkeys(row.region for row in strengths(made, ASKED)))

    assert order == [None, "DE", "US"]
    assert of(made, region="US").share_of_voice == 1.0
    assert of(made, region="DE").share_of_voice == 0.0
    assert of(made).share_of_voice == 0.5


def test_a_landscape_counts_its_own_keywords() -> None:
    """As if the pipeline had no others."""
    made = rows(search("acme.com/a"), search("blog.org/a", keyword="z"), analyses=SCORED)
    alone = config(["z"], personas=PERSONAS)

    assert strengths(made, ASKED, "Last") == strengths(rows(made.searches[1], analyses=SCORED), alone)
    assert of(made, landscape="both").share_of_voice == 1.0
    with pytest.raises(KeyError):
        strengths(made, ASKED, "last")


def test_the_recorded_result_is_the_list() -> None:
    """It goes through JSON and comes back the same."""
    made = rows(search("acme.com/a"), analyses=SCORED)
    result = strength_result(made, ASKED, "both")

    assert list(result.companies) == strengths(made, ASKED, "both")
    assert msgspec.json.decode(msgspec.json.encode(result), type=type(result)) == result


@given(ROWS, st.sampled_from(["", "both", "Last"]))
def test_every_figure_stays_in_its_range(made: ReportRows, landscape: str) -> None:
    """Whatever ranks and whatever was judged."""
    found = strengths(made, ASKED, landscape)

    assert {(row.company, row.region) for row in found} >= {
        (party, region) for party in ("acme.com", "rival.co.uk") for region in (None, "US", "DE")
    }
    for row in found:
        factors = (row.coverage, row.share_of_voice, row.relevance)
        assert all(factor is None or 0 <= factor <= 1 for factor in factors)
        assert (row.dsi is None) == (None in factors) == (row.dsi_legacy is None)
        assert row.dsi is None or 0 <= row.dsi <= 100
        assert row.dsi_legacy is None or 0 <= row.dsi_legacy <= 10_000
        assert row.rank is None or row.dsi is not None


@given(ROWS, st.randoms())
def test_order_and_repetition_change_no_index(made: ReportRows, chance: Random) -> None:
    """The result of one landscape is the same whoever computes it, and when."""
    searches, judged, known = made.searches * 2, list(made.analyses), list(made.volumes)
    for shuffled in (searches, judged, known):
        chance.shuffle(shuffled)

    assert strengths(ReportRows(searches, analyses=judged, volumes=known), ASKED) == strengths(made, ASKED)


@given(ROWS)
def test_figures_do_not_depend_on_how_domains_are_listed(made: ReportRows) -> None:
    """The first one only gives the company its name in the tables."""
    one, other = (
        {
            row.region: msgspec.structs.replace(row, company="")
            for row in strengths(
                made, config(company=Company("Shop", domains), competitors=(), personas=PERSONAS)
            )
            if row.company == domains[0]
        }
        for domains in (("shop.vn", "blog.org"), ("blog.org", "shop.vn"))
    )

    assert one == other


@given(*[st.floats(0, 1)] * 3)
def test_a_stronger_factor_never_weakens_the_index(coverage: float, share: float, relevance: float) -> None:
    """It is 0 where a factor is, 100 where all are whole, and between the least and the largest factor."""
    made = index(coverage, share, relevance)

    assert made is not None
    assert (
        100 * min(coverage, share, relevance) - 1e-9 <= made <= 100 * max(coverage, share, relevance) + 1e-9
    )
    assert (index(1.0, share, relevance) or 0) >= made - 1e-9
    assert index(1.0, 1.0, 1.0) == 100
    assert legacy_index(1.0, 1.0, 1.0) == 10_000
