"""Faults: the table of what can go wrong, and the rules that say when it does."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from services.simulator.chance import share

Count = Annotated[int, Meta(ge=1)]


class How(Enum):
    """What happens to the call."""

    DELAY = auto()
    """The answer comes `seconds` later than it would."""
    LATE = auto()
    """The request is carried out and charged in time, its answer comes `seconds` later."""
    HANG = auto()
    """No answer for `seconds`, then the connection is cut."""
    DROP = auto()
    """The connection is cut before the headers."""
    CUT = auto()
    """Headers and half of the body, then the connection is closed."""
    TRUNCATE = auto()
    """Valid HTTP 200 whose JSON ends half-way."""
    HTML = auto()
    """Status 200 with a page of the provider's edge."""
    DRIP = auto()
    """The whole body, in small pieces over `seconds`."""
    ERROR = auto()
    """An error answer in the provider's own shape."""
    VARIANT = auto()
    """The normal answer in a crippled form."""


class Fault(NamedTuple):
    """One row of the table."""

    how: How
    charged: bool
    """Whether the provider charges for such a call, unless the rule says otherwise."""
    seconds: float = 1.0
    """Default for `seconds`."""


COMMON: Mapping[str, Fault] = {
    "latency": Fault(How.DELAY, charged=True),
    "late": Fault(How.LATE, charged=True, seconds=5),
    "hang": Fault(How.HANG, charged=False, seconds=30),
    "drop": Fault(How.DROP, charged=False),
    "drop_mid_body": Fault(How.CUT, charged=True),
    "truncated_json": Fault(How.TRUNCATE, charged=True),
    "html": Fault(How.HTML, charged=False),
    "slow_drip": Fault(How.DRIP, charged=True, seconds=5),
    "server_error": Fault(How.ERROR, charged=False),
    "rate_limit": Fault(How.ERROR, charged=False),
}
MIXTURE = ("server_error", "rate_limit", "drop", "truncated_json")
"""What the built-in mixture cycles over."""
HANG_EVERY = 40
"""Each so-many-th fault of the mixture hangs instead."""


class Injected(NamedTuple):
    """A fault decided for one call."""

    name: str
    fault: Fault
    seconds: float
    charged: bool


class Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """When a fault strikes. Every condition given must hold; without any, always."""

    provider: str
    """A provider's name, or "*" for each of them."""
    fault: str
    times: Count | None = None
    """At most this often; without it until the reset."""
    every: Count | None = None
    """Each n-th of the calls that match."""
    nth: Count | None = None
    """Only the n-th of the calls that match."""
    key: Annotated[str, Meta(min_length=1)] | None = None
    """Part of a subject's text; matches only calls that ask for such a subject."""
    seconds: Annotated[float, Meta(ge=0, le=3600)] | None = None
    rate: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Share of the calls that match."""
    charged: bool | None = None


class _Live:
    def __init__(self, number: int, rule: Rule, fault: Fault) -> None:
        self.number, self.rule = number, rule
        charged = fault.charged if rule.charged is None else rule.charged
        seconds = fault.seconds if rule.seconds is None else rule.seconds
        self.injected = Injected(rule.fault, fault, seconds, charged)
        self.matched = self.struck = 0

    def strikes(self, provider: str, subjects: tuple[str, ...], seed: int) -> bool:
        rule = self.rule
        if rule.provider not in ("*", provider):
            return False
        if rule.key is not None and not any(rule.key in subject for subject in subjects):
            return False
        self.matched += 1
        return (
            (rule.times is None or self.struck < rule.times)
            and (rule.nth is None or self.matched == rule.nth)
            and (rule.every is None or self.matched % rule.every == 0)
            and (rule.rate is None or share(seed, f"fault {self.number} {self.matched}") < rule.rate)
        )


class Faults:
    """The rules in force. The first one posted that strikes decides; then the mixture has its turn."""

    def __init__(self, tables: Mapping[str, Mapping[str, Fault]]) -> None:
        self.tables = {name: {**COMMON, **own} for name, own in tables.items()}
        """Every fault by provider and name."""
        self._live: list[_Live] = []
        self._numbers = 0
        self._mixed = dict.fromkeys(self.tables, 0)

    def clear(self) -> None:
        """No rules, and counting starts again."""
        self._live, self._numbers = [], 0
        self._mixed = dict.fromkeys(self.tables, 0)

    def add(self, rule: Rule) -> dict[str, object]:
        """Put the rule in force and describe it. Its provider and fault are known to `tables`."""
        table = COMMON if rule.provider == "*" else self.tables[rule.provider]
        self._numbers += 1
        live = _Live(self._numbers, rule, table[rule.fault])
        self._live.append(live)
        return self._describe(live)

    def describe(self) -> list[dict[str, object]]:
        """The rules in force with how often each matched and struck."""
        return [self._describe(live) for live in self._live]

    def decide(
        self, provider: str, ordinal: int, subjects: tuple[str, ...], *, seed: int, fault_rate: float
    ) -> Injected | None:
        """The fault of this call, the provider's `ordinal`-th, or None."""
        chosen: _Live | None = None
        for live in self._live:
            if live.strikes(provider, subjects, seed) and chosen is None:
                chosen = live
        if chosen is not None:
            chosen.struck += 1
            return chosen.injected
        if fault_rate and share(seed, f"mixture {provider} {ordinal}") < fault_rate:
            return self._mix(provider)
        return None

    def _mix(self, provider: str) -> Injected:
        count = self._mixed[provider] = self._mixed[provider] + 1
        name = "hang" if count % HANG_EVERY == 0 else MIXTURE[(count - 1) % len(MIXTURE)]
        fault = COMMON[name]
        return Injected(name, fault, fault.seconds, fault.charged)

    @staticmethod
    def _describe(live: _Live) -> dict[str, object]:
        return {
            **msgspec.to_builtins(live.rule),
            "id": live.number,
            "seconds": live.injected.seconds,
            "charged": live.injected.charged,
            "matched": live.matched,
            "struck": live.struck,
        }
