"""What the calls of a service came to in a stretch of time."""

from collections.abc import Iterable

import msgspec

from shared.domain import durations

#: Windows in which workers count. Seconds.
WINDOW_SECONDS = 60
#: Stretches of windows in which they count beside: a day is read in few of them. Seconds.
STRETCH_SECONDS = 5 * WINDOW_SECONDS
#: What a call came to that is no error.
OK = "ok"


class Window(msgspec.Struct, frozen=True):
    """What one process counted in one window, or in one stretch."""

    start: int
    """Unix time, a multiple of WINDOW_SECONDS, or of a stretch of STRETCH_SECONDS; by the clock of the process."""
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


def merge(windows: Iterable[Window]) -> Window:
    """As if one process had counted them all, in one window that begins with the first."""
    windows = list(windows)
    outcomes: dict[str, int] = {}
    for window in windows:
        for outcome, calls in window.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + calls
    return Window(
        min((window.start for window in windows), default=0),
        outcomes,
        sum(window.timeouts for window in windows),
        sum(window.seconds for window in windows),
        durations.add_up(window.buckets for window in windows),
    )


def figure(window: Window) -> Figures:
    """What is to be told of it."""
    outcomes = dict(window.outcomes)
    requests = sum(outcomes.values())
    successes = outcomes.pop(OK, 0)
    return Figures(
        requests,
        successes,
        requests - successes,
        window.timeouts,
        window.seconds / requests if requests else None,
        durations.quantile(window.buckets, 0.95),
        durations.quantile(window.buckets, 0.99),
        dict(sorted(outcomes.items())),
    )


def gather(windows: Iterable[Window], width_seconds: int) -> dict[int, list[Window]]:
    """Start of each stretch of this width, a multiple of it -> the windows in it, in order."""
    stretches: dict[int, list[Window]] = {}
    for window in sorted(windows, key=lambda window: window.start):
        stretches.setdefault(window.start // width_seconds * width_seconds, []).append(window)
    return stretches
