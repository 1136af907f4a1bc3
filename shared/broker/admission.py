"""The gate's script in Redis: what it is asked and what it answers, in Python's types."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import redis.asyncio

from shared.broker.client import NAMESPACE
from shared.domain.breaker import HELD_SECONDS, PARTS, PROBING_SECONDS, Breaker, BreakerPolicy, BreakerState
from shared.domain.gate import GatePolicy

_SCRIPT = (Path(__file__).parent / "lua" / "admit.lua").read_text()
_KEYS = ("epoch", "inflight", "tat", "hold", "breaker", "probes")
#: Of the breaker's hash, in the order in which the script tells them.
FIELDS = ("state", "epoch", "failures", "successes", "opened_at", "reopen_at", "since", "forced", "trips")
MICRO = 1_000_000

Slot = tuple[str, int]
"""Token of a call in flight, and the breaker's epoch it began in."""
Ended = tuple[str, int, str]
"""The same of a call that ended, and its verdict; nothing: its slot is free, its verdict not told yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Times are microseconds."""

    epoch: bytes
    """Of the memory of Redis."""
    admitted: int
    """-1: the epoch is another than the one it was asked with."""
    wait: int
    """Until the next admission; 0: unknown."""
    reason: str
    held: bool
    """A hold is the reason."""
    now: int
    breaker: Breaker


class Script:
    """One round trip to the gate of one provider."""

    def __init__(self, client: redis.asyncio.Redis, provider: str, policy: GatePolicy) -> None:
        self._keys = [key_of(provider, name) for name in _KEYS]
        self._run = cast("Callable[..., Awaitable[list[bytes | int]]]", client.register_script(_SCRIPT))
        self._limits = (
            policy.concurrency,
            policy.requests_per_second,
            policy.burst,
            int(policy.lease_seconds * MICRO),
            int(policy.settling_seconds * MICRO),
        )
        self.follow(policy.breaker)

    def follow(self, breaker: BreakerPolicy) -> None:
        """What the script is told of the breaker from now on. Another window begins empty: its parts are numbered anew."""
        self._breaker = (
            breaker.failure_threshold,
            breaker.success_threshold,
            breaker.timeout,
            breaker.part,
            PARTS,
            breaker.failure_share,
            breaker.probes,
            int(HELD_SECONDS * MICRO),
            int(PROBING_SECONDS * MICRO),
        )

    async def __call__(
        self,
        epoch: bytes,
        ended: Sequence[Ended],
        renewed: Sequence[Slot],
        wanted: Sequence[str],
        *,
        bypass: int = 0,
        hold: tuple[float, str] = (0.0, ""),
        known: Breaker | None = None,
    ) -> Answer:
        """Slots of `ended` given back, those of `renewed` kept, `wanted` admitted as far as possible, in this order; the
        first `bypass` of them whatever the breaker says.

        Raises redis-py's errors.
        """
        found, admitted, wait, why, held, now, *told = await self._run(
            keys=self._keys,
            args=[
                epoch,
                *self._limits,
                int(hold[0] * MICRO),
                hold[1],
                *self._breaker,
                _words(known) if known else "",
                len(ended),
                len(renewed),
                len(wanted),
                bypass,
                *(word for call in ended for word in call),
                *(word for slot in renewed for word in slot),
                *wanted,
            ],
        )
        return Answer(
            cast("bytes", found),
            cast("int", admitted),
            cast("int", wait),
            cast("bytes", why).decode(),
            bool(held),
            cast("int", now),
            _breaker(told),
        )


def key_of(provider: str, name: str) -> str:
    """Where Redis keeps this of a provider's gate."""
    return f"{NAMESPACE}:gate:{provider}:{name}"


def _words(breaker: Breaker) -> str:
    numbers = (
        breaker.epoch,
        breaker.failures,
        breaker.successes,
        breaker.opened_at,
        breaker.reopen_at,
        breaker.since,
        int(breaker.forced),
        breaker.trips,
    )
    return " ".join([breaker.state, *map(str, numbers)])


def _breaker(told: Sequence[bytes | int]) -> Breaker:
    state, *numbers = told
    epoch, failures, successes, opened_at, reopen_at, since, forced, trips = map(int, numbers)
    return Breaker(
        BreakerState(cast("bytes", state).decode()), epoch, failures, successes, opened_at, reopen_at, since,
        bool(forced), trips,
    )  # fmt: skip
