"""The shared breaker over several processes: what opens it, how many try it out, and what it remembers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiobreaker
import pytest

from shared.broker.breaker import BreakerOpenError, CircuitBreakerListener, CircuitBreakerState, SharedBreaker
from shared.broker.client import build_async_client
from shared.broker.gate import Gate
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order
from shared.domain.gate import GatePolicy, GateShut
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

#: Short where something is waited for, long where nothing may happen by itself.
SHORT, LONG = 0.3, 60.0


def policy(**changes: Any) -> BreakerPolicy:
    return BreakerPolicy(
        **({"failure_threshold": 5, "timeout_seconds": LONG, "success_threshold": 3, "probes": 2} | changes)
    )


class Fault(Exception):  # noqa: N818 - reads as what it is
    """The provider's."""


class Refusal(Exception):  # noqa: N818 - reads as what it is
    """Of the request: a 404, say."""


@asynccontextmanager
async def opened(url: str, rules: BreakerPolicy, **gate: Any) -> AsyncIterator[tuple[Gate, SharedBreaker]]:
    """Gate and breaker as a process of its own has them."""
    client = build_async_client(url)
    settings = {"wait_seconds": 0.2, "beat_seconds": 0.04, "settling_seconds": 0.2, "lease_seconds": 0.6}
    one = Gate(client, "provider", GatePolicy(400, breaker=rules, **(settings | gate)))
    await one.start()
    breaker = SharedBreaker("provider", one, rules, lambda e: isinstance(e, Fault | TimeoutError))
    try:
        yield one, breaker
    finally:
        await one.close()
        await client.aclose()


async def fail() -> None:
    raise Fault


async def refuse() -> None:
    raise Refusal


async def answer() -> str:
    return "fine"


async def trip(breaker: SharedBreaker) -> None:
    """Faults until it is open."""
    with suppress(BreakerOpenError):
        while True:
            with suppress(Fault):
                await breaker.call_async(fail)


async def test_refusals_between_faults_do_not_keep_it_closed(server: Any) -> None:
    """80 % 503 and 20 % 404: aiobreaker lets all 5,000 calls through, for each 404 sets its count back."""
    async with opened(server.url, policy(), settling_seconds=0.0) as (_, breaker):
        ended = {Fault: 0, Refusal: 0, BreakerOpenError: 0}
        for n in range(1_000):
            try:
                await breaker.call_async(refuse if n % 5 == 4 else fail)
            except (Fault, Refusal, BreakerOpenError) as error:
                ended[type(error)] += 1
        assert ended == {Fault: 5, Refusal: 1, BreakerOpenError: 994}


async def test_a_success_now_and_then_does_not_keep_it_closed(server: Any) -> None:
    """Four of five calls fail: aiobreaker, which counts a row of five, never opens."""
    async with opened(server.url, policy()) as (_, breaker):
        results: list[object] = []
        for n in range(20):
            call = breaker.call_async(answer if n % 5 == 4 else fail)
            results += await asyncio.gather(call, return_exceptions=True)
        assert [type(result) for result in results[:6]] == [Fault, Fault, Fault, Fault, str, Fault]
        assert {type(result) for result in results[6:]} == {BreakerOpenError}


async def test_a_provider_that_hangs_opens_it(server: Any) -> None:
    """Calls that end by their own time limit are faults; aiobreaker does not count them."""

    async def hang() -> None:
        async with asyncio.timeout(0.02):
            await asyncio.Event().wait()

    async with opened(server.url, policy()) as (gate, breaker):
        results = await asyncio.gather(*(breaker.call_async(hang) for _ in range(20)), return_exceptions=True)
        assert {type(result) for result in results} == {TimeoutError}
        assert await eventually(lambda: gate.breaker.state is BreakerState.OPEN)


async def test_an_answer_that_came_too_slowly_counts_where_that_is_wanted(server: Any) -> None:
    """By default slow is not failed."""

    async def slowly() -> None:
        await asyncio.sleep(0.02)

    async with opened(server.url, policy(slow_seconds=0.01)) as (gate, breaker):
        await asyncio.gather(*(breaker.call_async(slowly) for _ in range(5)))
        assert await eventually(lambda: gate.breaker.state is BreakerState.OPEN)


async def test_cancelled_calls_say_nothing(server: Any) -> None:
    """A shutdown or a lost lease is no fault of the provider."""
    async with opened(server.url, policy()) as (gate, breaker):
        calls = [asyncio.ensure_future(breaker.call_async(asyncio.Event().wait)) for _ in range(50)]
        await eventually(lambda: len(gate._in_flight) == 50)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert await breaker.call_async(answer) == "fine"
        assert (await gate.look()).state is BreakerState.CLOSED


