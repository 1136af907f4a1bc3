"""When a checkpoint is due, and what it may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.checkpoint import Counted, Due, Last, check_name, due
from shared.domain.phases import (
    CONTENT_ANALYSIS,
    CONTENT_SCRAPING,
    DSI_CALCULATION,
    SERP_COLLECTION,
    VIDEO_ENRICHMENT,
)
from shared.errors import InputError


def test_every_so_many_completed_items_one_is_due() -> None:
    """Of all phases together, once per step, however far a round has come; closing phases do not count."""
    counted = {
        SERP_COLLECTION: Counted(150, 10, 150),
        VIDEO_ENRICHMENT: Counted(90, 5, 91),
        DSI_CALCULATION: Counted(100, 1, 100),
    }
    assert due(counted, Last(), 100) == [Due("items@240", "interval")]
    assert due(counted, Last(199), 100) == [Due("items@240", "interval")]
    assert due(counted, Last(200), 100) == []


def test_the_end_of_a_phase_is_one() -> None:
    """When nothing of it is open and nothing can be found any more."""
    open_search = {SERP_COLLECTION: Counted(9, 1, 9), VIDEO_ENRICHMENT: Counted(5, 0, 5)}
    assert due(open_search, Last(), 100) == []
    ended = {SERP_COLLECTION: Counted(9, 0, 10), VIDEO_ENRICHMENT: Counted(5, 0, 5)}
    names = [
        Due("serp_collection@9", "phase", SERP_COLLECTION),
        Due("video_enrichment@5", "phase", VIDEO_ENRICHMENT),
    ]
    assert due(ended, Last(), 100) == names
    assert due(ended, Last(0, {SERP_COLLECTION: 9}), 100) == names[1:]


def test_a_phase_two_steps_down_waits_for_the_first() -> None:
    """Searches find pages, pages find texts."""
    counted = {
        SERP_COLLECTION: Counted(9, 1, 9),
        CONTENT_SCRAPING: Counted(5, 0, 5),
        CONTENT_ANALYSIS: Counted(5, 0, 5),
    }
    assert due(counted, Last(), 100) == []


def test_a_phase_that_ends_again_has_another_one() -> None:
    """After a resume it has completed more."""
    counted = {SERP_COLLECTION: Counted(10, 0, 10)}
    (again,) = due(counted, Last(0, {SERP_COLLECTION: 9}), 100)
    assert again == Due("serp_collection@10", "phase", SERP_COLLECTION)


def test_a_phase_without_items_and_a_closing_one_have_no_end() -> None:
    """There is nothing to go back to."""
    counted = {SERP_COLLECTION: Counted(0, 0, 0), DSI_CALCULATION: Counted(3, 0, 3)}
    assert due(counted, Last(), 1) == []


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 40))
def test_no_more_than_an_interval_is_ever_between_two_rounds_without_one(
    steps: list[int], interval: int
) -> None:
    """Whatever a round completes, afterwards the last checkpoint is less than an interval behind."""
    completed, last = 0, Last()
    for step in steps:
        completed += step
        for checkpoint in due({SERP_COLLECTION: Counted(completed, 1, completed)}, last, interval):
            assert checkpoint.name == f"items@{completed}"
            last = Last(completed)
        assert completed - last.completed < interval


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "-x", "x" * 101, "a/b", "a\n"])
def test_a_name_stands_in_paths(name: str) -> None:
    """What does not is refused, with the field."""
    with pytest.raises(InputError) as refused:
        check_name(name)
    assert refused.value.problems[0].pointer == "/name"


@pytest.mark.parametrize("name", ["before-the-sale", "items@100", "2026.11.25", "x" * 100])
def test_good_names_are_taken(name: str) -> None:
    """Those that are written by themselves among them."""
    check_name(name)
