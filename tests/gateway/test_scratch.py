"""Tests write to memory where that is roomy and may run programs; else to the usual place."""

import os
from pathlib import Path

import pytest

from services.gateway.cli.scratch import scratch


def test_a_roomy_place_that_runs_programs_is_taken(tmp_path: Path) -> None:
    """One that is full, or is not there, is not."""
    assert scratch({}, tmp_path, enough=1) == tmp_path
    assert scratch({}, tmp_path, enough=1 << 60) is None
    assert scratch({}, tmp_path / "nowhere", enough=1) is None


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
