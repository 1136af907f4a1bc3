"""The installed libraries: what the lock says, where there is one."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from services.gateway.doctor.finding import Finding, ok, wrong

#: What the system is made from, in the order it is shown.
SHOWN = ("dramatiq", "redis", "litestar", "msgspec", "psycopg", "httpx", "structlog", "prometheus-client")

#: name==version [; marker]
_PINNED = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)( ;)?", re.MULTILINE)


def packages(lock: Path) -> Finding:
    """Installed versions against those of the lock; in an image or from a wheel there is none."""
    shown = ", ".join(f"{name} {found}" for name in SHOWN if (found := _installed(name)))
    missing = [name for name in SHOWN if _installed(name) is None]
    if missing:
        return wrong("packages", f"not installed: {', '.join(missing)}", "install this again")
    if not lock.exists():
        return ok("packages", shown)
    differing = [
        f"{name} is {found or 'missing'}, not {pinned}"
        for name, pinned, marker in _PINNED.findall(lock.read_text())
        if (found := _installed(name)) != pinned and not (marker and found is None)
    ]
    if differing:
        return wrong(
            "packages",
            f"not as in {lock.name}: {'; '.join(differing)}",
            "remove the environment (.venv); `./landscape` makes it anew",
        )
    return ok("packages", f"{shown}, as in {lock.name}")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
