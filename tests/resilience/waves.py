"""Deaths one after the other, in pipelines that never have a moment to recover: what a soak is made of."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.runtime.fault_points import FAULT_POINTS
from shared.testing.eventually import wait_until
from tests.resilience.accounts import Books, assert_accounts
from tests.resilience.fragile import Fragile
from tests.resilience.injuries import DEATH_SECONDS, DISTURBANCES, Disturbance, stopped_past_its_lease
from tests.resilience.run import Run
from tests.resilience.scenario import ENDED

#: Kills of a wave: a system of its own, set up for it and taken down.
KILLS_PER_WAVE: Final = 40
#: Of ten kills so many are at fault points.
AT_FAULT_POINTS = 3
#: How often something that kills nothing comes in between.
NUISANCE = 0.2
#: A worker that is not alone may not pass its fault point often.
MOST_PASSES = 4
SEARCHES = 300
#: Pipelines in a row in which nothing dies.
QUIET = 5

_KILLERS = [kind for kind in DISTURBANCES if kind.kills and not kind.fault_point]
#: Without the worker that hangs until its job is taken: that needs a pipeline that lasts so long.
_NUISANCES = [kind for kind in DISTURBANCES if not kind.kills and kind.strike is not stopped_past_its_lease]
_AT_POINT = {kind.fault_point: kind for kind in DISTURBANCES if kind.fault_point}


@dataclass(frozen=True, slots=True)
class Wave:
    """What a seed stands for."""

    seed: int
    kills: int

    def __str__(self) -> str:
        return f"{self.seed}-{self.kills}_kills"

    def disturbances(self) -> list[Disturbance]:
        """In order; `kills` of them kill, three of ten at fault points, each of which has its share."""
        chance = random.Random(self.seed)
        first = self.seed * KILLS_PER_WAVE
        kills = []
        for n in range(first, first + self.kills):
            turn, place = divmod(n, 10)
            at_point = FAULT_POINTS[(turn * AT_FAULT_POINTS + place) % len(FAULT_POINTS)]
            kills.append(_AT_POINT[at_point] if place < AT_FAULT_POINTS else chance.choice(_KILLERS))
        chance.shuffle(kills)
        planned = []
        for kill in kills:
            planned += [chance.choice(_NUISANCES)] if chance.random() < NUISANCE else []
            planned.append(kill)
        return planned


def waves(kills: int) -> list[Wave]:
    """As many as it takes."""
    return [
        Wave(seed, min(KILLS_PER_WAVE, kills - first))
        for seed, first in enumerate(range(0, kills, KILLS_PER_WAVE))
    ]


def carry_out(system: Fragile, wave: Wave) -> Counter[str]:
    """Every disturbance of the wave, in as many pipelines as it takes, each held to account; how often each was."""
    chance = random.Random(wave.seed)
    left = wave.disturbances()[::-1]
    done: Counter[str] = Counter()
    quiet = 0
    while left:
        before = Books.of(system)
        with Run(system, f"wave {wave.seed} {len(left)}", searches=SEARCHES) as run:
            struck = len(left)
            for _ in _signs_of_life(system, run):
                if left and _strike(system, run, left[-1], chance):
                    done[left.pop().name] += 1
            # While something is slow to come back a pipeline may end undisturbed; not one after the other.
            quiet = 0 if len(left) < struck else quiet + 1
            assert quiet < QUIET, f"{QUIET} whole pipelines, and this never came to pass: {left[-1].name}"
            run.assert_completed_and_green()
            assert_accounts(system, run.pipeline_id, run.searches, before)
    return done


def _signs_of_life(system: Fragile, run: Run) -> Iterator[None]:
    """Whenever every process lives and the pipeline has moved on since the last time, until it ends.

    So each death meets a living process, and a pipeline at work.
    """
    seen = -1.0

    def is_alive_again(progress: dict[str, Any]) -> bool:
        return progress["state"] in ENDED or (run.done(progress) > seen and system.is_whole())

    while run.wait(is_alive_again)["state"] not in ENDED:
        yield
        seen = run.done(run.wait(lambda _: True))


def _strike(system: Fragile, run: Run, kind: Disturbance, chance: random.Random) -> bool:
    """Whether it came to pass: by processes that are others now, and by what a worker wrote at the point where it died.

    A pipeline may end before a worker comes to its point.
    """
    if not kind.fault_point:
        before = system.run_file.processes
        kind.strike(system, chance)
        wait_until(system.is_whole, DEATH_SECONDS, what=lambda: f"something stays dead: {kind.name}")
        return not kind.kills or system.run_file.processes != before
    died = system.deaths_at(kind.fault_point)
    with system.doomed("serp", f"{kind.fault_point}:{chance.randint(1, MOST_PASSES)}") as victim:

        def is_over() -> bool:
            return victim.poll() is not None or run.wait(lambda _: True)["state"] in ENDED

        wait_until(is_over, DEATH_SECONDS, what=lambda: f"no worker died: {kind.name}")
        return system.deaths_at(kind.fault_point) == died + 1
