"""Which provider services this checkout has, found without importing any."""

from pathlib import Path

#: The directory that holds shared/ and services/.
ROOT = Path(__file__).parents[3]


def discover() -> list[str]:
    """Names of the folders with a worker.py, sorted."""
    return sorted(path.parent.name for path in (ROOT / "services").glob("*/worker.py"))
