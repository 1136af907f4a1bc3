"""What the runtime is promised at the gate's port: the same of the real gate and of the fake one."""

import asyncio
import random

import pytest

from shared.domain.gate import GatePolicy, GateShut
from shared.runtime.exchange import Admission
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

LIMIT = 3
#: Who would wait longer than this is refused at once, and after twice this in any case. Seconds.
WAIT_SECONDS = 0.3
POLICY = GatePolicy(LIMIT, wait_seconds=WAIT_SECONDS, beat_seconds=0.05, settling_seconds=0.0)
#: Twice the wait, and what a busy machine adds.
ANSWER_SECONDS = 2 * WAIT_SECONDS + 2.0


@pytest.fixture
def gate_policy() -> GatePolicy:
    return POLICY


async def fill(gate: Admission) -> list[str]:
    return [await gate.admit() for _ in range(LIMIT)]


async def test_so_many_calls_are_in_flight_at_once(gate: Admission) -> None:
    """Everybody gets a turn, no two have the same token, and never are there more than the limit."""
    now, most, tokens = 0, 0, set()

    async def call() -> None:
        nonlocal now, most
        token = await gate.admit()
        tokens.add(token)
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1
        gate.release(token)

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(call())
    assert (len(tokens), most, now) == (20, LIMIT, 0)


async def test_a_call_that_ends_lets_the_next_one_start(gate: Admission) -> None:
    """And not before it has ended."""
    tokens = await fill(gate)
    next_one = asyncio.ensure_future(gate.admit())
    done, _ = await asyncio.wait([next_one], timeout=0.1)
    assert not done
    gate.release(tokens[1])
    assert await asyncio.wait_for(next_one, WAIT_SECONDS) not in tokens


async def test_who_waits_too_long_is_told(gate: Admission) -> None:
    """In about twice the time allowed in place, with the reason and a time to wait."""
    await fill(gate)
    with pytest.raises(GateShut) as caught:
        await asyncio.wait_for(gate.admit(), ANSWER_SECONDS)
    assert (caught.value.reason, caught.value.wait_seconds) == ("concurrency", WAIT_SECONDS)


async def test_a_short_hold_is_waited_for(gate: Admission) -> None:
    """Nobody starts while it lasts, then everybody does."""
    loop = asyncio.get_running_loop()
    gate.hold(WAIT_SECONDS * 0.8)
    began = loop.time()
    await asyncio.wait_for(gate.admit(), ANSWER_SECONDS)
    assert loop.time() - began >= WAIT_SECONDS * 0.7


async def test_a_long_hold_refuses_at_once_and_says_how_long(gate: Admission) -> None:
    """Those that wait already, too; a shorter hold does not shorten it."""
    await fill(gate)
    waits = asyncio.ensure_future(gate.admit())
    await asyncio.sleep(0)
    gate.hold(60.0)
    for admission in (waits, asyncio.ensure_future(gate.admit())):
        gate.hold(1.0)
        with pytest.raises(GateShut) as caught:
            await asyncio.wait_for(admission, ANSWER_SECONDS)
        assert caught.value.reason == "rate"
        assert 55 < caught.value.wait_seconds <= 60


async def test_a_known_hold_is_told_without_waiting(gate: Admission) -> None:
    """With its own reason; one that is worth waiting for, or none, refuses nobody."""
    gate.refuse_if_held()
    gate.hold(WAIT_SECONDS * 0.5, "rate")
    gate.refuse_if_held()
    gate.hold(60.0, "account")
    with pytest.raises(GateShut) as caught:
        gate.refuse_if_held()
    assert caught.value.reason == "account"
    assert 55 < caught.value.wait_seconds <= 60
    with pytest.raises(GateShut) as caught:
        await asyncio.wait_for(gate.admit(), ANSWER_SECONDS)
    assert caught.value.reason == "account"


async def test_releasing_what_is_not_held_does_nothing(gate: Admission) -> None:
    """A token given back twice, or never given, frees no slot of another."""
    tokens = await fill(gate)
    gate.release(tokens[0])
    gate.release(tokens[0])
    gate.release("never given")
    assert await asyncio.wait_for(gate.admit(), WAIT_SECONDS)
    with pytest.raises(GateShut):
        await asyncio.wait_for(gate.admit(), ANSWER_SECONDS)


async def test_cancelled_waits_neither_take_nor_lose_a_slot(gate: Admission) -> None:
    """However many waits are cut short, before, at and after admission, all slots are free in the end."""
    chance = random.Random(1)
    held: set[str] = set()

    async def call() -> None:
        token = await gate.admit()
        held.add(token)
        try:
            assert len(held) <= LIMIT
            await asyncio.sleep(chance.random() * 0.002)
        finally:
            held.discard(token)
            gate.release(token)

    for _ in range(30):
        calls = [asyncio.ensure_future(call()) for _ in range(10)]
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        await asyncio.sleep(chance.random() * 0.003)
        for one in chance.sample(calls, 6):
            one.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        errors = [
            r for r in results if r is not None and not isinstance(r, asyncio.CancelledError | GateShut)
        ]
        assert not errors

    async def all_free() -> bool:
        try:
            tokens = await asyncio.wait_for(fill(gate), ANSWER_SECONDS)
        except GateShut:
            return False
        for token in tokens:
            gate.release(token)
        return True

    assert await eventually(all_free, 5.0)
