"""What moved between two pipelines: the effects sum to the change to the last bit, and each is what it says."""

import pytest
from hypothesis import given

from shared.domain.changes import movers
from shared.domain.curves import curve
from shared.domain.report_insights import Mover
from shared.domain.report_rows import ReportRows
from tests.domain.surveyed import ROWS, config, rows, search, volumes

OURS = config()


def of(found: tuple[Mover, ...], company: str, region: str | None = None) -> Mover:
    """One company's web results."""
    (one,) = [m for m in found if (m.company, m.region, m.content_type) == (company, region, "organic")]
    return one


@given(ROWS, ROWS)
def test_effects_sum_to_the_change_exactly(now: ReportRows, before: ReportRows) -> None:
    """Whatever the two are; shares of a grain that binary numbers hold make it exact."""
    try:
        found = movers(now, OURS, before, config(curve="backlinko"))
    except ValueError:
        assert not {s.search for s in now.searches} & {s.search for s in before.searches}
        return
    for one in found:
        effects = one.rank_effect + one.volume_effect + one.keyword_effect + one.method_effect
        assert effects == one.change == one.now - one.before


def test_other_places_are_a_rank_effect() -> None:
    """Acme and the blog changed places, nothing else did."""
    before, now = rows(search("blog.org", "acme.com")), rows(search("acme.com", "blog.org"))
    acme = of(movers(now, OURS, before, OURS), "acme.com")

    assert acme.change == pytest.approx((0.285 - 0.157) / 0.442)
    assert (acme.rank_effect, acme.volume_effect, acme.keyword_effect, acme.method_effect) == (
        acme.change,
        0,
        0,
        0,
    )
    assert (acme.rank_before, acme.rank_now) == (2, 1)


def test_other_volumes_are_a_volume_effect() -> None:
    """The keyword Acme leads is searched more often."""
    found = [search("acme.com"), search("blog.org", keyword="y")]
    before, now = rows(*found, volumes=volumes(x=100, y=100)), rows(*found, volumes=volumes(x=300, y=100))
    acme = of(movers(now, OURS, before, OURS), "acme.com")

    assert acme.change == pytest.approx(0.25)
    assert acme.volume_effect == acme.change


def test_a_new_keyword_is_no_move_of_the_market() -> None:
    """It is the keyword set that changed."""
    before = rows(search("acme.com"))
    now = rows(search("acme.com"), search("blog.org", keyword="y"))
    acme = of(movers(now, OURS, before, OURS), "acme.com")

    assert acme.now == pytest.approx(0.5)
    assert (acme.before, acme.keyword_effect) == (1.0, acme.change)


def test_another_curve_is_a_method_effect() -> None:
    """The same results by another curve, or by one of the reader's own."""
    same = rows(search("acme.com", "blog.org"))
    by_config = of(movers(same, config(curve="firstpagesage-2025"), same, OURS), "acme.com")
    by_reader = of(movers(same, OURS, same, OURS, curve("firstpagesage-2025")), "acme.com")

    for acme in (by_config, by_reader):
        assert acme.change > 0
        assert acme.method_effect == acme.change


def test_two_pipelines_without_a_common_search_cannot_be_compared() -> None:
    """Everything would be an effect of the keywords."""
    with pytest.raises(ValueError, match="no search in common"):
        movers(rows(search("acme.com")), OURS, rows(search("acme.com", keyword="y")), OURS)
