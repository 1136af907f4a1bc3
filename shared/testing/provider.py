"""A provider whose answers are up to the test."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from shared.domain.category import ErrorRule
from shared.domain.item import Item
from shared.domain.provider import Call, Completed, Endpoint, InDoubt, Limits, Outcome, Provider, Request
from shared.domain.results import Ranking, SearchResult
from shared.domain.retry import RetryPolicy

#: What a subject costs.
UNITS = 2.0

Reply = Callable[[list[str]], Awaitable[httpx.Response]]
"""The subjects asked for -> the answer."""


class Answer(msgspec.Struct, frozen=True):
    """What the provider says about a subject."""

    text: str


def answers(subjects: Sequence[str]) -> httpx.Response:
    """A good answer for each of these subjects."""
    return httpx.Response(200, json={subject: {"text": f"about {subject}"} for subject in subjects})


class ScriptedProvider:
    """Works on searches. What its server answers is decided by `reply`; `requests` are those that reached it."""

    def __init__(
        self,
        *,
        per_call: int = 1,
        items_per_call: int = 1,
        concurrency: int = 200,
        retry: RetryPolicy | None = None,
        errors: tuple[ErrorRule, ...] = (),
        culprits: tuple[str, ...] = (),
        slow: bool = False,
        timeout_seconds: float = 30.0,
        in_doubt: InDoubt = "rebuy",
    ) -> None:
        self.provider = Provider(
            name="scripted",
            service="serp",
            base_url="http://provider.test/v1",
            auth=("bearer", ""),
            limits=Limits(concurrency),
            retry=retry or RetryPolicy(attempts=3, base_seconds=60.0, jitter=0.0),
            items_per_call=items_per_call,
            error_units=1.0,
            timeout_seconds=timeout_seconds,
            in_doubt=in_doubt,
            errors=errors,
            culprits=culprits,
        )
        self.endpoint = Endpoint(
            "answers",
            Answer,
            _request,
            _read,
            lambda read: UNITS * len(read),
            lambda _: UNITS * per_call,
            per_call=per_call,
            slow=slow,
        )
        self.reply: Reply = _reply
        self.requests: list[list[str]] = []
        self.transport = httpx.MockTransport(self._serve)

    async def handle(self, items: Sequence[Item], call: Call) -> Mapping[int, Outcome]:
        """A search with one result per item."""
        facts = await call(self.endpoint, [item.key for item in items])
        return {
            item.item_id: Completed(
                SearchResult((Ranking(1, "https://www.acme.com/a", "acme.com", title="Acme"),)),
                (facts[item.key],),
                degraded="" if facts[item.key].answer else "not_found",
            )
            for item in items
        }

    async def _serve(self, request: httpx.Request) -> httpx.Response:
        subjects = json.loads(request.url.params["subjects"])
        self.requests.append(subjects)
        return await self.reply(subjects)


async def _reply(subjects: list[str]) -> httpx.Response:
    return answers(subjects)


def _request(subjects: Sequence[str], params: Mapping[str, Any]) -> Request:
    return Request("/answers", {"subjects": json.dumps(list(subjects)), **params})


def _read(body: bytes, _: Sequence[str]) -> Mapping[str, Answer]:
    return msgspec.json.decode(body, type=dict[str, Answer])
