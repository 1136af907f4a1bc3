"""Tests write to memory where that is roomy and may run programs; else to the usual place."""

import os
from pathlib import Path

import pytest

from services.gateway.cli.scratch import available, scratch


def test_a_roomy_place_that_runs_programs_is_taken(tmp_path: Path) -> None:
    """One that is full, or is not there, is not."""
    assert scratch({}, tmp_path, enough=1) == tmp_path
    assert scratch({}, tmp_path, enough=1 << 60) is None
    assert scratch({}, tmp_path / "nowhere", enough=1) is None


@pytest.mark.parametrize(
    ("limit", "left"),
    [(None, 4 << 30), ("max", 4 << 30), (f"{3 << 30}", 2 << 30), (f"{9 << 30}", 4 << 30)],
)
def test_what_the_machine_or_a_container_has_left_counts(
    tmp_path: Path, limit: str | None, left: int
) -> None:
    """The file system's own limit says nothing of it."""
    (tmp_path / "meminfo").write_text(f"MemTotal: {8 << 20} kB\nMemAvailable:    {4 << 20} kB\n")
    if limit:
        (tmp_path / "memory.max").write_text(limit + "\n")
        (tmp_path / "memory.current").write_text(f"{1 << 30}\n")
    assert available(tmp_path, tmp_path) == left
    assert scratch({}, tmp_path, left + 1, proc=tmp_path, cgroup=tmp_path) is None


def test_where_nobody_tells_there_is_nothing_left(tmp_path: Path) -> None:
    """As on another system."""
    assert available(tmp_path, tmp_path) == 0


def test_who_sets_the_place_has_chosen(tmp_path: Path) -> None:
    """As everywhere, by TMPDIR."""
    assert scratch({"TMPDIR": "/somewhere"}, tmp_path, enough=1) is None


def test_a_place_that_runs_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As memory is in many containers: environments that tests build there could not be used."""
    found = os.statvfs(tmp_path)
    fields = list(found)[:10]
    fields[8] |= os.ST_NOEXEC
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    assert scratch({}, tmp_path, enough=1) is None
