"""Try-outs: few keywords, evenly over their groups."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.pipeline import freeze
from shared.domain.start import Keyword, Landscape, StartRequest
from shared.domain.tryout import KEYWORDS, text, try_out

WORDS = st.lists(
    st.tuples(st.text("abcABC ß", min_size=1, max_size=4).filter(str.strip), st.sampled_from(["x", "y", "z", None])),
    min_size=1,
    max_size=40,
)  # fmt: skip


@given(WORDS)
def test_a_try_out_is_a_part_that_can_be_started(words: list[tuple[str, str | None]]) -> None:
    """No more than ten, each search once, in the order given, and no group has two more than another that had more."""
    given_ = tuple(Keyword(word, group) for word, group in words)
    request = StartRequest(given_, ("US",), landscapes=(Landscape("all", tuple(word for word, _ in words)),))
    whole, tried = freeze(request).config, freeze(try_out(request)).config
    assert len(tried.keywords) == min(KEYWORDS, len(whole.keywords))
    chosen = {keyword.keyword for keyword in tried.keywords}
    assert [k.keyword for k in tried.keywords] == [k.keyword for k in whole.keywords if k.keyword in chosen]
    counts = {
        group: sum(k.group == group for k in tried.keywords) for group in {k.group for k in whole.keywords}
    }
    had = {group: sum(k.group == group for k in whole.keywords) for group in counts}
    assert all(
        counts[one] == had[one] or counts[one] + 1 >= counts[other] for one in counts for other in counts
    )
    assert tried.landscapes[0].keywords


def test_landscapes_without_a_keyword_left_are_left_out() -> None:
    """The others keep what is left of them; everything else is as it was."""
    words = tuple(f"word {n}" for n in range(12))
    landscapes = (Landscape("first", ("Word 1", "word 11")), Landscape("last", ("word 11",)))
    request = StartRequest(words, ("US", "DE"), landscapes=landscapes, device="mobile")
    tried = try_out(request)
    assert [text(word) for word in tried.keywords] == list(words[:10])
    assert [(one.name, one.keywords) for one in tried.landscapes] == [("first", ("Word 1",))]
    assert msgspec.structs.replace(tried, keywords=words, landscapes=landscapes) == request
