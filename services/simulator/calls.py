"""The life of one call: counted, refused or delayed, answered or spoiled, charged.

Charging follows the wire: a call is charged when its latency has passed and the answer is made. A client
that gives up before that has bought nothing; one that gives up later has paid for an answer it did not get
(`units_unanswered`). Subjects count as bought only when the answer was sent entire and usable.
"""

import asyncio

from aiohttp import web

from services.simulator import delivery
from services.simulator.chance import share
from services.simulator.faults import How, Injected
from services.simulator.ledger import Tally
from services.simulator.port import Account, Answer, Provider, Question, Request, Scene
from services.simulator.stage import Stage

TAIL_FACTOR = 5.0
"""How much longer a call of the latency tail takes."""
WHOLE = frozenset({How.DELAY, How.LATE, How.DRIP, How.VARIANT})
"""Faults after which the client still has the whole answer."""


class Call:
    """One request to one provider."""

    def __init__(self, stage: Stage, provider: Provider, http: web.BaseRequest) -> None:
        self._stage, self._provider, self._http = stage, provider, http
        # A provider that documents such a header has its own name for it.
        headers = http.headers
        self._request_id = headers.get("X-Request-ID", headers.get("X-Client-Request-Id", ""))
        self._tally: Tally = stage.ledger.tallies[provider.name]
        self._meter = stage.meters[provider.name]

    async def run(self, request: Request) -> web.StreamResponse:
        """Answer, or cut the connection. The response returned has been sent."""
        tally = self._tally
        ordinal = tally.arrive()
        try:
            return await self._run(request, ordinal)
        except (asyncio.CancelledError, ConnectionError):
            tally.abandoned += 1
            raise
        finally:
            tally.depart()

    async def _run(self, request: Request, ordinal: int) -> web.StreamResponse:
        stage, provider = self._stage, self._provider
        limits = stage.limits(provider.name)
        if self._meter.over_rate(limits, self._tally.in_flight):
            self._tally.over_limit += 1
            return await delivery.send(self._http, provider.fail("rate_limit", 1))
        question = provider.read(request)
        if isinstance(question, Answer):
            await self._wait(ordinal)
            return await self._sell(question, ())
        if question.tokens and (limit := self._meter.over_minute(limits, question.tokens)):
            self._tally.over_limit += 1
            return await delivery.send(self._http, self._make(question, limit))
        account = self._meter.account(limits, self._tally.in_flight)
        if question.subjects and account.allowance is not None and account.used >= account.allowance:
            self._tally.over_limit += 1
            await self._wait(ordinal)
            return await delivery.send(self._http, provider.fail(provider.over_allowance, 0))
        settings = stage.settings
        injected = stage.faults.decide(
            provider.name, ordinal, question.subjects, seed=settings.seed, fault_rate=settings.fault_rate
        )
        if injected is not None:
            self._tally.faults_injected += 1
            return await self._spoil(question, injected, ordinal)
        await self._wait(ordinal)
        return await self._sell(self._make(question), question.subjects)

    async def _wait(self, ordinal: int, further_seconds: float = 0.0) -> None:
        settings = self._stage.settings
        seconds = settings.latency_ms / 1000
        tail = settings.latency_tail
        if tail and share(settings.seed, f"tail {self._provider.name} {ordinal}") < tail:
            seconds *= TAIL_FACTOR
        if seconds + further_seconds:
            await asyncio.sleep(seconds + further_seconds)

    def _make(self, question: Question, fault: str = "") -> Answer:
        stage = self._stage
        account: Account = self._meter.account(stage.limits(self._provider.name), self._tally.in_flight)
        settings = stage.settings
        scene = Scene(stage.world, account, settings.answer_bytes, fault, settings.oauth_token_seconds)
        return question.answer(scene)

    def _charge(self, units: int) -> None:
        self._tally.charge(units, self._request_id)
        self._meter.charge(units)

    async def _sell(self, answer: Answer, subjects: tuple[str, ...]) -> web.StreamResponse:
        self._charge(answer.units)
        response = await delivery.send(self._http, answer)
        self._tally.deliver(answer.units, subjects if answer.bought else ())
        return response

    async def _spoil(self, question: Question, injected: Injected, ordinal: int) -> web.StreamResponse:
        how, seconds = injected.fault.how, injected.seconds
        await self._wait(ordinal, seconds if how is How.DELAY else 0.0)
        answer = self._make(question, injected.name if how is How.VARIANT else "")
        units = answer.units if injected.charged else 0
        self._charge(units)
        if how in (How.LATE, How.HANG):
            await asyncio.sleep(seconds)
        response = await self._deliver(answer, injected)
        if how in WHOLE:
            self._tally.deliver(units, question.subjects if answer.bought and injected.charged else ())
        return response

    async def _deliver(self, answer: Answer, injected: Injected) -> web.StreamResponse:
        http, how = self._http, injected.fault.how
        if how in (How.HANG, How.DROP):
            return delivery.drop(http)
        if how is How.CUT:
            return await delivery.cut(http, answer)
        if how is How.DRIP:
            return await delivery.drip(http, answer, injected.seconds)
        if how is How.TRUNCATE:
            answer = answer._replace(body=answer.body[: len(answer.body) // 2])
        elif how is How.HTML:
            answer = delivery.EDGE_PAGE
        elif how is How.ERROR:
            answer = self._provider.fail(injected.name, injected.seconds)
        return await delivery.send(http, answer)
