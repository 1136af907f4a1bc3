"""A click curve of the user's own: read from a file, refused where it is none, and used by the report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.curve_file import read_curve, written
from shared.domain.curves import CURVES, OwnCurve, chosen
from shared.errors import InputError
from tests.domain.surveyed import config, report, row, rows, search

MINE = [0.4, 0.2, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01, 0.01, 0.01]


def lines(shares: list[float], unit: str = "share") -> str:
    """The file."""
    return "\n".join([f"position,{unit}", *(f"{n},{share}" for n, share in enumerate(shares, 1))])


def test_shares_and_percent_are_the_same_curve() -> None:
    """Told apart by the header, never guessed."""
    percent = read_curve(lines([100 * share for share in MINE], "percent"), "mine")

    assert percent.shares == pytest.approx(tuple(MINE))
    assert read_curve("\ufeff" + lines(MINE), "mine").shares == tuple(MINE)


def test_it_changes_the_figures_as_computed_by_hand() -> None:
    """Acme at 1 and the blog at 2: 0.4 against 0.2 is two thirds."""
    made = report(rows(search("acme.com", "blog.org")), config(curve=read_curve(lines(MINE), "mine", "7")))

    assert row(made, "acme.com").share_of_voice == pytest.approx(2 / 3)
    assert (made.method.curve.id, made.method.curve.version) == ("mine", "7")
    assert row(made, "acme.com").share_high == pytest.approx(0.398 / (0.398 + 0.187))


@given(st.lists(st.floats(0, 0.05), min_size=10, max_size=20).filter(lambda shares: sum(shares) > 0))
def test_what_is_written_is_read_back(shares: list[float]) -> None:
    """To the last bit."""
    own = OwnCurve("mine", tuple(shares))

    assert read_curve(written(own), "mine") == own


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("", "/1"),
        ("rank,ctr\n1,0.3", "/1"),
        (lines(MINE[:9]), ""),
        (lines([*MINE, *[0.0] * 11]), ""),
        (lines(["much", *MINE[1:]]), "/2"),  # type: ignore[list-item]  # a file may say anything
        (lines(MINE).replace("3,0.1", "4,0.1"), "/4"),
        (lines([0.5, 0.6, *MINE[2:]]), ""),
        (lines([-0.1, *MINE[1:]]), ""),
        (lines([float("nan"), *MINE[1:]]), ""),
        (lines([0.0] * 10), ""),
        ("position,share\n" + "1,0.1\n" * 5_000, ""),
    ],
)
def test_a_file_that_is_no_curve_says_where(text: str, pointer: str) -> None:
    """A line each, or what the whole lacks."""
    with pytest.raises(InputError) as caught:
        read_curve(text, "mine")
    assert caught.value.problems[0].pointer == pointer


def test_a_built_in_name_is_taken() -> None:
    """Two curves of one name could not be told apart in a report."""
    with pytest.raises(ValueError, match="built-in"):
        chosen(OwnCurve(next(iter(CURVES)), tuple(MINE)))
