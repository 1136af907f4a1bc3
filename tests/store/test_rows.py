"""Rows as JSON: what comes out is what went in, but for what Postgres cannot hold."""

import re
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.store.rows import rows

#: Characters whose escapes look like one another, and everything else.
TEXT = st.text(st.sampled_from('\0\\u0"/\ud800\udc00\U0001f600') | st.characters())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Row(msgspec.Struct):
    """A struct, as batches hold them."""

    value: Any


def storable(value: Any) -> Any:
    """The same without NUL, and with U+FFFD for halves of surrogate pairs."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value.replace("\0", ""))
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    return value


@given(st.lists(VALUES, max_size=4))
def test_rows_are_what_they_were_but_for_what_cannot_be_stored(values: list[Any]) -> None:
    """Text that merely looks like an escaped NUL is left alone."""
    assert msgspec.json.decode(rows(Row(value) for value in values)) == [
        {"value": storable(v)} for v in values
    ]


def test_a_backslash_before_a_nul_stays_a_backslash() -> None:
    """The cases the expression must tell apart, written out."""
    for text in ("\0", "\\\0", "\\\\\0", "\\u0000", "\\\\u0000", "\0\0\\u0000\0"):
        assert msgspec.json.decode(rows([text])) == [text.replace("\0", "")]
