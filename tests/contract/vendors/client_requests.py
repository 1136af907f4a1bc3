"""What our clients send: a small pipeline worked through against the simulator, every request of it kept."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import groupby
from typing import Any

import httpx
import msgspec

from services.gateway.standalone.stack import SIMULATED_PATHS
from shared.domain.item import Item
from shared.domain.phases import PHASES, NewItem, Phase, found_in, of_service
from shared.domain.pipeline import PipelineConfig, freeze, start_items
from shared.domain.provider import Completed, Outcome, Provider
from shared.domain.start import StartRequest
from shared.errors import ProviderError
from tests.services.test_simulator_google_ads import token
from tests.services.test_simulator_process import Simulator
from tests.services.till import Till

#: Services whose clients ask otherwise after failures, whatever the failures were.
_INSISTENT = ("llm",)


def kept(sim: Simulator, service: str, start: StartRequest, at_most: int = 100) -> list[httpx.Request]:
    """The requests of one service, which works on at most so many items; what its items are found in comes first."""
    work = _Work(sim, freeze(start).config, at_most)
    asyncio.run(work.run(of_service(service)))
    return work.requests[service]


@dataclass
class _Work:
    sim: Simulator
    config: PipelineConfig
    at_most: int
    requests: dict[str, list[httpx.Request]] = field(default_factory=lambda: defaultdict(list))
    due: dict[str, dict[str, NewItem]] = field(default_factory=lambda: defaultdict(dict))
    answers: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """Phase and subject -> what was bought."""

    async def run(self, last: Phase) -> None:
        for item in start_items(self.config):
            self.due[item.phase][item.key] = item
        for phase in _up_to(last):
            provider: Provider = import_module(f"services.{phase.service}.provider").PROVIDER
            items = sorted(self.due[phase.name].values(), key=lambda item: item.batch_key)[: self.at_most]
            for _, shared in groupby(items, key=lambda item: item.batch_key):
                batch = list(shared)
                for n in range(0, len(batch), provider.items_per_call):
                    await self._work_on(phase, provider, batch[n : n + provider.items_per_call])

    async def _work_on(self, phase: Phase, provider: Provider, batch: Sequence[NewItem]) -> None:
        for attempts in (0, 2):
            till = Till(provider, self._reply(provider))
            items = [self._item(phase, n, item, attempts) for n, item in enumerate(batch)]
            try:
                outcomes = await import_module(f"services.{phase.service}.provider").handle(items, till)
            except ProviderError:  # its requests count all the same
                outcomes = {}
            self.requests[phase.service] += till.requests
            for item in items:
                self._keep(phase, item.key, outcomes.get(item.item_id))
            if outcomes and phase.service not in _INSISTENT:
                return

    def _item(self, phase: Phase, number: int, item: NewItem, attempts: int) -> Item:
        config = msgspec.to_builtins(self.config)
        context = {name: config[name] for name in phase.context if name in config}
        return Item(
            number, item.key, item.input, attempts, context, self.answers.get((phase.reads, item.key))
        )

    def _keep(self, phase: Phase, key: str, outcome: Outcome | None) -> None:
        if not isinstance(outcome, Completed):
            return
        for fact in outcome.facts:
            self.answers[phase.name, fact.subject] = msgspec.to_builtins(fact.answer)
        for found in found_in(phase.name, key, outcome.result, self.config.rules):
            self.due[found.phase].setdefault(found.key, found)

    def _reply(self, provider: Provider) -> Any:
        """Passes a request on to the simulator, which gives its own access tokens."""
        prefix = SIMULATED_PATHS[provider.service]
        authorization = {"Authorization": f"Bearer {token(self.sim)}"} if provider.auth[0] == "oauth" else {}

        def reply(request: httpx.Request) -> httpx.Response:
            assert str(request.url).startswith(provider.base_url)
            names = ("Authorization", "Content-Type", "X-Goog-Api-Key", "login-customer-id")
            headers = {name: request.headers[name] for name in names if name in request.headers}
            answer = self.sim.http.request(
                request.method,
                prefix + str(request.url).removeprefix(provider.base_url),
                content=request.content,
                headers={**headers, **authorization},
            )
            told = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
            return httpx.Response(answer.status_code, headers=told, content=answer.content)

        return reply


def _up_to(last: Phase) -> Iterable[Phase]:
    """The phases whose results lead to the items of the last one, and that one, in order."""
    wanted = {last.name}
    for phase in reversed(PHASES.values()):
        if phase.name in wanted:
            wanted |= {*phase.upstream, phase.reads}
    return [phase for phase in PHASES.values() if phase.name in wanted]
