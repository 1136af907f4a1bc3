"""The script in Redis decides as the pure model does, whatever happens and in whatever order."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from shared.broker.admission import Ended, Script
from shared.broker.client import build_async_client
from shared.domain.breaker import Breaker, BreakerPolicy, BreakerState, Order, Verdict
from shared.domain.gate import GatePolicy

pytestmark = pytest.mark.anyio

#: Times so short that a history of a second holds many openings, probes and windows.
POLICY = BreakerPolicy(
    failure_threshold=4, timeout_seconds=0.02, success_threshold=3, window_seconds=0.06, probes=2
)
GATE = GatePolicy(1_000, settling_seconds=0.0, breaker=POLICY)
BREAKER = "{landscape}:gate:provider:breaker"
STEPS = 500


class History:
    """The script and the model, given the same events; the script's clock is the model's."""

    def __init__(self, script: Script, client: Any, seed: int) -> None:
        self._script = script
        self._client = client
        self._chance = random.Random(seed)
        self._epoch = b""
        self._model = Breaker()
        self._flying: dict[str, int] = {}
        self._number = 0
        self.seen: set[BreakerState] = set()
        self.forced = 0

    async def step(self) -> None:
        """Some calls end, some want to start, sometimes somebody gives an order."""
        chance = self._chance
        ended: list[Ended] = []
        mood = chance.choice([Verdict.FAIL, Verdict.OK, None])
        for token in chance.sample(sorted(self._flying), min(len(self._flying), chance.randrange(4))):
            verdict = mood or chance.choice(list(Verdict))
            ended.append((token, self._flying.pop(token), verdict))
        if chance.random() < 0.1:  # late, from an epoch long gone
            ended.append(("unknown", self._model.epoch - chance.randint(1, 3), Verdict.FAIL))
        wanted = [f"token {self._number + n}" for n in range(chance.randrange(5))]
        self._number += len(wanted)
        known = None
        if chance.random() < 0.02:
            known = self._model.ordered(chance.choice([*Order, Order.RESET]), 1)
        elif chance.random() < 0.05:
            known = replace(self._model, epoch=self._model.epoch - 1, state=BreakerState.CLOSED, since=0)
        answer = await self._script(self._epoch, ended, [], wanted, known=known)
        if answer.admitted < 0:
            self._epoch = answer.epoch
            answer = await self._script(self._epoch, [], [], wanted)
        self._follow(answer.now, ended, wanted, known, admitted=answer.admitted)
        for token in wanted[: answer.admitted]:
            self._flying[token] = answer.breaker.epoch
        await self._compare(answer.breaker)

    def _follow(
        self, now: int, ended: list[Ended], wanted: list[str], known: Breaker | None, *, admitted: int
    ) -> None:
        model = self._model
        if known and known.epoch > model.epoch:
            model, self.forced = replace(known, window=()), self.forced + 1
        for _, epoch, verdict in ended:
            model = model.judge(POLICY, now, epoch, Verdict(verdict))
        if wanted:
            model = model.knock(now)
            allowed = model.allowance(POLICY, now)
            probes = sum(epoch == model.epoch for epoch in self._flying.values())
            room = len(wanted) if allowed is None else max(0, min(len(wanted), allowed - probes))
            assert admitted == room
        self._model = model
        self.seen.add(model.state)

    async def _compare(self, told: Breaker) -> None:
        model = self._model
        assert told == replace(model, window=())
        window = (await self._client.hget(BREAKER, "window") or b"").decode()
        assert window == "".join(f"{part} {calls} {faults};" for part, calls, faults in model.window)


@pytest.mark.parametrize("seed", range(6))
async def test_script_and_model_agree_on_random_histories(server: Any, seed: int) -> None:
    """State, epoch, counts, times, window and number of probes, after every single step."""
    client = build_async_client(server.url)
    history = History(Script(client, "provider", GATE), client, seed)
    chance = random.Random(seed)
    for _ in range(STEPS):
        await history.step()
        if chance.random() < 0.1:
            await asyncio.sleep(chance.random() * 2 * POLICY.timeout_seconds)
    await client.aclose()
    assert history.seen == set(BreakerState)
    assert history.forced
