"""Share of voice: sums to 1, does not depend on order or repetition, and knows what it does not know."""

import math
from collections.abc import Collection
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.basis import Basis, Scope
from shared.domain.curves import CURVES, curve
from shared.domain.market import merged, places
from shared.domain.report_rows import ReportRows, SearchRow, VolumeRow
from shared.domain.results import Ranking
from shared.domain.share_of_voice import Standing, competition_ranks, standings
from tests.domain.surveyed import RANKINGS, ROWS, SEARCHES, config, rows, search, volumes

SISTRIX = curve("sistrix-2020")
OURS = config(company=None, competitors=())
SCOPES = [(type_, region) for type_ in ("organic", "news") for region in (None, "US", "DE")]


def of(
    made: ReportRows, scope: Scope = ("organic", "US"), always: Collection[str] = (), limit: int | None = None
) -> dict[str, Standing]:
    """Standings of one scope by company, each domain a company of its own."""
    market = Basis(made, OURS).markets()[scope]
    return {row.company: row for row in standings(market, SISTRIX, always, limit=limit)}


def test_shares_of_one_search_are_its_clicks() -> None:
    """First 28.5, second 15.7, third 11: a company at 1 and 3 has both places."""
    found = of(rows(search("a.com/1", "b.com", "a.com/2")))

    total = 0.285 + 0.157 + 0.110
    assert found["a.com"].share_of_voice == pytest.approx((0.285 + 0.110) / total)
    assert found["b.com"].share_of_voice == pytest.approx(0.157 / total)
    assert found["a.com"].expected_clicks == pytest.approx(0.395)
    assert found["a.com"].appearances == 2


def test_figures_over_several_searches() -> None:
    """Coverage and visibility count searches, the average counts the best place in each."""
    found = of(
        rows(
            search("a.com/1", "a.com/2", "b.com"),
            search("b.com", "", "a.com", keyword="y"),
            search(keyword="z"),
        )
    )["a.com"]

    assert found.keyword_coverage == pytest.approx(2 / 3)
    assert found.visibility == pytest.approx((0.285 + 0.110) / (3 * 0.285))
    assert (found.best_position, found.average_position, found.keywords) == (1, 2.0, 2)


def test_beyond_20_there_are_no_clicks_and_no_coverage() -> None:
    """The company is listed with its place all the same."""
    found = of(
        rows(SearchRow(1, "x", "US", "organic", (Ranking(1, "u", "a.com"), Ranking(21, "v", "b.com"))))
    )["b.com"]

    assert (found.share_of_voice, found.keyword_coverage, found.visibility) == (0.0, 0.0, 0.0)
    assert (found.appearances, found.best_position, found.keywords) == (1, 21, 0)


@given(ROWS)
def test_shares_sum_to_one_and_figures_stay_in_range(made: ReportRows) -> None:
    """In every scope, wherever anything of known weight ranks in the first 20."""
    basis = Basis(made, OURS)
    for scope, market in basis.markets().items():
        found = standings(market, SISTRIX)
        in_scope = [
            (key, rankings)
            for key, rankings in basis.found.items()
            if key[2] == scope[0] and scope[1] in {None, key[1]} and basis.weights.weight(key[0], key[1])
        ]
        ranks = any(ranking.position <= 20 for _, rankings in in_scope for ranking in rankings)
        shares = [row.share_of_voice for row in found]
        if not in_scope:
            assert set(shares) <= {None}
            continue
        assert math.fsum(share or 0.0 for share in shares) == pytest.approx(1.0 if ranks else 0.0, abs=1e-9)
        for row in found:
            assert row.share_of_voice is not None
            assert row.share_low is not None
            assert row.share_high is not None
            assert 0 <= row.share_low <= row.share_of_voice <= row.share_high <= 1
            assert 0 <= (row.keyword_coverage or 0) <= 1
            assert 0 <= (row.visibility or 0) <= 1
            assert 0 <= (row.analysed or 0) <= 1


@given(ROWS, st.randoms())
def test_order_and_repetition_of_rows_change_nothing(made: ReportRows, chance: Random) -> None:
    """Searches, results, volumes and analyses shuffled, searches given twice, come to the very same figures."""
    again = [
        SearchRow(r.item_id, r.keyword, r.region, r.content_type, (*r.rankings, *r.rankings)[::-1])
        for r in made.searches
    ] + made.searches
    known, judged = list(made.volumes), list(made.analyses)
    for shuffled in (again, known, judged):
        chance.shuffle(shuffled)
    other = ReportRows(again, volumes=known, analyses=judged)

    for scope in SCOPES:
        assert list(of(other, scope).values()) == list(of(made, scope).values())


