"""One cheap call to each configured provider, and how its answer differs from what is expected."""

import asyncio
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import httpx
import msgspec

from services.gateway.doctor import clock, shape
from services.gateway.doctor.expectation import Expectation
from services.gateway.doctor.finding import Finding, note, ok, one_line, wrong
from services.gateway.doctor.providers import EXPECTATIONS
from shared.config import Settings
from shared.errors import ConfigError, ProviderError
from shared.runtime.http import Wire, build_transport
from shared.runtime.worker import account, with_overrides

#: Nobody waits longer for a diagnosis.
CALL_SECONDS = 20.0
#: Characters of a value that is shown.
SHOWN = 60


@dataclass(slots=True)
class _Dated(httpx.AsyncBaseTransport):
    """A transport that remembers the Date of the last answer, and when it was asked for and had."""

    inner: httpx.AsyncBaseTransport
    date: str = ""
    before: float = 0.0
    after: float = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.before = time.time()
        response = await self.inner.handle_async_request(request)
        self.date, self.after = response.headers.get("date", ""), time.time()
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


async def call_all(settings: Settings) -> list[Finding]:
    """Findings of every provider that has what a call needs, in the order of the phases."""
    configured = [(e, settings.provider(e.service)) for e in EXPECTATIONS]
    asked = [e for e, own in configured if e.is_configured(own) and e.can_call(own)]
    if not asked:
        return [note("live", "no provider has a key, so none was called")]
    found = await asyncio.gather(*(call(expectation, settings) for expectation in asked))
    return [finding for findings in found for finding in findings]


async def call(expectation: Expectation, settings: Settings) -> list[Finding]:
    """The call as a worker makes it, and its clock."""
    own = settings.provider(expectation.service)
    provider = replace(with_overrides(expectation.provider, settings), timeout_seconds=CALL_SECONDS)
    transport = _Dated(build_transport(own.transport, 1))
    name = f"live {provider.name}"
    try:
        wire = Wire(provider, account(provider, own), 1, transport)
        _, body = await wire.send(expectation.request)
        answer = json.loads(body)
    except ConfigError as error:
        finding = wrong(name, one_line(error), "correct it")
    except ProviderError as error:
        finding = wrong(name, one_line(error), _cure(expectation, error))
    except ValueError:
        finding = wrong(
            name, "the answer is no JSON", f"look at {provider.base_url}: something else answers there"
        )
    else:
        finding = _judge(name, expectation, answer, settings)
    finally:
        await transport.aclose()
    theirs = clock.read(transport.date) if transport.date else None
    clocks = [clock.compare(provider.name, theirs, transport.before, transport.after)] if theirs else []
    return [finding, *clocks]


def _cure(expectation: Expectation, error: ProviderError) -> str:
    variables = ", ".join(map(expectation.variable, expectation.credentials))
    match error.status:
        case 402:
            return "look at credit and payment of the account"
        case 429:
            return "the account is over its limit; ask again later"
        case None:
            return f"check network, name server and {expectation.variable('base_url')}; a proxy is not used"
        case status if status >= 500:
            return "the provider is in trouble; ask again later"
    return f"check {variables}"


def _judge(name: str, expectation: Expectation, answer: Any, settings: Settings) -> Finding:
    request = expectation.request
    asked = f"{request.method} {request.path} ({expectation.price})"
    differences = shape.compare(answer, expectation.fields)
    lines = tuple(map(str, differences))
    if broken := [one for one in differences if not one.harmless]:
        finding = wrong(
            name,
            f"{asked}: {len(broken)} fields are not as expected",
            f"compare with {expectation.source}; the service reads what it knows",
        )
    elif objection := expectation.objection(answer, settings.provider(expectation.service)):
        finding = wrong(name, f"{asked}: {objection}", "see to it at the provider, or change the setting")
    else:
        told = ", ".join(f"{path.rpartition('.')[2]} {_value(answer, path)}" for path in expectation.tells)
        detail = f"{asked}: answered{', not quite as expected' if differences else ' as expected'}"
        finding = (note if differences else ok)(name, f"{detail}{'; ' if told else ''}{told}")
    return msgspec.structs.replace(finding, differences=lines)


def _value(answer: Any, path: str) -> str:
    for part in path.split("."):
        answer = answer[part]
    return str(answer)[:SHOWN]
