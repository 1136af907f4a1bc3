"""Figures of a service from the windows of its processes."""

import pytest

from shared.domain.durations import bucket
from shared.domain.service_health import Figures, Window, figure, gather, merge


def window(start: int, **outcomes: int) -> Window:
    """Every call of it took a second."""
    calls = sum(outcomes.values())
    return Window(start, dict(outcomes), outcomes.get("recoverable", 0), float(calls), {bucket(1.0): calls})


def test_windows_of_several_processes_become_one_figure() -> None:
    """Counts are added, errors told by category, durations as of all calls together."""
    slow = Window(60, {"ok": 1}, 0, 9.0, {bucket(9.0): 1})
    figures = figure(merge([window(60, ok=7, recoverable=2), window(60, ok=1, quota=1), slow]))
    assert (figures.requests, figures.successes, figures.failures, figures.timeouts) == (12, 9, 3, 2)
    assert figures.errors == {"quota": 1, "recoverable": 2}
    assert figures.avg_seconds == pytest.approx(20 / 12)
    assert figures.p95_seconds == figures.p99_seconds == pytest.approx(9, rel=0.05)


def test_without_calls_there_are_no_durations() -> None:
    """None, never 0."""
    assert figure(merge([])) == Figures(0, 0, 0, 0, None, None, None, {})


def test_windows_are_gathered_by_the_clock() -> None:
    """A stretch begins at a multiple of its width, whatever came first."""
    windows = [window(start, ok=1) for start in (660, 300, 540, 600)]
    assert {start: [w.start for w in inside] for start, inside in gather(windows, 300).items()} == {
        300: [300, 540],
        600: [600, 660],
    }
