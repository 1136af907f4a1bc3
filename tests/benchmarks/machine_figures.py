"""What a running system costs: CPU and memory by process, with everything below it."""

import os
from pathlib import Path

from services.gateway.standalone.machine import Standalone
from tests.resilience.scenario import process_tree

TICKS = os.sysconf("SC_CLK_TCK")
#: Not ours: the simulator plays the providers, and the supervisor is the test's own process.
OTHERS = frozenset({"simulator", "supervisor"})


def cpu_seconds(machine: Standalone) -> dict[str, float]:
    """User and system time by process of ours."""
    return {
        name: sum(_ticks(pid) for pid in process_tree(root)) / TICKS
        for name, root in machine.run_file.processes.items()
        if name not in OTHERS
    }


def megabytes(machine: Standalone) -> dict[str, int]:
    """Resident memory of the largest process by process of ours."""
    return {
        name: max(_pages(pid) for pid in process_tree(root)) * os.sysconf("SC_PAGE_SIZE") // 1024**2
        for name, root in machine.run_file.processes.items()
        if name not in OTHERS
    }


def _ticks(pid: int) -> int:
    """Of a process and its dead children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return sum(map(int, fields[11:15]))


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        return 0
