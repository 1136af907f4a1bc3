"""What the calls of a service came to in a stretch of time."""

from collections.abc import Iterable, Mapping

import msgspec

from shared.domain import durations

#: Windows in which workers count. Seconds.
WINDOW_SECONDS = 60
#: What a call came to that is no error.
OK = "ok"


class Window(msgspec.Struct, frozen=True):
    """What one process counted in one window."""

    start: int
    """Unix time, a multiple of WINDOW_SECONDS, by the clock of the process."""
    outcomes: dict[str, int]
    """ok, the error's category or bug -> calls that ended."""
    timeouts: int
    """Of the failures: those without a whole answer in time."""
    seconds: float
    """All of their durations added up."""
    buckets: dict[int, int]
    """Their durations."""


class Figures(msgspec.Struct, frozen=True):
    """Of a service over some windows and all its processes."""

    requests: int
    """Calls that ended, whatever became of them."""
    successes: int
    failures: int
    timeouts: int
    """Of the failures: those without a whole answer in time, by our limit or the provider's."""
    avg_seconds: float | None
    """None without calls, as the others."""
    p95_seconds: float | None
    """Off by 5 % at the most, as p99."""
    p99_seconds: float | None
    errors: dict[str, int]
    """Category of the error, or `bug` -> failures."""


def figure(windows: Iterable[Window]) -> Figures:
    """All of them together."""
    outcomes: dict[str, int] = {}
    buckets: Mapping[int, int] = {}
    timeouts, seconds = 0, 0.0
    for window in windows:
        for outcome, calls in window.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + calls
        buckets = durations.add(buckets, window.buckets)
        timeouts += window.timeouts
        seconds += window.seconds
    requests = sum(outcomes.values())
    successes = outcomes.pop(OK, 0)
    return Figures(
        requests,
        successes,
        requests - successes,
        timeouts,
        seconds / requests if requests else None,
        durations.quantile(buckets, 0.95),
        durations.quantile(buckets, 0.99),
        dict(sorted(outcomes.items())),
    )


def gather(windows: Iterable[Window], width_seconds: int) -> dict[int, list[Window]]:
    """Start of each stretch of this width, a multiple of it -> the windows in it, in order."""
    stretches: dict[int, list[Window]] = {}
    for window in sorted(windows, key=lambda window: window.start):
        stretches.setdefault(window.start // width_seconds * width_seconds, []).append(window)
    return stretches
