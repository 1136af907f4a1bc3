"""A landscape small enough to be computed by hand: the report has the same figures to nine places."""

import pytest

from shared.domain.report_rows import ReportRows, VolumeRow
from tests.domain.surveyed import PERSONAS, analysis, config, report, row, rows, search

EXACT = 1e-9
#: Sistrix: 28.5 % at 1, 15.7 % at 2, 11 % at 3. Volumes: x 1000 in US and 500 in DE, y 200 in US and unknown in DE.
#: US: Acme 285, Rival 157 + 57 = 214, the blog 110 + 31.4 = 141.4, together 640.4.
#: DE: the blog 142.5, Acme 78.5, together 221. Both: Acme 363.5, Rival 214, the blog 283.9, together 861.4.
LANDSCAPE: ReportRows = rows(
    search("acme.com/a", "rival.co.uk", "blog.org"),
    search("rival.de", "blog.org", keyword="y"),
    search("blog.org", "acme.com/b", region="DE"),
    volumes=[
        VolumeRow("x", "US", 1000, price=2_000_000),
        VolumeRow("y", "US", 200),
        VolumeRow("x", "DE", 500),
    ],
    analyses=[analysis("acme.com/a", 8.0), analysis("acme.com/b", 8.0), analysis("blog.org/", 5.0, None)],
)


def test_share_of_voice_and_its_neighbours() -> None:
    """363.5 of 861.4; among peers 363.5 of 577.5; of 1,700 searches made 363.5 are caught."""
    acme = row(report(LANDSCAPE), "acme.com")

    assert acme.share_of_voice == pytest.approx(0.4219874622707221, abs=EXACT)
    assert acme.expected_clicks == pytest.approx(363.5, abs=EXACT)
    assert acme.peer_share == pytest.approx(363.5 / 577.5, abs=EXACT)
    assert acme.capture_rate == pytest.approx(363.5 / 1700, abs=EXACT)
    assert acme.visibility_index == pytest.approx(0.3635, abs=EXACT)
    assert acme.weighted_visibility == pytest.approx((1000 * 0.285 + 500 * 0.157) / (1700 * 0.285), abs=EXACT)
    assert acme.traffic_value == pytest.approx(285 * 2.0, abs=EXACT)


def test_each_region_by_its_own_volumes() -> None:
    """A keyword counts in a region what it is searched there, not what it is searched elsewhere."""
    made = report(LANDSCAPE)

    assert row(made, "acme.com", "US").share_of_voice == pytest.approx(285 / 640.4, abs=EXACT)
    assert row(made, "acme.com", "DE").share_of_voice == pytest.approx(78.5 / 221, abs=EXACT)
    assert row(made, "rival.co.uk", "DE").share_of_voice == 0.0


def test_strength_with_its_three_factors() -> None:
    """100 x (2/3 x 0.42198… x 0.8)^(1/3); unknown for Rival, of whom no page was analysed."""
    made = report(LANDSCAPE, config(personas=PERSONAS))
    acme = row(made, "acme.com")

    assert acme.keyword_coverage == pytest.approx(2 / 3, abs=EXACT)
    assert acme.relevance == pytest.approx(0.8, abs=EXACT)
    assert acme.dsi == pytest.approx(60.82742406417988, abs=EXACT)
    assert acme.dsi_legacy == pytest.approx(100 * 2 / 3 * 42.19874622707221 * 0.8, abs=1e-6)
    assert (row(made, "rival.co.uk").relevance, row(made, "rival.co.uk").dsi) == (None, None)


def test_positions() -> None:
    """First once, second once, absent once; 20 positions were looked at."""
    acme = row(report(LANDSCAPE), "acme.com")

    assert (acme.at_1, acme.at_2_3, acme.at_4_10, acme.at_11_20, acme.beyond_20) == (1, 1, 0, 0, 0)
    assert acme.coverage_3 == acme.coverage_10 == pytest.approx(2 / 3, abs=EXACT)
    assert acme.average_position == 1.5
    assert acme.average_position_all == pytest.approx((1 + 2 + 20) / 3)


def test_the_market_as_a_whole() -> None:
    """Who leads, by how much, and how concentrated it is."""
    (whole,) = [
        m
        for m in report(LANDSCAPE).markets
        if (m.landscape, m.region, m.content_type) == (None, None, "organic")
    ]

    shares = [363.5 / 861.4, 214 / 861.4, 283.9 / 861.4]
    assert (whole.leader, whole.companies, whole.monthly_searches) == ("acme.com", 3, 1700)
    assert whole.leader_gap == pytest.approx((363.5 - 283.9) / 861.4, abs=EXACT)
    assert whole.concentration == pytest.approx(sum(share * share for share in shares), abs=EXACT)
    assert whole.capture_rate == pytest.approx(861.4 / 1700, abs=EXACT)
    assert whole.traffic_value == pytest.approx(2.0 * (285 + 157 + 110), abs=EXACT)


def test_a_persona_has_its_share() -> None:
    """Pages of Acme and of the blog speak to it: 363.5 and 283.9 clicks."""
    made = report(LANDSCAPE, config(personas=()))
    (acme, blog) = [share for share in made.theme_shares if (share.axis, share.theme) == ("persona", "0")]

    assert (acme.company, acme.pages, blog.company, blog.pages) == ("acme.com", 2, "blog.org", 1)
    assert acme.share == pytest.approx(363.5 / 647.4, abs=EXACT)
    assert blog.share == pytest.approx(283.9 / 647.4, abs=EXACT)
    assert acme.mix == 1.0


def test_a_split_load_is_the_same_load() -> None:
    """Searches in two halves, one of them twice, come to the same figures."""
    halves = rows(
        *LANDSCAPE.searches[1:],
        *LANDSCAPE.searches,
        volumes=list(reversed(LANDSCAPE.volumes)),
        analyses=list(reversed(LANDSCAPE.analyses)),
    )

    assert report(halves) == report(LANDSCAPE)
