"""The port: what a provider service declares, and what the runtime gives it to work with.

A provider is data plus one function, `handle(items, call)`. It knows no SQL, no Redis, no retry
loop, no breaker and no other service.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from shared.domain.breaker import BreakerPolicy
from shared.domain.category import ErrorRule
from shared.domain.item import Item
from shared.domain.retry import RetryPolicy

A = TypeVar("A", bound=msgspec.Struct)

InDoubt = Literal["rebuy", "hold"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, without base URL and credentials."""

    path: str
    """Below the base URL. `{name}` in it stands for the provider's setting of that name."""
    query: Mapping[str, str] = field(default_factory=dict)
    method: Literal["GET", "POST"] = "GET"
    json: Any = None
    """Body, encoded as JSON; None sends none."""


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[A]):
    """One kind of call: how to ask for subjects and how to read their answers.

    A *subject* is what is bought: one SERP, one video. Each answer is stored as a fact and never
    bought again while it is fresh.
    """

    name: str
    """Stable name in facts, ledger and metrics."""
    answer: type[A]
    """The sanitised answer that is stored; fields no credential or signed link can hide in."""
    request: Callable[[Sequence[str], Mapping[str, Any]], Request]
    """(subjects, params) -> the request that buys exactly these subjects."""
    read: Callable[[bytes, Sequence[str]], Mapping[str, A]]
    """(body of a 2xx answer, subjects asked) -> answer per subject; a subject left out does not exist.

    Raises AnswerError when the body says it failed; msgspec's ValidationError counts as `malformed`,
    its DecodeError as `unreadable`.
    """
    cost: Callable[[Mapping[str, A]], float]
    """Units charged for an answer, by the provider's price list or its own statement."""
    most: Callable[[Request], float]
    """Units one request may be charged at the most: so much is set aside until its answer is recorded."""
    per_call: int = 1
    """Subjects one request may carry."""
    answers: Mapping[int, Callable[[bytes, Sequence[str]], Mapping[str, A]]] = field(default_factory=dict)
    """Statuses beyond 2xx that are answers too, each with how to read it."""
    slow: bool = False
    """`read` computes for so long that it must not run on the event loop; it gets a thread."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the provider's plan allows over all processes together."""

    concurrency: int
    """Calls in flight at once."""
    requests_per_second: float = 0.0
    """0: no rate limit."""
    units_per_day: float = 0.0
    """Units that may be charged in a day; 0: no daily limit."""
    day_zone: str = "UTC"
    """Time zone whose midnight brings the day's units back."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Everything the runtime must know about an external API."""

    name: str
    """As in "scale_serp"."""
    service: str
    """Folder, queue and settings name, as in "serp". The phase bound to it is in `shared.domain.phases`."""
    base_url: str
    auth: tuple[Literal["query", "header", "bearer", "oauth"], str]
    """Where the key goes: ("query", parameter), ("header", name) or ("bearer", ""). ("oauth", ""): a bearer
    token that a refresh token is exchanged for.
    """
    limits: Limits
    retry: RetryPolicy
    items_per_call: int = 1
    """Items one `handle` serves; the dispatcher fills batches up to this."""
    unit: str = "call"
    error_units: float | None = None
    """Units charged for an answer with an error; None: unknown."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of its own with their defaults, as in {"version": "v26"}; "": must be set. See `Request.path`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header -> the setting it carries; not sent while that is empty."""
    timeout_seconds: float = 60.0
    """A call without a whole answer after this long has failed."""
    request_id: str = "X-Request-ID"
    """Header that carries the id of a call, so that both sides can name it."""
    in_doubt: InDoubt = "rebuy"
    """What becomes of a fact whose purchase is in doubt: bought again, or held until an operator decides."""
    freshness_seconds: float = 24 * 60 * 60
    """How long a fact answers instead of a new call."""
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    """When its calls stop and what lets them start again."""
    errors: tuple[ErrorRule, ...] = ()
    error_codes: tuple[str, ...] = ()
    """Dotted paths of error codes in an error body, most specific first; lists are searched through."""
    error_headers: tuple[str, ...] = ()
    """Headers that tell errors apart: one that is present gives the codes `name` and `name:value`, in lower case."""
    retry_after: tuple[str, ...] = ()
    """Dotted paths of a delay in seconds in an error body."""
    retry_after_headers: tuple[str, ...] = ()
    """Headers with a delay in seconds, beside the standard ones."""
    culprits: tuple[str, ...] = ()
    """Dotted paths of places in the request's list of subjects, from 0, in an error body: who spoilt the call."""


class FactRef(msgspec.Struct, frozen=True):
    """Where a stored answer is: lineage from a result to what was paid for."""

    key: str
    """Hash of provider, endpoint, subject and parameters."""
    call_id: str
    """The call that bought it."""


@dataclass(frozen=True, slots=True)
class Fact(Generic[A]):
    """A subject's answer, bought now or earlier."""

    subject: str
    answer: A | None
    """None: the provider answered and does not know this subject."""
    ref: FactRef
    from_store: bool
    """True when it was in the store; False when a call, this item's or another's, bought it now."""


class Call(Protocol):
    """Buys facts. Gate, ledger, retry classification and fact store act behind it.

    May be awaited several times by one `handle`, also concurrently. Raises ProviderError, which
    `handle` lets through: the runtime decides what it means for the items. It may catch one only to make
    another call in its place, as a shorter prompt after one that was too long. Cancellation passes.
    """

    def __call__(
        self, endpoint: Endpoint[A], subjects: Collection[str], params: Mapping[str, Any] | None = None
    ) -> Awaitable[Mapping[str, Fact[A]]]:
        """One fact per distinct subject. `params` is what beside the subject makes the answer differ."""
        ...


@dataclass(frozen=True, slots=True)
class Completed:
    """The item's work is done; `result` is stored in the same transaction as the state."""

    result: msgspec.Struct
    facts: tuple[Fact[Any], ...]
    degraded: str = ""
    """Reason, when the result is less than was asked for."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The item will never work."""

    error: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """By rule there is nothing to do for this item."""

    reason: str


Outcome = Completed | Failed | Skipped


class Handle(Protocol):
    """`async def handle(items, call)`: an outcome for every item, by item id."""

    def __call__(self, items: Sequence[Item], call: Call) -> Awaitable[Mapping[int, Outcome]]:
        """Serve at most `items_per_call` items."""
        ...
