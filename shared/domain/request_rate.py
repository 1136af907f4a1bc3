"""How often one asker may ask: the generic cell rate algorithm, as the providers' limits have it."""

from dataclasses import dataclass
from typing import Final

#: Askers kept in mind; beyond that those are forgotten that have been quiet for long enough to start anew.
KNOWN: Final = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request."""

    admitted: bool
    left: int
    """Requests that would be admitted at once after this one."""
    wait_seconds: float
    """Refused: until the next is admitted. Admitted: until all of `burst` would be."""


class RequestRate:
    """At most `burst` requests of an asker at once, and `per_second` of them on the long run."""

    def __init__(self, per_second: float, burst: int) -> None:
        self.per_second = per_second
        self.burst = burst
        self._full_at: dict[str, float] = {}

    def ask(self, asker: str, now: float) -> Verdict:
        """Count a request at `now`, in seconds of a clock that never goes back; a refused one counts nothing."""
        gap, most = 1 / self.per_second, self.burst / self.per_second
        full_at = max(self._full_at.get(asker, now), now) + gap
        over = full_at - now - most
        if over > 1e-9:
            return Verdict(admitted=False, left=0, wait_seconds=over)
        if len(self._full_at) >= KNOWN and asker not in self._full_at:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        self._full_at[asker] = full_at
        return Verdict(
            admitted=True, left=int((most - (full_at - now)) / gap + 1e-9), wait_seconds=full_at - now
        )
