"""Why something does not go on: of all gates that are shut the right one is named, with its reason, since when and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order
from shared.domain.item import ItemState, WaitReason
from shared.domain.remedy import REMEDIES
from shared.domain.standing import AHEAD, Act, Activity, Hold, Item, Job, Pipeline, Service, Wait
from shared.domain.why import Gate, Stage, Why, explain_item, explain_pipeline, explain_service

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
MICRO = int(NOW.timestamp() * 1_000_000)
PAST, SOON, LATE = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5), NOW + timedelta(hours=5)
DUE = Item("serp_collection", '["a","US","organic"]', "pending", PAST, due_at=PAST)
RUNNING, ALIVE = Pipeline("p"), Service("serp")
ACT = Act(PAST, "ada", "too dear")
OPEN = Breaker(BreakerState.OPEN, 1, 10, reopen_at=MICRO + 300_000_000, since=MICRO - 300_000_000)


def why(item: Item = DUE, pipeline: Pipeline = RUNNING, service: Service = ALIVE) -> Why:
    return explain_item(item, pipeline, service, NOW)


def waits(reason: str, until: datetime = SOON, error: str | None = None) -> Item:
    return replace(DUE, due_at=None, wait=Wait(reason, PAST, until), error=error)


def test_a_due_item_waits_its_turn() -> None:
    """Nothing but others is before it; how many is said as far as they are counted."""
    assert why().sentence == (
        'serp_collection ["a","US","organic"] is pending: it is next, since 2026-03-08T11:55:00Z.'
    )
    assert (why().gate, why().command) == (Gate.TURN, None)
    assert "behind 3 items" in why(replace(DUE, ahead=3)).reason
    assert f"behind at least {AHEAD} items" in why(replace(DUE, ahead=AHEAD)).reason
    assert "job 7" in why(replace(DUE, due_at=None, job=Job(7, "dispatched", PAST))).reason


@pytest.mark.parametrize("reason", list(WaitReason))
def test_a_wait_is_named_with_its_reason_and_its_end(reason: WaitReason) -> None:
    """What the item's own row says, and the error that caused it."""
    found = why(waits(reason, error="503 from the provider"))
    assert (found.gate.value, found.since, found.until) == (reason.value, PAST, SOON)
    assert found.reason.endswith("503 from the provider")
    assert found.what_to_do


@pytest.mark.parametrize(
    ("reason", "command"),
    [("budget", "landscape budget p AMOUNT"), ("in_doubt", "landscape in-doubt p --decide DECISION")],
)
def test_a_wait_that_only_somebody_ends_names_the_command(reason: str, command: str) -> None:
    """With the pipeline; what is still to be said stands in capitals."""
    assert why(waits(reason)).command == command


def test_a_wait_that_is_over_holds_nothing() -> None:
    """Its moment has come: it is taken with the next round."""
    assert why(waits("retry", PAST)).gate is Gate.TURN


def test_an_operators_pause_comes_before_everything() -> None:
    """Who, why and how to end it; of the pipeline, else of the queue."""
    found = why(waits("quota"), Pipeline("p", "paused", act=ACT), replace(ALIVE, pause=ACT, alive=False))
    assert (found.gate, found.since, found.command) == (Gate.PAUSED, PAST, "landscape unpause p")
    assert found.reason == "the pipeline was paused by ada: too dear"
    assert [held.gate for held in found.also] == [Gate.PAUSED, Gate.WORKER, Gate.QUOTA]
    queue = why(service=replace(ALIVE, pause=ACT))
    assert (queue.gate, queue.command) == (Gate.PAUSED, "landscape queues unpause serp")
    assert queue.reason == "the queue serp was paused by ada: too dear"


def test_no_worker_is_named_with_the_command_that_starts_one() -> None:
    """Also when the item waits for something else: that would not help."""
    found = why(waits("retry"), service=replace(ALIVE, alive=False))
    assert (found.gate, found.command) == (Gate.WORKER, "landscape worker serp")


def test_of_several_gates_before_a_provider_the_one_that_opens_last_counts() -> None:
    """The others stand behind it."""
    held = replace(ALIVE, hold=Hold("quota", LATE), breaker=OPEN)
    found = why(waits("retry"), service=held)
    assert (found.gate, found.until) == (Gate.QUOTA, LATE)
    assert {one.gate for one in found.also} == {Gate.BREAKER, Gate.RETRY}
    assert why(waits("retry", LATE), service=replace(ALIVE, breaker=OPEN)).gate is Gate.RETRY
    assert why(waits("quota", SOON), service=replace(ALIVE, hold=Hold("quota", LATE))).until == LATE


