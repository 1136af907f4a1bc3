"""On a real system in trouble, `why` names for every open item the gate that its raw rows and Redis say."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.errors import NotFoundError
from tests.resilience.oracle import truths
from tests.resilience.scenario import Scenario, process_tree
from tests.resilience.test_breaker import LONG_SECONDS, Outage, landscape, system

#: Open items that are asked about while all of them move: few, so that most stand still meanwhile.
FEW = 12


class SmallOutage(Outage):
    """Every item is asked about, several times."""

    def _start(self) -> str:
        body = {
            "keywords": [f"keyword {n}" for n in range(12)],
            "regions": ["US"],
            "content_types": ["organic", "video"],
        }
        return str(self.api.start(json.dumps(body).encode())["pipeline_id"])


def compared(outage: Outage, most: int = 100_000) -> Counter[str]:
    """Gates by how many open items they hold. Items that moved while they were asked about are left out."""
    urls = outage.machine.run_file.postgres_url, outage.machine.run_file.redis_url
    everything = truths(*urls)
    before = dict(list(everything.items())[:: -(-len(everything) // most) or 1])
    found = {}
    for pipeline_id, phase, key in before:
        found[pipeline_id, phase, key] = outage.api.ask(
            "GET", f"/pipeline/{pipeline_id}/items/{phase}/why", params={"key": key}
        )["gate"]
    after = truths(*urls)
    still = {item: truth.gate for item, truth in before.items() if after.get(item) == truth}
    wrong = {item: (found[item], gate) for item, gate in still.items() if found[item] != gate}
    assert wrong == {}
    return Counter(still.values())


def await_gates(outage: Outage, *gates: str) -> None:
    """Return when every open item is held by one of these, and each of these holds some."""
    outage.wait(lambda _: set(compared(outage, FEW)) <= {*gates} and set(compared(outage)) == {*gates})


def audited(outage: Outage) -> bool:
    """Whether it was audited by itself, and passed."""
    with suppress(NotFoundError):
        found = outage.api.ask("GET", f"/pipeline/{outage.pipeline_id}/audit", params={"latest": "true"})
        assert found["passed"]
        return bool(found["state"] != "running")
    return False


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process and all below it are stopped, meanwhile."""
    tree = process_tree(pid)
    for one in tree:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in tree:
            os.kill(one, signal.SIGCONT)


def test_why_names_the_true_gate_of_every_open_item_while_things_go_wrong(tmp_path: Path) -> None:
    """A breaker that opens while searches go on, pauses of queue and pipeline, a worker that hangs; and the end is audited."""
    slow = {"LANDSCAPE_PROVIDERS__SERP__CONCURRENCY": "1"}
    with system(tmp_path, LONG_SECONDS, **slow) as machine, SmallOutage(machine, rate=1) as outage:
        seen = Counter[str]()
        outage.wait(lambda progress: bool(seen.update(compared(outage, FEW))) or Scenario.done(progress) == 1)
        outage.await_state("open")
        await_gates(outage, "breaker", "upstream")
        pipeline = f"/pipeline/{outage.pipeline_id}/why"
        assert outage.request("GET", pipeline)["gate"] == "breaker"
        assert outage.request("GET", "/monitoring/services/media/why")["gate"] == "breaker"

        here = ("--data-dir", str(tmp_path))
        assert landscape("why", "--service", "youtube", *here).startswith(
            "media is waiting: the circuit breaker of media is open"
        )
        assert landscape("queues", "pause", "media", "--reason", "look", *here) == "media is paused\n"
        await_gates(outage, "paused", "upstream")
        assert "landscape queues unpause media" in landscape("why", outage.pipeline_id, *here)
        assert landscape("queues", "unpause", "media", *here) == "media is running\n"

        outage.api.steer(outage.pipeline_id, "pause", actor="ada", reason="look")
        await_gates(outage, "paused")
        outage.api.steer(outage.pipeline_id, "unpause")

        with frozen(machine.run_file.processes["media"]):
            outage.wait(lambda _: "worker" in compared(outage, FEW))

        outage.heal()
        outage.request("POST", "/monitoring/circuit-breakers/media/reset")
        outage.wait(
            lambda progress: bool(seen.update(compared(outage, FEW))) or progress["state"] != "running"
        )
        assert {"working", "turn"} <= set(seen)
        assert outage.request("GET", pipeline)["gate"] == "finished"
        outage.wait(lambda _: audited(outage))
