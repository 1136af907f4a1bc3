"""What is done to a running system, and how it is chosen: a seed stands for one disturbance at one moment."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import redis

from shared.runtime.fault_points import FAULT_POINTS
from shared.testing.eventually import wait_until
from tests.resilience.fragile import LINKS, SECOND, Fragile
from tests.resilience.scenario import process_tree

#: Nothing else stops: as long as a link is bad, work goes on with what it has.
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 2.5
#: So many passes of a fault point there are in every run, for a worker that is alone.
PASSES = {"after_claim": 20, "after_answer": 50, "before_commit": 5, "after_commit": 5}
DEATH_SECONDS = 60.0


Strike = Callable[[Fragile, random.Random], None]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One kind."""

    name: str
    strike: Strike
    """Does it; returns when it is over and everything may heal."""
    kills: bool = True
    fault_point: str = ""
    """Instead of `strike`: where a further worker dies by itself, after so many passes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed stands for."""

    seed: int
    disturbance: Disturbance
    moment: float
    """Share of the searches that is completed when it strikes."""
    passes: int
    """Of a fault point, the deadly one included."""
    chance: random.Random

    @classmethod
    def of(cls, seed: int) -> "Plan":
        chance = random.Random(seed)
        kind = DISTURBANCES[seed % len(DISTURBANCES)]
        passes = chance.randint(1, PASSES.get(kind.fault_point, 1))
        return cls(seed, kind, 0.0 if kind.fault_point else chance.uniform(0.05, 0.7), passes, chance)

    def __str__(self) -> str:
        if self.disturbance.fault_point:
            return f"{self.disturbance.name}, at pass {self.passes}"
        return f"{self.disturbance.name}, at {self.moment:.0%} of the searches"


@contextmanager
def prepared(system: Fragile, plan: Plan) -> Iterator[Callable[[], None]]:
    """Before the pipeline starts. The function it gives does it, and returns when it was done."""
    kind = plan.disturbance
    if not kind.fault_point:
        yield lambda: kind.strike(system, plan.chance)
        return
    with system.doomed("serp", f"{kind.fault_point}:{plan.passes}") as victim, ExitStack() as stack:
        # Its passes are counted, so nobody else may do its work, or lead, until it is dead.
        stack.enter_context(system.stopped("serp", SECOND))

        def strike() -> None:
            dead = lambda: victim.poll() is not None  # noqa: E731
            wait_until(dead, DEATH_SECONDS, what=lambda: f"the worker never died {plan}")
            stack.close()

        yield strike


def _killed(*names: str) -> Strike:
    return lambda system, _: system.kill(*names)


def _worker_killed(system: Fragile, _: random.Random) -> None:
    """The one that does not lead."""
    system.kill("serp" if system.leader() == SECOND else SECOND)


def _leader_killed(lease: str) -> Strike:
    return lambda system, _: system.kill(system.leader(lease))


def _everything_killed(system: Fragile, _: random.Random) -> None:
    """Both stores at the same moment as whoever writes to them; only the provider lives."""
    system.kill(*(system.run_file.processes.keys() - {"supervisor", "simulator"}))


def stopped_past_its_lease(system: Fragile, chance: random.Random) -> None:
    """SIGSTOP while it holds a job, until that is taken from it, and SIGCONT: it wakes as a zombie."""
    victim = chance.choice(("serp", SECOND))
    while not _lost_a_job(system, victim):
        pass  # it had just given back what it held


def _lost_a_job(system: Fragile, victim: str) -> bool:
    def held_jobs() -> list[int]:
        return _jobs_of(system, process_tree(system.pid(victim)))

    wait_until(held_jobs, DEATH_SECONDS, what=lambda: f"{victim} gets no work")
    with system.stopped(victim):
        held = held_jobs()
        # What it had sent to the database before it was stopped still counts: such a job ends as if nothing had happened.
        wait_until(
            lambda: not _states(system, held)["processing"],
            DEATH_SECONDS,
            what=lambda: f"{victim} keeps {_states(system, held)}",
        )
        return bool(_states(system, held)["expired"])


def _states(system: Fragile, jobs: list[int]) -> Counter[str]:
    states = "SELECT state FROM job_queue WHERE job_id = ANY(%s)"
    return Counter(state for (state,) in system.ask(states, jobs))


def _jobs_of(system: Fragile, tree: list[int]) -> list[int]:
    held = """SELECT job_id FROM job_queue
              WHERE state = 'processing' AND split_part(lease_holder, ':', 2)::int = ANY(%s)"""
    return [job_id for (job_id,) in system.ask(held, tree)]


def _flushed(system: Fragile, _: random.Random) -> None:
    with redis.Redis.from_url(system.run_file.redis_url) as client:
        client.flushall()


def _cut(link: str) -> Strike:
    def strike(system: Fragile, chance: random.Random) -> None:
        system.links[link].cut()
        system.links[link].heal_after(chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))

    return strike


def _slowed(link: str) -> Strike:
    def strike(system: Fragile, chance: random.Random) -> None:
        if chance.random() < 0.3:
            system.links[link].stall()
        else:
            system.links[link].slow_down(chance.uniform(0.02, 0.3), chance.choice((0, 50_000, 200_000)))
        system.links[link].heal_after(chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))

    return strike


def _never(_: Fragile, __: random.Random) -> None:
    """A further worker does it by itself."""


DISTURBANCES: Final[tuple[Disturbance, ...]] = (
    Disturbance("a worker killed", _worker_killed),
    Disturbance("the leader killed", _leader_killed("serp")),
    Disturbance("the gateway killed", _killed("gateway")),
    Disturbance("a worker stopped past its lease", stopped_past_its_lease, kills=False),
    Disturbance("Redis emptied", _flushed, kills=False),
    Disturbance("Redis killed", _killed("redis")),
    Disturbance("Postgres killed", _killed("postgres")),
    *(Disturbance(f"the link to {link} cut", _cut(link), kills=False) for link in LINKS),
    *(Disturbance(f"the link to {link} slow", _slowed(link), kills=False) for link in LINKS),
    *(Disturbance(f"killed {point}", _never, fault_point=point) for point in FAULT_POINTS),
    Disturbance("the worker of videos killed", _killed("media")),
    Disturbance("the leader of housekeeping killed", _leader_killed("housekeeping")),
    Disturbance("everything killed", _everything_killed),
)  # fmt: skip