def test_a_breaker_is_open_held_or_being_tried_out() -> None:
    """Open it has an end, held it has none; tried out it lets those through that are in a job."""
    found = why(service=replace(ALIVE, breaker=OPEN, breaker_reason="10 calls in a row failed"))
    assert (found.gate, found.until, found.since) == (Gate.BREAKER, SOON, PAST)
    assert found.reason == "the circuit breaker of serp is open: 10 calls in a row failed"
    assert found.command == "landscape breakers reset serp"
    ordered = why(
        service=replace(ALIVE, breaker=Breaker().ordered(Order.OPEN, MICRO), hold=Hold("quota", LATE))
    )
    assert (ordered.gate, ordered.until) == (Gate.BREAKER, None)
    tried = replace(ALIVE, breaker=replace(OPEN, reopen_at=MICRO - 1))
    assert "half open" in why(service=tried).reason
    assert why(replace(DUE, job=Job(1, "dispatched", PAST)), service=tried).gate is Gate.TURN
    assert (
        why(pipeline=replace(RUNNING, bypasses_breaker=True), service=replace(ALIVE, breaker=OPEN)).gate
        is Gate.TURN
    )


def test_an_item_waits_for_its_upstream_or_for_company() -> None:
    """A capped phase for everything upstream; a partial call for a moment, unless upstream has ended or it is a suspect."""
    capped = replace(DUE, capped=True, upstream_open=True)
    assert why(capped).gate is Gate.UPSTREAM
    assert why(replace(capped, upstream_open=False)).gate is Gate.TURN
    batch = replace(ALIVE, items_per_call=50, linger_seconds=2.0)
    few = replace(DUE, upstream_open=True, together=3, oldest_due=NOW - timedelta(seconds=1))
    found = why(few, service=batch)
    assert (found.gate, found.until) == (Gate.LINGER, NOW + timedelta(seconds=1))
    for gone in (
        replace(few, upstream_open=False),
        replace(few, together=50),
        replace(few, suspect=True),
        replace(few, oldest_due=PAST),
    ):
        assert why(gone, service=batch).gate is Gate.TURN


def test_what_has_ended_says_how() -> None:
    """With the final error, and the command that gives it another chance."""
    dead = replace(DUE, state="failed", attempts=4, category="recoverable", error="503", dead_letter=9)
    assert (why(dead).gate, why(dead).command) == (Gate.DEAD_LETTER, "landscape dead-letters replay 9")
    failed = why(replace(dead, dead_letter=None))
    assert (failed.gate, failed.command) == (Gate.FAILED, "landscape retry-failed p --phase serp_collection")
    assert failed.reason == "recoverable after 4 attempts: 503"
    assert why(replace(DUE, state="completed")).gate is Gate.FINISHED
    assert why(replace(DUE, state="skipped", error="beyond the cap")).reason == "beyond the cap"


def test_an_item_in_hand_is_worked_on_until_its_lease_is_over() -> None:
    """Then whoever is to take it back must be there."""
    held = replace(DUE, state="processing", due_at=None, job=Job(1, "processing", PAST, lease_until=SOON))
    assert why(held).gate is Gate.WORKING
    gone = replace(held, job=Job(1, "processing", PAST, lease_until=PAST))
    assert why(gone).gate is Gate.LEASE
    assert why(gone, service=replace(ALIVE, alive=False)).gate is Gate.WORKER


def test_a_pipeline_is_worked_on_or_held_by_the_gate_of_its_first_open_phase() -> None:
    """Ended or paused, it says so; the phases that wait stand behind it."""
    quota = why(waits("quota"))
    found = explain_pipeline(
        RUNNING, [Stage("serp_collection", 3, None), Stage("video_enrichment", 0, quota)]
    )
    assert (found.gate, [held.gate for held in found.also]) == (Gate.WORKING, [Gate.QUOTA])
    stuck = explain_pipeline(RUNNING, [Stage("serp_collection", 0, why(service=replace(ALIVE, alive=False)))])
    assert (stuck.gate, stuck.command) == (Gate.WORKER, "landscape worker serp")
    assert explain_pipeline(RUNNING, []).gate is Gate.WORKING
    paused = explain_pipeline(Pipeline("p", "paused", act=ACT), [Stage("serp_collection", 0, quota)])
    assert (paused.gate, paused.command) == (Gate.PAUSED, "landscape unpause p")
    ended = explain_pipeline(Pipeline("p", "completed_with_gaps", PAST), [])
    assert (ended.gate, ended.reason, ended.since) == (
        Gate.FINISHED,
        "the pipeline has ended: completed_with_gaps",
        PAST,
    )