async def test_exactly_so_many_probes_try_it_out(server: Any) -> None:
    """200 callers of four processes at the moment it may be tried out: two get through, the others wait."""
    rules = policy(timeout_seconds=SHORT)
    async with (
        opened(server.url, rules) as (gate, first),
        opened(server.url, rules) as (_, second),
        opened(server.url, rules) as (_, third),
        opened(server.url, rules) as (_, fourth),
    ):
        await trip(first)
        started = 0
        done = asyncio.Event()

        async def probe() -> None:
            nonlocal started
            started += 1
            await done.wait()

        await eventually(lambda: gate.allowance() == 2)
        breakers = (first, second, third, fourth)
        calls = [asyncio.ensure_future(b.call_async(probe)) for b in breakers for _ in range(50)]
        await eventually(lambda: sum(call.done() for call in calls) == 198, 10.0)
        assert started == 2
        refused = [call.exception() for call in calls if call.done()]
        assert {type(error) for error in refused} == {BreakerOpenError}
        done.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert started == 2


async def test_probes_cut_short_give_their_places_back(server: Any) -> None:
    """By cancellation at once; aiobreaker would stay half open without any limit."""
    async with opened(server.url, policy(timeout_seconds=SHORT)) as (gate, breaker):
        await trip(breaker)
        await eventually(lambda: gate.allowance() == 2)
        for _ in range(5):
            probes = [asyncio.ensure_future(breaker.call_async(asyncio.Event().wait)) for _ in range(2)]
            await eventually(lambda: len(gate._in_flight) == 2)
            for probe in probes:
                probe.cancel()
            await asyncio.gather(*probes, return_exceptions=True)
        assert gate.breaker.trips == 1
        for _ in range(3):
            await breaker.call_async(answer)
        assert await eventually(lambda: gate.breaker.state is BreakerState.CLOSED)


async def test_a_dead_processs_probes_are_free_after_their_lease(server: Any) -> None:
    """Its calls cannot tell any more what became of them."""
    rules = policy(timeout_seconds=SHORT)
    async with opened(server.url, rules) as (_, living):
        async with opened(server.url, rules) as (dead, breaker):
            await trip(breaker)
            await eventually(lambda: dead.allowance() == 2)
            calls = [asyncio.ensure_future(breaker.call_async(asyncio.Event().wait)) for _ in range(2)]
            await eventually(lambda: len(dead._in_flight) == 2)
            await dead.close()
        with pytest.raises(BreakerOpenError):
            await living.call_async(answer)

        async def answered() -> str:
            with suppress(BreakerOpenError):
                return str(await living.call_async(answer))
            return ""

        assert await eventually(answered, 5.0) == "fine"
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_late_answers_decide_nothing(server: Any) -> None:
    """A hundred calls in flight fail: it opens once. One that succeeds when it is tried out does not close it."""
    async with opened(server.url, policy(timeout_seconds=SHORT, success_threshold=1)) as (gate, breaker):
        heard = Heard()
        breaker.add_listener(heard)
        may_end = asyncio.Event()

        async def late(*, good: bool) -> None:
            await may_end.wait()
            if not good:
                raise Fault

        calls = [asyncio.ensure_future(breaker.call_async(late, good=n == 99)) for n in range(100)]
        await eventually(lambda: len(gate._in_flight) == 100)
        await trip(breaker)
        may_end.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert (await gate.look()).trips == 1
        assert heard.changes == [("CLOSED", "OPEN")]


class Heard(CircuitBreakerListener):  # type: ignore[misc]  # aiobreaker has no types
    """What a listener is told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.calls = self.good = self.bad = 0

    def before_call(self, *_: Any, **__: Any) -> None:
        self.calls += 1

    def success(self, _: Any) -> None:
        self.good += 1

    def failure(self, *_: Any) -> None:
        self.bad += 1

    def state_change(self, _: Any, old: CircuitBreakerState, new: CircuitBreakerState) -> None:
        self.changes.append((old.name, new.name))


async def test_it_speaks_aiobreakers_language(server: Any) -> None:
    """Its error, its states, its listeners; and the provider's own error is never replaced."""
    async with opened(server.url, policy(timeout_seconds=SHORT, success_threshold=1)) as (gate, breaker):
        assert isinstance(breaker, aiobreaker.CircuitBreaker)
        heard = Heard()
        breaker.add_listener(heard)
        assert await breaker.call_async(answer) == "fine"
        with pytest.raises(Refusal):
            await breaker.call_async(refuse)
        for _ in range(5):
            with pytest.raises(Fault):
                await breaker.call_async(fail)
        with pytest.raises(aiobreaker.CircuitBreakerError) as caught:
            await breaker.call_async(answer)
        assert 0 < caught.value.time_remaining.total_seconds() <= SHORT
        assert (breaker.current_state, breaker.fail_counter) == (CircuitBreakerState.OPEN, 5)
        assert breaker.opens_at
        await eventually(lambda: gate.allowance() == 2)
        await breaker.call_async(answer)
        await eventually(lambda: breaker.current_state is CircuitBreakerState.CLOSED)
        assert (heard.calls, heard.good, heard.bad) == (8, 2, 5)
        assert heard.changes == [("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN"), ("HALF_OPEN", "CLOSED")]
        assert breaker.opens_at is None
        for changed in (breaker.open, breaker.close, breaker.half_open):
            with pytest.raises(TypeError):
                changed()
        with pytest.raises(TypeError):
            breaker.call(answer)


