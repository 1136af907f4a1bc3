"""Finding out who spoilt a call: everybody else is served, and a request that is wrong as a whole is soon given up."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.blame import Blame, Patience, blame, held_up
from shared.domain.gate import GateShut
from shared.domain.item import Item
from shared.errors import StatusError


def _items(number: int) -> list[Item]:
    return [Item(n, f"key {n}", {}) for n in range(number)]


def _refusal(*culprits: str) -> StatusError:
    error = StatusError("refused", status=400)
    error.culprits = frozenset(culprits)
    return error


def _search(items: list[Item], bad: set[int]) -> tuple[set[int], int]:
    """(ids that were refused, calls made) when a call fails as long as it holds one of `bad`."""
    patience, refused, calls, queue = Patience.of(len(items)), set[int](), 0, [list(items)]
    while queue:
        part = queue.pop()
        calls += 1
        if not bad & {item.item_id for item in part}:
            continue
        found = blame(part, _refusal(), patience)
        refused |= {item.item_id for item in found.refused}
        queue += [list(again) for again in found.again]
    return refused, calls


@given(st.integers(1, 600), st.data())
def test_one_culprit_is_found_and_nobody_else_is_refused(number: int, data: st.DataObject) -> None:
    """By halves, in a number of calls that grows with the logarithm only."""
    culprit = data.draw(st.integers(0, number - 1))

    refused, calls = _search(_items(number), {culprit})

    assert refused == {culprit}
    assert calls <= 1 + 2 * number.bit_length()


@given(st.integers(1, 600), st.data())
def test_however_many_there_are_all_are_refused_in_few_calls(number: int, data: st.DataObject) -> None:
    """Innocent ones may be refused with them: a wrong request must not be tried item by item."""
    bad = data.draw(st.sets(st.integers(0, number - 1)))

    refused, calls = _search(_items(number), bad)

    assert bad <= refused
    assert calls <= 1 + Patience.of(number).left


def test_culprits_the_provider_names_are_not_searched_for() -> None:
    """They are refused at once, the others asked for again in one call."""
    items = _items(5)

    found = blame(items, _refusal("key 1", "key 3"), Patience.of(5))

    assert found == Blame([items[1], items[3]], [[items[0], items[2], items[4]]])


def test_a_word_about_everybody_or_about_nobody_here_is_no_help() -> None:
    """Then halves are tried."""
    items = _items(4)

    for error in (_refusal(*(item.key for item in items)), _refusal("somebody else")):
        assert blame(items, error, Patience.of(4)).again == [items[:2], items[2:]]


def test_a_lone_item_is_its_own_culprit() -> None:
    """There is nothing to divide."""
    (item,) = _items(1)

    assert blame([item], _refusal(item.key), Patience.of(1)) == Blame([item])


def test_whom_the_gate_names_waits_and_the_others_go_on() -> None:
    """Where it names nobody, or all, all wait."""
    items = _items(3)

    named = held_up(items, GateShut("in_doubt", 1.0, ["key 1"]), Patience.of(3))

    assert named == Blame([items[1]], [[items[0], items[2]]])
    for subjects in ((), [item.key for item in items]):
        assert held_up(items, GateShut("in_doubt", 1.0, subjects), Patience.of(3)) == Blame(items)


def test_whom_a_second_call_holds_up_is_found_by_halves() -> None:
    """Its subjects are no items' keys; that comes to an end, too."""
    items = _items(8)
    waiting: list[Item] = []
    parts, patience = [items], Patience.of(8)
    while parts:
        part = parts.pop()
        if items[5] in part:
            found = held_up(part, GateShut("in_doubt", 1.0, ["channel"]), patience)
            waiting += found.refused
            parts += [list(again) for again in found.again]

    assert waiting == [items[5]]
    assert held_up(items, GateShut("in_doubt", 1.0, ["channel"]), Patience(1)) == Blame(items)