def test_a_service_says_why_it_starts_no_call() -> None:
    """Or that it works, is about to, waits with all its items, or has nothing to do."""
    wait = Wait("quota", PAST, LATE)
    for activity, gate in (
        (Activity(working=True), Gate.WORKING),
        (Activity(due=True), Gate.TURN),
        (Activity(wait=wait), Gate.QUOTA),
        (Activity(wait=replace(wait, next_at=PAST)), Gate.TURN),
        (Activity(), Gate.IDLE),
    ):
        assert explain_service(ALIVE, activity, NOW).gate is gate
    held = explain_service(replace(ALIVE, pause=ACT, breaker=OPEN), Activity(due=True), NOW)
    assert (held.gate, held.command, held.state) == (Gate.PAUSED, "landscape queues unpause serp", "waiting")
    assert [one.gate for one in held.also] == [Gate.BREAKER]


def test_every_gate_has_a_remedy_and_no_other_has() -> None:
    """A new gate without advice would only fail when somebody asks."""
    assert sorted(REMEDIES) == sorted(Gate)
    assert {reason.value for reason in WaitReason} <= set(Gate)


moments = st.sampled_from([PAST, SOON, LATE])
breakers = st.builds(
    Breaker,
    st.sampled_from(BreakerState),
    st.integers(0, 5),
    reopen_at=st.sampled_from([0, MICRO - 1, MICRO + 10**9]),
    since=st.sampled_from([0, MICRO - 1]),
    forced=st.booleans(),
)
acts = st.none() | st.just(ACT)
services = st.builds(
    Service,
    st.just("serp"),
    alive=st.booleans(),
    pause=acts,
    hold=st.none() | st.builds(Hold, st.sampled_from(["rate", "quota", "account"]), moments),
    breaker=breakers,
    items_per_call=st.sampled_from([1, 50]),
    linger_seconds=st.sampled_from([0.0, 2.0]),
)
pipelines = st.builds(
    Pipeline,
    st.just("p"),
    st.sampled_from(["running", "paused", "cancelled", "completed"]),
    act=acts,
    bypasses_breaker=st.booleans(),
)
items = st.builds(
    Item,
    st.just("serp_collection"),
    st.just("k"),
    st.sampled_from(ItemState),
    st.just(PAST),
    wait=st.none() | st.builds(Wait, st.sampled_from(WaitReason), st.just(PAST), moments),
    due_at=st.none() | st.just(PAST),
    job=st.none() | st.builds(Job, st.just(1), st.just("dispatched"), st.just(PAST), st.none() | moments),
    dead_letter=st.none() | st.just(3),
    capped=st.booleans(),
    upstream_open=st.booleans(),
    ahead=st.integers(0, AHEAD),
    together=st.integers(1, 50),
    oldest_due=st.none() | st.just(PAST),
)


@given(items, pipelines, services)
def test_whatever_the_state_there_is_one_answer_that_is_true(
    item: Item, pipeline: Pipeline, service: Service
) -> None:
    """It is one sentence, goes over the wire, no end of it has passed, and a gate that is named is shut."""
    found = why(item, pipeline, service)
    assert found.sentence.endswith(".")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Why) == found
    assert found.until is None or found.until > NOW
    if item.state != ItemState.PENDING:
        assert found.gate in {
            Gate.WORKING,
            Gate.LEASE,
            Gate.WORKER,
            Gate.DEAD_LETTER,
            Gate.FAILED,
            Gate.FINISHED,
        }
        return
    waiting = item.wait is not None and item.wait.next_at > NOW
    shut = {
        Gate.PAUSED: pipeline.state == "paused" or service.pause is not None or (waiting and item.wait and item.wait.reason == "paused"),
        Gate.CANCELLED: pipeline.state == "cancelled",
        Gate.FINISHED: pipeline.state == "completed",
        Gate.WORKER: not service.alive,
        Gate.UPSTREAM: item.capped and item.upstream_open,
        Gate.TURN: not waiting,
        Gate.LINGER: not waiting,
    }  # fmt: skip
    own = waiting and item.wait and item.wait.reason == found.gate
    held = service.hold is not None and service.hold.reason == found.gate and service.hold.until > NOW
    shut_breaker = (
        found.gate is Gate.BREAKER and service.breaker.allowance(BreakerPolicy(), MICRO) is not None
    )
    assert shut.get(found.gate, False) or own or held or shut_breaker
    if (
        pipeline.state == "running"
        and service.pause is None
        and service.alive
        and not waiting
        and service.hold is None
    ):
        closed = service.breaker.state is BreakerState.CLOSED or pipeline.bypasses_breaker
        assert not closed or found.gate in {Gate.TURN, Gate.UPSTREAM, Gate.LINGER}
