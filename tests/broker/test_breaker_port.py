"""What the runtime is promised of the breaker at the gate's port: the same of the real gate and of the fake one."""

import pytest

from shared.broker.gate import Gate
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order, Verdict
from shared.domain.gate import GatePolicy, GateShut
from shared.testing.eventually import eventually
from shared.testing.gate import FakeGate

pytestmark = pytest.mark.anyio

#: Longer than anybody waits in place, short enough to be waited for here.
TIMEOUT_SECONDS, WAIT_SECONDS = 0.5, 0.2
POLICY = GatePolicy(
    5,
    wait_seconds=WAIT_SECONDS,
    beat_seconds=0.04,
    settling_seconds=0.0,
    breaker=BreakerPolicy(3, TIMEOUT_SECONDS, success_threshold=2, probes=2),
)
AnyGate = FakeGate | Gate


@pytest.fixture
def gate_policy() -> GatePolicy:
    return POLICY


async def end(gate: AnyGate, *verdicts: Verdict) -> None:
    """Calls that end like this, one after the other."""
    for verdict in verdicts:
        gate.release(await gate.admit(), verdict)


async def refused(gate: AnyGate) -> GateShut:
    with pytest.raises(GateShut) as caught:
        await gate.admit()
    return caught.value


async def trip(gate: AnyGate) -> None:
    await end(gate, *[Verdict.FAIL] * 3)
    assert (await gate.look()).state is BreakerState.OPEN


async def test_open_it_tells_why_and_how_long(gate: AnyGate) -> None:
    """Those who ask, those who only look, and the dispatcher; calls that say nothing do not open it."""
    await end(gate, Verdict.FAIL, Verdict.FAIL, *[Verdict.IGNORE] * 5)
    assert gate.allowance() is None
    await end(gate, Verdict.FAIL)
    shut = await refused(gate)
    assert shut.reason == "breaker"
    assert WAIT_SECONDS < shut.wait_seconds <= TIMEOUT_SECONDS
    assert gate.allowance() == 0
    with pytest.raises(GateShut) as caught:
        gate.refuse_if_held()
    assert caught.value.reason == "breaker"


async def test_so_many_probes_and_then_all_calls(gate: AnyGate) -> None:
    """A probe counts until its verdict is told, although its slot is free earlier."""
    await trip(gate)
    await eventually(lambda: gate.allowance() == 2)
    gate.refuse_if_held()
    probes = [await gate.admit() for _ in range(2)]
    gate.answered(probes[0])
    assert (await refused(gate)).reason == "breaker"
    gate.release(probes[0], Verdict.OK)
    probes.append(await gate.admit())
    gate.release(probes[1], Verdict.IGNORE)
    gate.release(probes[2], Verdict.OK)
    assert await gate.look() == Breaker(epoch=3, opened_at=gate.breaker.opened_at, trips=1)
    tokens = [await gate.admit() for _ in range(5)]
    assert len(set(tokens)) == 5


async def test_a_probe_that_fails_opens_it_again(gate: AnyGate) -> None:
    """What the other one says afterwards is of a time that is over."""
    await trip(gate)
    await eventually(lambda: gate.allowance() == 2)
    probes = [await gate.admit() for _ in range(2)]
    gate.release(probes[0], Verdict.FAIL)
    assert (await gate.look()).state is BreakerState.OPEN
    gate.release(probes[1], Verdict.OK)
    again = await gate.look()
    assert (again.state, again.trips, again.successes) == (BreakerState.OPEN, 2, 0)
    assert (await refused(gate)).reason == "breaker"


async def test_every_change_is_told_once(gate: AnyGate) -> None:
    """With how it was before; also changes somebody else made."""
    heard: list[tuple[str, str]] = []
    gate.flipped = lambda old, new: heard.append((old.state, new.state))
    await trip(gate)
    await gate.look(gate.breaker.ordered(Order.RESET, 1))
    await end(gate, *[Verdict.OK] * 3)
    assert await eventually(lambda: len(heard) == 2)
    assert heard == [("closed", "open"), ("open", "closed")]


async def test_the_later_word_counts(gate: AnyGate) -> None:
    """What is told with a lower epoch changes nothing."""
    await trip(gate)
    known = gate.breaker
    assert await gate.look(Breaker(epoch=known.epoch - 1)) == known
    held = known.ordered(Order.OPEN, known.opened_at)
    gate.tell(held)
    assert await gate.look() == held
    assert (await refused(gate)).wait_seconds == 60.0


async def test_a_token_given_back_twice_counts_once(gate: AnyGate) -> None:
    """Nor does one that was never given."""
    token = await gate.admit()
    for _ in range(5):
        gate.release(token, Verdict.FAIL)
        gate.release("never given", Verdict.FAIL)
    assert (await gate.look()).failures == 1


async def test_who_bypasses_it_starts_whatever_it_says(gate: AnyGate) -> None:
    """Open and while it is tried out, within the limits as ever; those that heed it are told why they wait."""
    await trip(gate)
    gate.refuse_if_held(bypass=True)
    bypassing = [await gate.admit(bypass=True) for _ in range(4)]
    assert (await refused(gate)).reason == "breaker"
    opened = gate.breaker
    for token in bypassing:
        gate.release(token, Verdict.IGNORE)
    assert (await gate.look()).epoch == opened.epoch
    await eventually(lambda: gate.allowance() == 2)
    kept = [await gate.admit(bypass=True) for _ in range(2)]
    probes = [await gate.admit() for _ in range(2)]
    assert len({*kept, *probes}) == 4, "they take no probe's place"
    assert (await refused(gate)).reason == "breaker"


async def test_a_hold_stops_those_too_that_bypass_the_breaker(gate: AnyGate) -> None:
    """It is the provider's own word."""
    gate.hold(60.0, "account")
    with pytest.raises(GateShut) as caught:
        await gate.admit(bypass=True)
    assert caught.value.reason == "account"
    with pytest.raises(GateShut):
        gate.refuse_if_held(bypass=True)
