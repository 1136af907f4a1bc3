"""Postgres without room on its disk: nothing is lost, health says why it stands still, and it goes on by itself."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.standalone.machine import Standalone
from shared.testing.eventually import wait_until
from tests.resilience.scenario import FEW, Scenario, system

#: Room for a cluster that has just been made, its log and a small pipeline.
DISK_MEGABYTES = 192
#: From the whole rest in one piece down to less than a page of the database.
PIECES_BYTES = [1 << n for n in range(26, 11, -1)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose Postgres has a real disk of its own, and a small one: it says ENOSPC when it is full."""
    disk = tmp_path / "postgres"
    disk.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=0700", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


class Disk:
    """What else is on it."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "postgres" / "ballast"

    def fill(self) -> None:
        """To the last page."""
        with self._ballast.open("wb") as ballast:
            for size in PIECES_BYTES:
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, size)

    def free(self) -> None:
        self._ballast.unlink()


def health(machine: Standalone) -> tuple[int, dict[str, Any]]:
    """(status, what the system says of itself)."""
    headers = {"Authorization": f"Bearer {machine.run_file.token}"}
    answer = httpx.get(f"{machine.run_file.gateway_url}/api/v1/monitoring/health", headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.mount
def test_a_full_disk_stops_work_and_loses_nothing(small_disk: Path) -> None:
    """In the middle of a pipeline with faults; nobody does anything but make room."""
    disk = Disk(small_disk)
    with system(small_disk, services=FEW) as machine, Scenario(machine) as scenario:
        scenario.reach(0.2)
        disk.fill()
        try:
            wait_until(lambda: "disk is full" in str(health(machine)), what=lambda: str(health(machine)))
            status, said = health(machine)
            assert (status, said["status"]) == (503, "unhealthy")
            unready = [url.replace("/metrics", "/readyz") for url in machine.run_file.metrics_urls.values()]
            wait_until(lambda: any("recorded" in httpx.get(url).text for url in unready))
            assert scenario.api.progress(scenario.pipeline_id)["state"] == "running"
        finally:
            disk.free()
        scenario.hold_accounts()
        wait_until(lambda: health(machine)[1]["database"] == "ok")
