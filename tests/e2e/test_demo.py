"""The main job, as the README tells a newcomer to do it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.gateway.standalone.process import is_alive
from shared.domain.phases import PHASES

#: What the demo may take once everything is installed.
DEMO_SECONDS = 120.0


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`landscape demo` in an empty directory."""
    return subprocess.run(
        [sys.executable, "-m", "services.gateway.cli", "demo", "--output", str(folder / "out"), *arguments],
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [(), ("--chaos", "--seed", "5")], ids=["plain", "chaos in another world"]
)
def test_the_demo_ends_in_a_report_and_a_green_audit(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """40 keywords in 2 regions and 3 types, 5 % faults; with chaos also a killed worker and an emptied Redis.

    No temporary file is left, and no process that names the temporary directory.
    """
    began = time.monotonic()
    done = demo(tmp_path, *arguments)

    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < DEMO_SECONDS
    assert "green: nothing lost" in done.stdout
    assert "--chaos" in arguments or not re.search(r" [1-9]\d* bought again", done.stdout)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["meta"]["final"]
    assert report["meta"]["data_source"] == "simulator"
    phases = report["coverage"]["phases"]
    assert [phase["phase"] for phase in phases] == list(PHASES)
    assert all(phase["completed"] + phase["failed"] == phase["planned"] > 0 for phase in phases)
    # Some sites of the simulated web always fail; nothing else does.
    assert {phase["phase"] for phase in phases if phase["failed"]} <= {"content_scraping"}
    assert any(company["dsi"] for company in report["companies"])
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"data", "report.html", "report.json"}
    assert not [pid for pid in _naming(tmp_path) if is_alive(pid)]


def _naming(folder: Path) -> list[int]:
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in cmdline.read_bytes():
                found.append(int(cmdline.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]
