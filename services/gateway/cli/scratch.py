"""Where tests write: memory, where there is plenty of it."""

import os
from collections.abc import Mapping
from pathlib import Path

#: A file system in memory, on Linux.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own and belongs to this user
PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
#: Test databases and data directories take a third of it at the most. Bytes.
ENOUGH = 8 << 30


def scratch(
    environment: Mapping[str, str],
    memory: Path = MEMORY,
    enough: int = ENOUGH,
    *,
    proc: Path = PROC,
    cgroup: Path = CGROUP,
) -> Path | None:
    """A directory for temporary files; None: the usual one. Whoever sets TMPDIR has chosen.

    Every test has a database of its own, which is some 500 files. ext4 takes 0.3 s to make them while it still
    remembers those that were just deleted, memory 0.02 s.
    """
    if "TMPDIR" in environment or not os.access(memory, os.W_OK | os.X_OK):
        return None
    found = os.statvfs(memory)
    # Tests build environments and run what is in them.
    runs = not found.f_flag & os.ST_NOEXEC
    room = min(found.f_bavail * found.f_frsize, available(proc, cgroup))
    return memory if runs and room >= enough else None


def available(proc: Path = PROC, cgroup: Path = CGROUP) -> int:
    """Bytes of memory that the machine, and a container's limit, leave."""
    try:
        lines = dict(line.split(":") for line in (proc / "meminfo").read_text().splitlines())
        left = int(lines["MemAvailable"].split()[0]) << 10
        used, limit = ((cgroup / f"memory.{name}") for name in ("current", "max"))
        if limit.exists() and limit.read_text().strip() != "max":
            left = min(left, int(limit.read_text()) - int(used.read_text()))
    except (OSError, ValueError, KeyError):
        return 0
    return left