@given(RANKINGS)
def test_no_search_hands_out_more_than_all_its_clicks(rankings: tuple[Ranking, ...]) -> None:
    """Also when several results are printed at one position: they share its clicks."""
    (results,) = merged([SearchRow(1, "x", "US", "news", rankings)]).values()

    for used in CURVES.values():
        assert (
            math.fsum(used.ctr(position) / sharing for position, sharing, _ in places(results)) <= 1 + 1e-12
        )


def test_results_at_one_position_share_its_clicks() -> None:
    """Two at first place get half of it each."""
    row = SearchRow(1, "x", "US", "news", (Ranking(1, "u", "a.com"), Ranking(1, "v", "b.com")))

    assert of(rows(row), ("news", "US"))["a.com"].expected_clicks == pytest.approx(0.1425)


def test_content_types_are_never_summed() -> None:
    """A news result does not move an organic share."""
    made = rows(
        search("a.com", "b.com"),
        search("c.de", content_type="news"),
        search("d.vn", content_type="video"),
    )

    assert set(of(made, ("organic", None))) == {"a.com", "b.com"}
    assert of(made, ("news", None))["c.de"].share_of_voice == 1.0


def test_without_volumes_all_searches_weigh_the_same() -> None:
    """Three searches in one region weigh three times the one of the other."""
    made = rows(*(search("a.com", keyword=keyword) for keyword in "xyz"), search("b.com", region="DE"))

    assert of(made, ("organic", None))["a.com"].share_of_voice == pytest.approx(0.75)
    assert of(made, ("organic", "US"))["a.com"].share_of_voice == 1.0


def test_searches_weigh_what_they_are_searched() -> None:
    """A keyword of 900 searches a month weighs nine times one of 100; clicks are those of a month."""
    made = rows(search("a.com"), search("b.com", keyword="y"), volumes=volumes(x=900, y=100))
    found = of(made)

    assert found["a.com"].share_of_voice == pytest.approx(0.9)
    assert found["a.com"].expected_clicks == pytest.approx(900 * 0.285)
    assert found["a.com"].keyword_coverage == 0.5


def test_a_volume_counts_in_its_own_region_only() -> None:
    """The same keyword may be common in one country and rare in another."""
    made = rows(
        search("a.com"),
        search("b.com", region="DE"),
        volumes=[VolumeRow("x", "US", 300), VolumeRow("x", "DE", 100)],
    )

    assert of(made, ("organic", None))["a.com"].share_of_voice == pytest.approx(0.75)
    assert of(made, ("organic", "DE"))["b.com"].expected_clicks == pytest.approx(100 * 0.285)


def test_a_search_of_unknown_volume_is_left_out_of_clicks_alone() -> None:
    """It was completed: positions and coverage count it, shares cannot."""
    made = rows(search("a.com"), search("b.com", keyword="y"), volumes=volumes(x=100, y=None))
    found = of(made)

    assert (found["a.com"].share_of_voice, found["b.com"].share_of_voice) == (1.0, 0.0)
    assert (found["b.com"].keyword_coverage, found["b.com"].best_position) == (0.5, 1)


def test_a_region_without_any_known_volume_has_no_shares() -> None:
    """No number stands in for what nobody knows, though the other region has volumes."""
    made = rows(search("a.com"), search("a.com", region="DE"), volumes=[VolumeRow("x", "US", 10)])
    found = of(made, ("organic", "DE"))["a.com"]

    assert (found.share_of_voice, found.share_low, found.expected_clicks, found.rank) == (
        None,
        None,
        None,
        None,
    )
    assert (found.keyword_coverage, found.visibility) == (1.0, 1.0)


def test_volumes_that_are_all_unknown_weigh_all_searches_the_same() -> None:
    """The provider was asked and knows nothing: as if it had not been asked."""
    made = rows(search("a.com"), search("b.com", keyword="y"), volumes=volumes(x=None, y=None))

    assert of(made)["a.com"].share_of_voice == 0.5


def test_the_spelling_of_a_keyword_finds_its_volume() -> None:
    """Searches carry the keyword as it was asked for, volumes its canonical form."""
    made = rows(search("a.com", keyword="STRASSE"), volumes=[VolumeRow("strasse", "US", 7)])
    market = Basis(made, config(["Straße"])).markets()["organic", "US"]

    assert market.weight == 7


