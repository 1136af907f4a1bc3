"""The breaker's decisions, without any process: what trips it, what closes it, what says nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.breaker import (
    HELD_SECONDS,
    ORDER_STEP,
    PARTS,
    Breaker,
    BreakerPolicy,
    BreakerState,
    Order,
    Verdict,
)
from shared.domain.category import DEFAULT_RULES, ErrorCategory, ErrorRule, categorize
from shared.errors import AnswerError, StatusError, TransportError

POLICY = BreakerPolicy(failure_threshold=5, timeout_seconds=30.0, success_threshold=3, probes=2)
SECOND = 1_000_000
START = 1_800_000_000 * SECOND
OK, FAIL, IGNORE = Verdict.OK, Verdict.FAIL, Verdict.IGNORE


class Line:
    """A breaker and a clock."""

    def __init__(self, policy: BreakerPolicy = POLICY) -> None:
        self.policy = policy
        self.now = START
        self.breaker = Breaker()

    def end(self, *verdicts: Verdict, every_seconds: float = 0.0) -> "Line":
        """Calls of the present epoch end like this, one after the other."""
        for verdict in verdicts:
            self.now += int(every_seconds * SECOND)
            self.breaker = self.breaker.judge(self.policy, self.now, self.breaker.epoch, verdict)
        return self

    def wait(self, seconds: float) -> "Line":
        """Then somebody wants to start a call."""
        self.now += int(seconds * SECOND)
        self.breaker = self.breaker.knock(self.now)
        return self

    @property
    def state(self) -> BreakerState:
        return self.breaker.state


def test_faults_in_a_row_open_it_however_long_they_took() -> None:
    """A provider that hangs for minutes gives no more than one fault per window."""
    line = Line().end(*[FAIL] * 4, every_seconds=180.0)
    assert line.state is BreakerState.CLOSED
    assert line.end(FAIL, every_seconds=180.0).state is BreakerState.OPEN


def test_a_success_ends_the_row() -> None:
    """As far as the share of the window allows it."""
    line = Line().end(*[FAIL] * 4, OK, *[FAIL] * 4, every_seconds=30.0)
    assert (line.state, line.breaker.failures) == (BreakerState.CLOSED, 4)


def test_half_of_the_windows_calls_open_it_without_any_row() -> None:
    """Four of five fail: aiobreaker's count of a row never opens."""
    line = Line()
    for _ in range(40):
        line.end(FAIL, FAIL, FAIL, FAIL, OK, every_seconds=0.01)
    assert line.breaker.trips == 1
    assert line.now - START < SECOND * 3


def test_few_faults_among_many_calls_leave_it_closed() -> None:
    """Five per cent, in any number."""
    line = Line()
    for _ in range(500):
        line.end(FAIL, *[OK] * 19, every_seconds=0.01)
    assert line.state is BreakerState.CLOSED


def test_old_faults_are_forgotten() -> None:
    """What is older than the window counts no more."""
    line = Line().end(FAIL, OK, FAIL, OK, FAIL, OK, FAIL, OK)
    line.now += 61 * SECOND
    assert line.end(FAIL).state is BreakerState.CLOSED
    assert len(line.breaker.window) == 1


def test_what_is_no_fault_says_nothing() -> None:
    """Neither does it reset the row, nor open or close anything, also while it is tried out."""
    line = Line().end(FAIL, FAIL, IGNORE, FAIL, IGNORE, FAIL)
    assert line.breaker.failures == 4
    assert line.end(IGNORE).state is BreakerState.CLOSED
    line.end(FAIL).wait(30.0)
    assert line.end(*[IGNORE] * 50).state is BreakerState.HALF_OPEN


def test_it_stays_open_for_its_time() -> None:
    """Then a few calls may try, and no more than a few."""
    line = Line().end(*[FAIL] * 5)
    assert line.breaker.allowance(POLICY, line.now) == 0
    assert line.wait(29.9).state is BreakerState.OPEN
    assert line.breaker.wait_seconds(line.now) == pytest.approx(0.1)
    line.now += SECOND // 10
    assert line.breaker.allowance(POLICY, line.now) == POLICY.probes
    assert line.wait(0.0).state is BreakerState.HALF_OPEN
    assert line.breaker.wait_seconds(line.now) == 0.0


def test_successes_close_it_and_one_fault_opens_it_again() -> None:
    """For its whole time; what was counted before counts no more."""
    line = Line().end(*[FAIL] * 5).wait(30.0)
    assert line.end(OK, OK).state is BreakerState.HALF_OPEN
    assert line.end(FAIL).state is BreakerState.OPEN
    assert line.breaker.reopen_at == line.now + 30 * SECOND
    assert line.breaker.since == START
    line.wait(30.0)
    assert line.end(OK, OK).state is BreakerState.HALF_OPEN
    assert line.end(OK).state is BreakerState.CLOSED
    assert (line.breaker.failures, line.breaker.window, line.breaker.since) == (0, (), 0)
    assert line.breaker.allowance(POLICY, line.now) is None
    assert line.end(*[FAIL] * 4).state is BreakerState.CLOSED


