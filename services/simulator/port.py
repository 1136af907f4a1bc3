"""What a simulated provider is: it reads a request, answers it from the world, and fails in its own words."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from services.simulator.faults import Fault
from services.simulator.world import World

JSON = "application/json; charset=utf-8"


class Request(NamedTuple):
    """An HTTP request as the provider sees it."""

    method: str
    path: str
    """Below the provider's prefix: "/search"."""
    query: Mapping[str, str]
    raw_query: str
    """As it came, still encoded."""
    headers: Mapping[str, str]
    """Names in any letter case."""
    body: bytes


class Gauge(NamedTuple):
    """What is left in a bucket per minute."""

    limit: int
    remaining: int
    reset_seconds: float
    """Until the bucket is full again."""


class Account(NamedTuple):
    """What the caller's account has used: the stateful part of an answer."""

    used: int
    """Units charged since the last reset of the day's allowance."""
    allowance: int | None
    """Units per day, None without a limit."""
    in_flight: int = 0
    """Calls, this one included."""
    concurrency: int | None = None
    """Calls in flight that are allowed, None without a limit."""
    requests: Gauge | None = None
    """Per minute; None without a limit."""
    tokens: Gauge | None = None
    """Per minute; None without a limit."""


class Scene(NamedTuple):
    """What an answer depends on besides its question."""

    world: World
    account: Account
    answer_bytes: int
    """Size to pad large answers to."""
    fault: str = ""
    """A fault of kind VARIANT to play inside the answer, or the limit per minute (by its name in Limits) that
    refuses the call.
    """
    oauth_token_seconds: int = 3599
    """Life of an access token given out now."""


class Answer(NamedTuple):
    """An HTTP answer, complete."""

    status: int
    body: bytes
    units: int = 0
    """What it costs when it is charged."""
    bought: bool = False
    """Whether its subjects count as bought once it was sent entire."""
    headers: Mapping[str, str] = {}
    content_type: str = JSON


class Question(NamedTuple):
    """A request that is valid. A request that is not is answered by `read` itself."""

    subjects: tuple[str, ...]
    """What is asked for, parameters included: one search, or one entry per id. Empty for what is free."""
    answer: Callable[[Scene], Answer]
    tokens: int = 0
    """What it takes of the tokens per minute; 0 where calls are not weighed, then there is no limit per minute."""


class Provider(Protocol):
    """One file per provider. Holds no state of its own: world and account come with the scene."""

    name: str
    """As in the ledger, the limits and the faults: "scale_serp"."""
    prefix: str
    """Where it lives on the one port: "/scaleserp"."""
    zone: str
    """Time zone whose midnight renews the daily allowance."""
    faults: Mapping[str, Fault]
    """Its own faults, beside those every provider has."""
    over_allowance: str
    """The fault that tells of a used-up allowance."""

    def read(self, request: Request) -> Question | Answer:
        """The question, or at once the refusal of a request that is wrong."""
        ...

    def fail(self, fault: str, seconds: float) -> Answer:
        """The provider's own answer for `server_error`, `rate_limit` and its faults of kind ERROR.
        `seconds` is the wait it tells, where it tells one.
        """
        ...