async def test_what_is_made_of_an_answer_counts_but_holds_no_slot(server: Any) -> None:
    """The provider has answered; that its answer is unreadable is its fault all the same."""
    async with opened(server.url, policy()) as (gate, breaker):

        async def read(_: str) -> None:
            assert not gate._in_flight
            raise Fault

        for _ in range(5):
            with pytest.raises(Fault):
                await breaker.call_async(answer, then=read)
        assert await eventually(lambda: gate.breaker.state is BreakerState.OPEN)


async def test_other_waits_pass_through(server: Any) -> None:
    """A full provider, or one that asked for a pause, is no open breaker."""
    async with opened(server.url, policy()) as (gate, breaker):
        gate.hold(60.0, "quota")
        with pytest.raises(GateShut) as caught:
            await breaker.call_async(answer)
        assert caught.value.reason == "quota"


async def test_processes_that_live_remember_it_for_redis(server: Any) -> None:
    """FLUSHALL while it is open: not one call starts, and it closes in its own time."""
    rules = policy(timeout_seconds=3.0)
    async with opened(server.url, rules) as (gate, breaker), opened(server.url, rules) as (_, other):
        await trip(breaker)
        before = gate.breaker
        await asyncio.to_thread(server.flush)
        loop = asyncio.get_running_loop()
        until = loop.time() + 1.5
        while loop.time() < until:
            for one in (breaker, other):
                with pytest.raises((BreakerOpenError, GateShut)):
                    await one.call_async(answer)
            await asyncio.sleep(0.02)
        assert (await gate.look()) == before


async def test_a_process_and_a_redis_that_just_began_are_told(server: Any) -> None:
    """What the record knows comes first, and an older word changes nothing."""
    now = Breaker(BreakerState.OPEN, 7, 5, opened_at=1, reopen_at=2**52, since=1, trips=3)
    async with opened(server.url, policy()) as (gate, breaker):
        gate.tell(now)
        with pytest.raises(BreakerOpenError):
            await breaker.call_async(answer)
        assert await gate.look(Breaker(epoch=6)) == now
        assert await gate.look(now.ordered(Order.RESET, 1)) == Breaker(epoch=1_007, opened_at=1, trips=3)
        assert await breaker.call_async(answer) == "fine"


async def test_an_open_breaker_is_told_without_asking(server: Any) -> None:
    """Every process knows within a beat, also one that does nothing, and knows when it is closed again."""
    async with opened(server.url, policy()) as (gate, breaker), opened(server.url, policy()) as (idle, _):
        await trip(breaker)
        with pytest.raises(GateShut) as caught:
            gate.refuse_if_held()
        assert caught.value.reason == "breaker"
        assert 55 < caught.value.wait_seconds <= LONG
        await idle.look()
        assert (idle.allowance(), idle.breaker.state) == (0, BreakerState.OPEN)
        await gate.look(gate.breaker.ordered(Order.RESET, 1))
        await eventually(lambda: idle.breaker.state is BreakerState.CLOSED, 1.0)
        idle.refuse_if_held()
        assert idle.allowance() is None


async def test_a_second_question_that_gets_lost_is_asked_in_full(server: Any) -> None:
    """Redis has lost its memory, and the connection breaks while it is told: calls in flight and breaker are told again."""
    async with opened(server.url, policy(), settling_seconds=0.0, lease_seconds=60.0) as (gate, breaker):
        token = await gate.admit()
        await trip(breaker)
        ask = gate._ask
        await asyncio.to_thread(server.flush)

        async def lost(*args: Any, **options: Any) -> Any:
            answer = await ask(*args, **options)
            if answer.admitted < 0:
                gate._ask = twice  # type: ignore[assignment]  # a connection that breaks once
            return answer

        async def twice(*_: Any, **__: Any) -> Any:
            gate._ask = ask
            raise OSError("broken")

        gate._ask = lost  # type: ignore[assignment]  # as above
        assert await eventually(lambda: gate._ask is ask)
        assert (await gate.look()).state is BreakerState.OPEN
        client = build_async_client(server.url)
        assert await client.zcard("{landscape}:gate:provider:inflight") == 1
        await client.aclose()
        gate.release(token)


async def test_another_policy_is_followed_from_the_next_call_on(redis_url: str) -> None:
    """A lower threshold opens what would have stayed closed; another window begins empty."""
    async with opened(redis_url, policy(failure_threshold=50)) as (gate, breaker):
        for _ in range(3):
            with pytest.raises(Fault):
                await breaker.call_async(fail)
        other = policy(failure_threshold=4, window_seconds=7.0)
        gate.follow(other)
        breaker.follow(other)
        assert (breaker.fail_max, breaker.timeout_duration.total_seconds()) == (4, LONG)
        with pytest.raises(Fault):
            await breaker.call_async(fail)
        await eventually(lambda: gate.breaker.state is BreakerState.OPEN)
        with pytest.raises(BreakerOpenError):
            await breaker.call_async(fail)
