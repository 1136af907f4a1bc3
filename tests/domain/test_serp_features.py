"""SERP features: what they do to clicks, how often they are there, and whom they lead to."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.curves import CURVES, DEEPEST, curve
from shared.domain.report_rows import SearchRow, VolumeRow
from shared.domain.results import Ranking
from shared.domain.serp_features import LAYOUTS, PLAIN, corrected, layout, names
from tests.domain.surveyed import config, report, row, rows, search

SISTRIX = curve("sistrix-2020")


def beside(of: SearchRow, **owners: tuple[str, ...]) -> SearchRow:
    """The search with these blocks on its page, and to whom they lead."""
    return msgspec.structs.replace(of, blocks=tuple(sorted(owners)), owners=owners)


@given(st.sampled_from(list(CURVES.values())), st.sampled_from(LAYOUTS))
def test_no_page_hands_out_more_than_all_its_clicks(used: object, page: int) -> None:
    """Whatever stands on it, under every curve."""
    assert isinstance(used, type(SISTRIX))
    shares = [corrected(used, page).ctr(position) for position in range(1, DEEPEST + 1)]

    assert math.fsum(shares) <= 1 + 1e-12
    assert min(shares) >= 0


def test_first_place_by_what_stands_around_it() -> None:
    """28.5 % on average; 34.2 alone, 46.9 with sitelinks, 18.8 below ads, 13.7 where shopping is, too."""
    first = {
        name: corrected(SISTRIX, layout(features, first_has_sitelinks=links)).ctr(1)
        for name, features, links in (
            ("alone", (), False),
            ("sitelinks", ("sitelinks",), True),
            ("ads", ("ads", "sitelinks"), True),
            ("shopping", ("ads", "shopping"), False),
            ("images", ("images",), False),
        )
    }

    assert first["alone"] == pytest.approx(0.342)
    assert first["ads"] == pytest.approx(0.188)
    assert first["shopping"] == pytest.approx(0.137)
    assert first["images"] == 0.285
    # 46.9 would make the page 111.4 % with the rest of the curve: all places give way alike.
    assert first["sitelinks"] == pytest.approx(0.469 / (0.469 + 0.595 + 0.05))


def test_an_ai_overview_takes_from_every_place() -> None:
    """58 % at first place, 46.4 % at third, 19.4 % from tenth on."""
    under = corrected(SISTRIX, layout(("ai_overview", "images"), first_has_sitelinks=False))

    assert under.ctr(1) == pytest.approx(0.285 * 0.42)
    assert under.ctr(3) == pytest.approx(0.110 * 0.536)
    assert under.ctr(10) == pytest.approx(0.025 * 0.806)
    assert under.ctr(20) == pytest.approx(0.005 * 0.806)


def test_only_searches_whose_page_is_known_are_corrected() -> None:
    """And only of the web, and only where it is asked for."""
    plain = search("acme.com", "blog.org")
    cases = {
        "not asked": (beside(plain, ads=()), config(), 0.285),
        "not recorded": (plain, config(corrections=True), 0.285),
        "ads": (beside(plain, ads=()), config(corrections=True), 0.188),
    }
    for name, (given_search, asked, first) in cases.items():
        assert row(report(rows(given_search), asked), "acme.com").expected_clicks == pytest.approx(first), (
            name
        )
    news = beside(search("acme.com", content_type="news"), ads=())
    made = report(rows(news), config(corrections=True))
    assert row(made, "acme.com", content_type="news").expected_clicks == pytest.approx(0.285)


def test_ownership_is_by_volume() -> None:
    """The answer leads to Rival for 900 of 1,000 searches a month; ads are on one page of two."""
    made = report(
        rows(
            beside(search("acme.com"), answer_box=("rival.de",), ads=()),
            beside(search("acme.com", keyword="y"), answer_box=("acme.com",)),
            volumes=[VolumeRow("x", "US", 900), VolumeRow("y", "US", 100)],
        )
    )
    found = {(f.region, f.feature): f for f in made.features}
    owners = {(o.region, o.feature, o.company): o for o in made.feature_owners}

    assert (found[None, "featured_snippet"].presence, found[None, "ads"].presence) == (1.0, 0.5)
    assert found[None, "ads"].weighted_presence == 0.9
    assert found[None, "featured_snippet"].client_share == 0.1
    assert owners["US", "featured_snippet", "rival.co.uk"].ownership == 0.9
    assert found["US", "ads"].client_share == 0.0


def test_what_was_recorded_before_owners_were_read_stays_readable() -> None:
    """Presence is known, ownership is not."""
    old = SearchRow(1, "x", "US", "organic", (Ranking(1, "https://a.com", "a.com"),), ("ads",))
    (ads,) = [f for f in report(rows(old)).features if f.feature == "ads" and f.region is None]

    assert (ads.present, ads.client_share) == (1, None)
    assert report(rows(search("a.com"))).features == ()


def test_blocks_have_one_name_each() -> None:
    """As the report calls them; what is no feature is left out."""
    assert names(("answer_box", "related_searches")) == {"featured_snippet"}
    assert corrected(SISTRIX, PLAIN) is SISTRIX
