"""run.json: how other programs find a running system and its processes. It exists only while the system runs."""

from pathlib import Path

import msgspec

from services.gateway.standalone.datadir import DataDir, write_private


class RunFile(msgspec.Struct, frozen=True):
    """Its content."""

    gateway_url: str
    token: str
    postgres_url: str
    redis_url: str
    simulator_url: str | None
    metrics_urls: dict[str, str]
    """By service."""
    processes: dict[str, int]
    """By name, the pid of the process that does the work: for a worker Dramatiq's main process."""


def write(path: Path, content: RunFile) -> None:
    """Replace it as a whole; mode 0600, for it holds the token."""
    write_private(path, msgspec.json.format(msgspec.json.encode(content)).decode() + "\n")


def read_running(data_dir: Path | str) -> RunFile | None:
    """What runs on this data directory; None when nothing does, whatever a killed supervisor left there."""
    directory = DataDir(data_dir)
    if not directory.is_in_use():
        return None
    try:
        return msgspec.json.decode(directory.run_file.read_bytes(), type=RunFile)
    except FileNotFoundError:
        return None
