"""Where tests write: memory, where there is plenty of it."""

import os
from collections.abc import Mapping
from pathlib import Path

#: A file system in memory, on Linux.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own and belongs to this user
#: Test databases and data directories take a third of it at the most. Bytes.
ENOUGH = 8 << 30


def scratch(environment: Mapping[str, str], memory: Path = MEMORY, enough: int = ENOUGH) -> Path | None:
    """A directory for temporary files; None: the usual one. Whoever sets TMPDIR has chosen.

    Every test has a database of its own, which is some 500 files. ext4 takes 0.3 s to make them while it still
    remembers those that were just deleted, memory 0.02 s.
    """
    if "TMPDIR" in environment or not os.access(memory, os.W_OK | os.X_OK):
        return None
    found = os.statvfs(memory)
    # Tests build environments and run what is in them.
    runs = not found.f_flag & os.ST_NOEXEC
    return memory if runs and found.f_bavail * found.f_frsize >= enough else None