def test_the_band_spans_the_four_curves() -> None:
    """Lowest and highest of the shares each accepted curve gives."""
    found = of(rows(search("a.com", "b.com")))["a.com"]
    shares = [used.ctr(1) / (used.ctr(1) + used.ctr(2)) for used in CURVES.values()]

    assert found.share_low == pytest.approx(min(shares))
    assert found.share_high == pytest.approx(max(shares))
    assert found.share_low != found.share_high


def test_missing_searches_bound_the_share() -> None:
    """Of three keywords one was searched: the others could give all their clicks to it, or none."""
    found = of(rows(search("a.com", "b.com")))["a.com"]

    most = 2 * math.fsum(map(SISTRIX.ctr, range(1, 21)))
    assert found.possible_low == pytest.approx(0.285 / (0.285 + 0.157 + most))
    assert found.possible_high == pytest.approx((0.285 + most) / (0.285 + 0.157 + most))


def test_missing_searches_of_unknown_volume_leave_no_bounds() -> None:
    """Whatever such a search is worth, it could change everything."""
    made = rows(search("a.com", "b.com"), volumes=volumes(x=5, y=5))

    assert of(made)["a.com"].possible_low is None
    assert of(made)["a.com"].possible_high is None


@given(SEARCHES)
def test_a_share_lies_within_its_bounds(searches: list[SearchRow]) -> None:
    """With nothing missing the bounds are the share itself."""
    for scope in SCOPES:
        market = Basis(rows(*searches), OURS).markets()[scope]
        for row in standings(market, SISTRIX):
            assert row.possible_low is not None
            assert row.possible_high is not None
            assert row.share_of_voice is not None
            # A share of nothing: where no clicks are expected at all, the first ones may be anybody's.
            assert row.possible_low <= row.share_of_voice + 1e-12
            assert row.share_of_voice <= row.possible_high + 1e-12
            if not market.missing:
                assert row.possible_low == row.share_of_voice == row.possible_high


def test_a_company_that_does_not_rank_has_a_share_of_zero() -> None:
    """Known to be absent, because the search was completed."""
    found = of(rows(search("a.com")), ("organic", "US"), ["mine.com"])["mine.com"]

    assert (found.share_of_voice, found.share_low, found.keyword_coverage) == (0.0, 0.0, 0.0)
    assert (found.appearances, found.best_position, found.average_position, found.rank) == (
        0,
        None,
        None,
        None,
    )


def test_without_a_completed_search_the_share_is_unknown() -> None:
    """No number stands in for what was not collected."""
    found = of(rows(search("a.com")), ("organic", "DE"), ["mine.com"])["mine.com"]

    assert (found.share_of_voice, found.share_low, found.share_high) == (None, None, None)
    assert (found.expected_clicks, found.visibility, found.keyword_coverage) == (None, None, None)


def test_rows_come_strongest_first_and_ties_by_name() -> None:
    """The order is the same every time; equal shares have equal ranks."""
    made = rows(search("b.com", "a.com"), search("a.com", "b.com", keyword="y"))
    more = rows(*made.searches, search("", "", "c.de", keyword="z"))

    assert list(of(made)) == ["a.com", "b.com"]
    assert [(row.company, row.rank) for row in of(more).values()] == [
        ("a.com", 1),
        ("b.com", 1),
        ("c.de", 3),
    ]


def test_a_limit_keeps_the_strongest_and_whoever_must_be_there() -> None:
    """Ranks and shares are those among all."""
    made = rows(search("a.com", "b.com", "c.de", "d.vn"))
    found = of(made, ("organic", "US"), ["d.vn", "mine.com"], limit=2)

    assert [(row.company, row.rank) for row in found.values()] == [
        ("a.com", 1),
        ("b.com", 2),
        ("d.vn", 4),
        ("mine.com", None),
    ]
    assert found["a.com"].share_of_voice == of(made)["a.com"].share_of_voice


def test_ranks_count_those_before() -> None:
    """Two at first place leave no second."""
    ranks = competition_ranks([("a", 2.0), ("b", 2.0), ("c", 1.0), ("d", 0.0), ("e", 0.0)])

    assert ranks == {"a": 1, "b": 1, "c": 3, "d": 4, "e": 4}
