"""What can be set on a simulator, at its start and while it plays."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a provider enforces. None enforces nothing; what goes over is answered with its own refusal."""

    requests_per_second: Annotated[float, Meta(gt=0)] | None = None
    """A token bucket of one second's worth, full at the start."""
    concurrency: Annotated[int, Meta(ge=1)] | None = None
    """Calls in flight, the new one included."""
    daily_units: Annotated[int, Meta(ge=0)] | None = None
    """Units charged per day of the provider's own time zone."""
    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    """As `tokens_per_minute`; refused requests count, too."""
    tokens_per_minute: Annotated[int, Meta(ge=1)] | None = None
    """A bucket that refills evenly, full at the start: for providers that weigh their calls in tokens."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. Answers depend on `seed`, `answer_bytes` and the request alone."""

    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    """The world: companies, rankings, videos."""
    latency_ms: Annotated[float, Meta(ge=0, le=600_000)] = 100.0
    """Milliseconds before an answer leaves."""
    latency_tail: Share = 0.0
    """Share of calls that take five times the latency."""
    answer_bytes: Annotated[int, Meta(ge=0, le=4_000_000)] = 12_000
    """A search answer is padded to about this size; one that is larger by itself stays as it is."""
    fault_rate: Share = 0.0
    """Share of calls that fail by the built-in mixture of faults."""
    oauth_token_seconds: Annotated[int, Meta(ge=0)] = 3599
    """Life of an access token that is given out from now on; 0 gives out tokens that have expired."""
    limits: dict[str, Limits] = {}
    """By provider name. A provider that is absent has none."""

    def updated(self, changes: dict[str, Any]) -> "Settings":
        """These settings with `changes` (plain JSON values). A provider named under `limits` gets exactly
        the given limits, null clears it. Raises msgspec.ValidationError naming the path.
        """
        merged: dict[str, Any] = {**msgspec.to_builtins(self), **changes}
        if isinstance(given := changes.get("limits"), dict):
            limits = {**msgspec.to_builtins(self.limits), **given}
            merged["limits"] = {name: value for name, value in limits.items() if value is not None}
        return msgspec.convert(merged, Settings)