def test_late_answers_decide_nothing() -> None:
    """A hundred calls in flight fail after it has opened: it opened once, and stays open for its time."""
    line = Line()
    before = line.breaker.epoch
    for _ in range(100):
        line.now += SECOND
        line.breaker = line.breaker.judge(POLICY, line.now, before, FAIL)
    assert (line.breaker.trips, line.breaker.opened_at) == (1, START + 5 * SECOND)
    line.wait(30.0)
    line.breaker = line.breaker.judge(POLICY, line.now, before, OK)
    assert line.breaker.successes == 0


def test_an_operator_holds_it_until_it_is_reset() -> None:
    """Held open no time opens it, held closed no fault; a reset leaves it to itself."""
    line = Line()
    line.breaker = line.breaker.ordered(Order.OPEN, line.now)
    assert line.wait(1e6).state is BreakerState.OPEN
    assert line.breaker.wait_seconds(line.now) == HELD_SECONDS
    assert line.breaker.allowance(POLICY, line.now) == 0
    line.breaker = line.breaker.ordered(Order.CLOSE, line.now)
    assert line.end(*[FAIL] * 50).state is BreakerState.CLOSED
    line.breaker = line.breaker.ordered(Order.RESET, line.now)
    assert line.end(*[FAIL] * 5).state is BreakerState.OPEN


@given(st.lists(st.sampled_from(["fail", "ok", "wait"]), max_size=60))
def test_an_order_outranks_what_the_breaker_does_meanwhile(history: list[str]) -> None:
    """Its epoch is the higher one, although the breaker went on by itself before it heard of it."""
    line = Line(replace(POLICY, failure_threshold=1, success_threshold=1))
    ordered = line.breaker.ordered(Order.OPEN, line.now)
    for step in history:
        line.wait(31.0) if step == "wait" else line.end(Verdict(step))
    assert line.breaker.epoch <= len(history) < ORDER_STEP
    assert ordered.epoch > line.breaker.epoch


verdicts = st.lists(
    st.tuples(st.sampled_from([OK, FAIL, IGNORE]), st.floats(0, 40), st.integers(0, 2)), max_size=200
)


@given(verdicts)
def test_whatever_happens_its_state_makes_sense(history: list[tuple[Verdict, float, int]]) -> None:
    """The epoch never falls and grows with every change; what is open has an end; what is closed has no count
    beyond the threshold; the window holds what it spans and no more faults than calls.
    """
    line = Line()
    for verdict, seconds, late in history:
        before = line.breaker
        line.wait(seconds)
        line.breaker = line.breaker.judge(POLICY, line.now, line.breaker.epoch - late, verdict)
        after = line.breaker
        assert after.epoch >= before.epoch
        assert (after.state is before.state) or after.epoch > before.epoch
        assert (after.state is BreakerState.CLOSED) == (after.since == 0)
        if after.state is BreakerState.OPEN:
            assert line.now < after.reopen_at <= line.now + POLICY.timeout
        if after.state is BreakerState.CLOSED:
            assert after.failures < POLICY.failure_threshold
        assert after.successes < POLICY.success_threshold
        assert len(after.window) <= PARTS
        assert all(faults <= calls for _, calls, faults in after.window)


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"success_threshold": 0},
        {"probes": 0},
        {"timeout_seconds": 0.0},
        {"window_seconds": 0.0},
        {"failure_share": 0.0},
        {"failure_share": 1.1},
    ],
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float]) -> None:
    """Where it is declared, not at the first fault."""
    with pytest.raises(ValueError, match="breaker"):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]  # whatever the field


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (TransportError("no whole answer within 30 s"), True),
        (TransportError("cannot connect", sent=False), True),
        (StatusError("oops", status=500), True),
        (StatusError("oops", status=503), True),
        (StatusError("late", status=408), True),
        (AnswerError("a page of the edge", codes=("unreadable",)), True),
        (AnswerError("another shape", codes=("malformed",)), False),
        (StatusError("conflict", status=409), False),
        (StatusError("nothing there", status=404), False),
        (StatusError("too fast", status=429), False),
        (StatusError("bad key", status=401), False),
        (StatusError("bad request", status=400), False),
    ],
)
def test_only_the_providers_own_faults_count(error: StatusError, fault: bool) -> None:
    """Not what is wrong with the request, the account, or the site it was about."""
    assert categorize(error, ()).is_fault is fault


def test_a_rule_says_what_does_not_count() -> None:
    """A provider's rule goes before the general ones; throttling never counts, whatever it says."""
    site = ErrorRule(ErrorCategory.RECOVERABLE, status=500, trips=False)
    assert not categorize(StatusError("the site's", status=500), (site,)).is_fault
    assert not ErrorRule(ErrorCategory.THROTTLED, trips=True).is_fault
    assert any(not rule.trips for rule in DEFAULT_RULES)
