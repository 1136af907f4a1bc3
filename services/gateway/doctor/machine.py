"""This machine: its Python, its data directory, its disk."""

import platform
import shutil
import sys
import tempfile
from pathlib import Path

from services.gateway.doctor.finding import Finding, note, ok, wrong

#: Versions the tests run on, oldest and newest.
OLDEST, NEWEST = (3, 11), (3, 13)

_GIB = 1024**3
#: Postgres stops for good when its disk is full; a pipeline of 5,000 searches takes less than 1 GiB. Bytes.
LEAST_FREE = 1 * _GIB
#: Below this there is no room for several of them.
LITTLE_FREE = 5 * _GIB


def python() -> Finding:
    """The interpreter's version."""
    version = platform.python_version()
    if sys.version_info[:2] < OLDEST:
        return wrong(
            "python", f"{version} is too old", "install Python 3.11 or later and remove the environment"
        )
    if sys.version_info[:2] > NEWEST:
        return note("python", f"{version} is newer than what the tests run on")
    return ok("python", version)


def data_directory(path: Path) -> Finding:
    """Whether `landscape up` could write there; nothing is made and nothing stays."""
    there = _existing(path)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        return wrong(
            "data directory",
            f"cannot write to {there}: {reason}",
            "make it writable, or pass another --data-dir",
        )
    return ok(
        "data directory", f"{path.resolve()}" if there == path.resolve() else f"{path.resolve()} can be made"
    )


def disk(path: Path) -> Finding:
    """Space for data and logs."""
    there = _existing(path)
    free = shutil.disk_usage(there).free
    detail = f"{free / _GIB:.1f} GiB free at {there}"
    if free < LEAST_FREE:
        return wrong("disk", detail, "make room, or pass a --data-dir on another disk")
    return (
        note("disk", detail, "a few large pipelines will fill it")
        if free < LITTLE_FREE
        else ok("disk", detail)
    )


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    resolved = path.resolve()
    return next(one for one in (resolved, *resolved.parents) if one.exists())
