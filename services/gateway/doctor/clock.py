"""The clocks: leases, quotas and tokens are told by several machines' clocks, which must agree."""

import email.utils
from datetime import UTC

from services.gateway.doctor.finding import Finding, ok, wrong

#: Leases are renewed at a third of 30 s; a provider's Date header has whole seconds. Seconds.
TOLERANCE_SECONDS = 5.0


def compare(whose: str, theirs: float, before: float, after: float) -> Finding:
    """Somebody's clock, read between two looks at this machine's. Seconds since 1970."""
    ahead = theirs - (before + after) / 2
    # What the question took is not known to lie on one side or the other.
    doubt = (after - before) / 2
    if abs(ahead) - doubt <= TOLERANCE_SECONDS:
        return ok(f"clock of {whose}", f"{ahead:+.1f} s from this machine's")
    return wrong(
        f"clock of {whose}",
        f"{ahead:+.1f} s from this machine's",
        f"set the wrong one of the two; NTP keeps them within {TOLERANCE_SECONDS:g} s",
    )


def read(date: str) -> float | None:
    """A Date header as seconds since 1970; None when it is none."""
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
