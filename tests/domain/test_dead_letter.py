"""What two errors of one cause have in common, and which edited inputs could be worked on."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.category import ErrorCategory
from shared.domain.dead_letter import CRASH, check_input, fingerprint, fold, is_replayable

#: Texts in which only the holes differ belong to one cause, two different ones do not.
CAUSES = (
    "scale_serp answered {number}: upstream timed out after {number} s, on attempt {number}, the last",
    "cannot connect to {url}, on attempt {number}, the last",
    "the answer has no result for {quoted}",
    "request {identity} was refused by {url}",
    "record {hexadecimal} of {quoted} is locked",
    "httpx.ReadTimeout: no answer from {host}",
    "httpx.ConnectTimeout: no answer from {host}",
)
_text = st.text(string.ascii_letters + " äß", max_size=20)
HOLES = {
    "number": st.integers(0, 10**9).map(str) | st.floats(0, 1e6).map(lambda x: f"{x:.2f}"),
    "url": st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12).map(
        lambda x: f"https://{x}.example.com/{x}?q={x}&page=1"
    ),
    "quoted": st.tuples(st.sampled_from("'\"`"), _text).map(lambda x: f"{x[0]}{x[1]}{x[0]}"),
    "identity": st.uuids().map(str),
    "hexadecimal": st.integers(0, 2**64).map(lambda x: f"0x{x:x}"),
    "host": st.text(string.ascii_lowercase, min_size=1, max_size=12).map(lambda x: f"{x}.example.com"),
}


def filled(cause: str) -> st.SearchStrategy[str]:
    """The text with anything in its holes."""
    return st.fixed_dictionaries(HOLES).map(lambda holes: cause.format(**holes))


@given(st.data(), st.sampled_from(CAUSES))
def test_errors_of_one_cause_share_a_fingerprint(data: st.DataObject, cause: str) -> None:
    """Numbers, addresses, ids and quoted parts do not count, nor do case and blanks."""
    first, second = data.draw(filled(cause)), data.draw(filled(cause))

    assert fingerprint("recoverable", first) == fingerprint("recoverable", second)
    assert fingerprint("recoverable", first.replace(" ", "  ")) == fingerprint("recoverable", second)


@given(st.data(), st.lists(st.sampled_from(CAUSES), min_size=2, max_size=2, unique=True))
def test_errors_of_two_causes_do_not(data: st.DataObject, causes: list[str]) -> None:
    """What is left of the texts tells them apart."""
    first, second = (data.draw(filled(cause)) for cause in causes)

    assert fingerprint("recoverable", first) != fingerprint("recoverable", second)


@given(st.text(max_size=400))
def test_any_text_has_a_fingerprint(error: str) -> None:
    """Providers' words may be anything; folding leaves no digit that could differ."""
    assert len(fingerprint("recoverable", error)) == 16
    assert not set(fold(error)) & set(string.digits)


def test_a_category_is_part_of_the_cause_and_crashes_are_one() -> None:
    """The same words mean something else under another category; of a crash there are no words."""
    assert fingerprint("recoverable", "busy") != fingerprint("degraded", "busy")
    assert fingerprint(CRASH, "its worker died (time 5)") == fingerprint(CRASH, "anything") == CRASH


def test_what_was_refused_or_is_our_own_defect_is_no_dead_letter() -> None:
    """Trying it again without a change would give the same."""
    assert {c.value for c in ErrorCategory if is_replayable(c)} == {"recoverable", "degraded"}
    assert [is_replayable(category) for category in (CRASH, "bug", None)] == [True, False, False]


@pytest.mark.parametrize(
    ("after", "wrong"),
    [
        ({"q": "b", "page": 2, "region": "US"}, []),
        ({"q": "b", "page": 2, "region": None}, ["region"]),
        ({"q": "b", "page": 2}, ["region"]),
        ({"q": 7, "page": True, "region": "US"}, ["q", "page"]),
        ({"q": "b", "page": 2, "region": "US", "extra": 1}, ["extra"]),
        ({}, ["q", "page", "region"]),
    ],
)
def test_an_edited_input_keeps_its_fields_and_their_kinds(after: dict[str, object], wrong: list[str]) -> None:
    """A provider relies on them; what it has never seen would be a defect."""
    problems = check_input({"q": "a", "page": 1, "region": "GB"}, after)

    assert [name for name, _ in problems] == wrong
    assert all(detail for _, detail in problems)
