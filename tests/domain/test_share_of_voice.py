"""Share of voice: sums to 1, does not depend on order or repetition, and knows what it does not know."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.curves import CURVES, curve
from shared.domain.results import Ranking
from shared.domain.share_of_voice import SearchRow, Standing, expected_clicks, merged, standings

SISTRIX = curve("sistrix-2020")
DOMAINS = ("a.com", "b.com", "c.de", "d.vn", "e.org")

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
        st.sampled_from(["x", "y", "z"]),
        st.sampled_from(["US", "DE"]),
        st.sampled_from(["organic", "news"]),
        RANKINGS,
    ),
    max_size=8,
)


def search(*domains: str, keyword: str = "x", region: str = "US", content_type: str = "organic") -> SearchRow:
    """A search with these domains at 1, 2, 3 …, an empty name leaving its place to nobody."""
    rankings = tuple(Ranking(n, f"https://{name}/{n}", name) for n, name in enumerate(domains, 1) if name)
    return SearchRow(1, keyword, region, content_type, rankings)


def of(
    rows: list[SearchRow], scope: tuple[str, str | None] = ("organic", "US"), *always: str
) -> dict[str, Standing]:
    """Standings of one scope by domain."""
    return {row.domain: row for row in standings(merged(rows), SISTRIX, [scope], always)}


def test_shares_of_one_search_are_its_clicks() -> None:
    """First 28.5, second 15.7, third 11: a domain at 1 and 3 has both places."""
    found = of([search("a.com", "b.com", "a.com")])

    total = 0.285 + 0.157 + 0.110
    assert found["a.com"].share_of_voice == pytest.approx((0.285 + 0.110) / total)
    assert found["b.com"].share_of_voice == pytest.approx(0.157 / total)
    assert found["a.com"].expected_clicks == pytest.approx(0.395)
    assert found["a.com"].appearances == 2


def test_figures_over_several_searches() -> None:
    """Coverage and visibility count searches, the average counts the best place in each."""
    rows = [search("a.com", "a.com", "b.com"), search("b.com", "", "a.com", keyword="y"), search(keyword="z")]
    found = of(rows)["a.com"]

    assert found.keyword_coverage == pytest.approx(2 / 3)
    assert found.visibility == pytest.approx((0.285 + 0.110) / (3 * 0.285))
    assert (found.best_position, found.average_position) == (1, 2.0)


def test_beyond_20_there_are_no_clicks_and_no_coverage() -> None:
    """The domain is listed with its place all the same."""
    row = SearchRow(1, "x", "US", "organic", (Ranking(1, "u", "a.com"), Ranking(21, "v", "b.com")))
    found = of([row])["b.com"]

    assert (found.share_of_voice, found.keyword_coverage, found.visibility) == (0.0, 0.0, 0.0)
    assert (found.appearances, found.best_position) == (1, 21)


@given(SEARCHES)
def test_shares_sum_to_one_and_figures_stay_in_range(rows: list[SearchRow]) -> None:
    """In every scope, wherever anything ranks in the first 20."""
    searches = merged(rows)
    for scope in [(type_, region) for type_ in ("organic", "news") for region in (None, "US", "DE")]:
        found = list(standings(searches, SISTRIX, [scope]))
        in_scope = [
            rankings
            for key, rankings in searches.items()
            if key[2] == scope[0] and scope[1] in {None, key[1]}
        ]
        total = math.fsum(row.share_of_voice or 0.0 for row in found)

        ranks = any(ranking.position <= 20 for rankings in in_scope for ranking in rankings)
        assert total == pytest.approx(1.0 if ranks else 0.0, abs=1e-9)
        for row in found:
            assert row.share_of_voice is not None
            assert row.share_low is not None
            assert row.share_high is not None
            assert 0 <= row.share_low <= row.share_of_voice <= row.share_high <= 1
            assert 0 <= (row.keyword_coverage or 0) <= 1
            assert 0 <= (row.visibility or 0) <= 1


@given(SEARCHES, st.randoms())
def test_order_and_repetition_of_rows_change_nothing(rows: list[SearchRow], chance: object) -> None:
    """Searches and results shuffled and given twice come to the very same figures."""
    again = [
        SearchRow(r.item_id, r.keyword, r.region, r.content_type, (*r.rankings, *r.rankings)) for r in rows
    ] + rows
    chance.shuffle(again)  # type: ignore[attr-defined]  # hypothesis has no public type for it
    reversed_ = [SearchRow(r.item_id, r.keyword, r.region, r.content_type, r.rankings[::-1]) for r in again]
    scopes: list[tuple[str, str | None]] = [("organic", None), ("organic", "US"), ("news", "DE")]

    assert list(standings(merged(reversed_), SISTRIX, scopes)) == list(
        standings(merged(rows), SISTRIX, scopes)
    )


@given(RANKINGS)
def test_no_search_hands_out_more_than_all_its_clicks(rankings: tuple[Ranking, ...]) -> None:
    """Also when several results are printed at one position: they share its clicks."""
    (results,) = merged([SearchRow(1, "x", "US", "news", rankings)]).values()

    assert all(math.fsum(expected_clicks(results, used)) <= 1 + 1e-12 for used in CURVES.values())


def test_results_at_one_position_share_its_clicks() -> None:
    """Two at first place get half of it each."""
    row = SearchRow(1, "x", "US", "news", (Ranking(1, "u", "a.com"), Ranking(1, "v", "b.com")))

    assert of([row], ("news", "US"))["a.com"].expected_clicks == pytest.approx(0.1425)


def test_content_types_are_never_summed() -> None:
    """A news result does not move an organic share."""
    rows = [
        search("a.com", "b.com"),
        search("c.de", content_type="news"),
        search("d.vn", content_type="video"),
    ]

    assert set(of(rows, ("organic", None))) == {"a.com", "b.com"}
    assert of(rows, ("news", None))["c.de"].share_of_voice == 1.0


def test_all_regions_weigh_each_search_the_same() -> None:
    """Three searches in one region weigh three times the one of the other."""
    rows = [search("a.com", keyword=keyword) for keyword in "xyz"] + [search("b.com", region="DE")]

    assert of(rows, ("organic", None))["a.com"].share_of_voice == pytest.approx(0.75)
    assert of(rows, ("organic", "US"))["a.com"].share_of_voice == 1.0


def test_the_band_spans_the_four_curves() -> None:
    """Lowest and highest of the shares each accepted curve gives."""
    found = of([search("a.com", "b.com")])["a.com"]
    shares = [used.ctr(1) / (used.ctr(1) + used.ctr(2)) for used in CURVES.values()]

    assert found.share_low == pytest.approx(min(shares))
    assert found.share_high == pytest.approx(max(shares))
    assert found.share_low != found.share_high


def test_a_domain_that_does_not_rank_has_a_share_of_zero() -> None:
    """Known to be absent, because the search was completed."""
    found = of([search("a.com")], ("organic", "US"), "mine.com")["mine.com"]

    assert (found.share_of_voice, found.share_low, found.keyword_coverage, found.appearances) == (
        0.0,
        0.0,
        0.0,
        0,
    )
    assert (found.best_position, found.average_position) == (None, None)


def test_without_a_completed_search_the_share_is_unknown() -> None:
    """No number stands in for what was not collected."""
    found = of([search("a.com")], ("organic", "DE"), "mine.com")["mine.com"]

    assert (found.share_of_voice, found.share_low, found.share_high) == (None, None, None)
    assert (found.expected_clicks, found.visibility, found.keyword_coverage) == (None, None, None)


def test_rows_come_strongest_first_and_ties_by_name() -> None:
    """The order is the same every time."""
    rows = [
        search("b.com", "a.com", keyword="x"),
        search("a.com", "b.com", keyword="y"),
        search("", "", "c.de"),
    ]

    assert list(of(rows[:2])) == ["a.com", "b.com"]
    assert list(of(rows))[-1] == "c.de"
