"""Workers killed one after the other, and when what they had in hand was worked on again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.testing.eventually import wait_until
from tests.resilience.fragile import SECOND, Fragile
from tests.resilience.run import Run
from tests.resilience.scenario import process_tree

_HELD = """SELECT job_id FROM job_queue WHERE pipeline_id = %s AND state = 'processing'
           AND split_part(lease_holder, ':', 2)::int = ANY(%s)"""
_LOST = """SELECT clock_timestamp(), array_agg(item_id) FROM pipeline_state
           WHERE pipeline_id = %s AND state = 'processing' AND job_id = ANY(%s)"""
_AGAIN = """SELECT max(extract(epoch FROM started_at - %(at)s))::float8, count(*)::int FROM (
                SELECT min(j.started_at) AS started_at
                FROM unnest(%(items)s::bigint[]) AS lost (item_id)
                JOIN job_queue j ON j.pipeline_id = %(pipeline_id)s AND j.item_ids @> ARRAY[lost.item_id]
                WHERE j.started_at > %(at)s GROUP BY lost.item_id) AS again"""


@dataclass(frozen=True, slots=True)
class Loss:
    """What one death took."""

    pipeline_id: str
    at: datetime
    items: Sequence[int]

    def seconds(self, system: Fragile) -> float:
        """From the death until the last of the items was claimed by a living worker; infinite when one never was."""
        ((seconds, found),) = system.ask(_AGAIN, at=self.at, items=self.items, pipeline_id=self.pipeline_id)
        return float(seconds) if found == len(self.items) else float("inf")


def recoveries(system: Fragile, kills: int, latency_ms: float) -> Iterator[float]:
    """Kill the two workers of search in turn, each while it holds jobs; seconds until all that it held ran again.

    Each death has a pipeline of its own, for what was in two deaths is a suspect and takes its turn alone.
    """
    for n in range(kills):
        with Run(system, f"recovery {n}") as run:
            with run.slower(latency_ms):
                loss = lose_worker(system, run.pipeline_id, (SECOND, "serp")[n % 2])
            run.assert_completed_and_green()
            yield loss.seconds(system)


def lose_worker(system: Fragile, pipeline_id: str, victim: str = SECOND) -> Loss:
    """Kill a worker of search while it holds jobs."""
    while (loss := _lose(system, pipeline_id, victim)) is None:
        pass
    return loss


def _lose(system: Fragile, pipeline_id: str, victim: str) -> Loss | None:
    """None when it had just given back what it held."""

    def held() -> list[int]:
        tree = process_tree(system.pid(victim))
        return [job_id for (job_id,) in system.ask(_HELD, pipeline_id, tree)]

    wait_until(held, 60, what=lambda: f"{victim} gets no work; the pipeline is too short for so many deaths")
    jobs = held()
    system.kill(victim)
    ((at, items),) = system.ask(_LOST, pipeline_id, jobs)
    return Loss(pipeline_id, at, items) if items else None
