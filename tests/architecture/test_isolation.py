"""Independent deployment: each service runs from a folder with nothing but itself, what is shared, and what they name."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.standalone.probe import free_port
from tests.architecture import distributions
from tests.architecture.distributions import PROVIDERS, ROOT

ENTRY_POINTS = {
    **{service: f"services.{service}.worker" for service in PROVIDERS},
    "gateway": "services.gateway.app",
    "simulator": "services.simulator.__main__",
}
COMMANDS = {
    **{service: ("shared.runtime.run", service) for service in PROVIDERS},
    "gateway": ("services.gateway.cli", "gateway"),
}
#: Addresses where nobody answers: what connects at import time fails.
STORES = {
    "LANDSCAPE_POSTGRES_URL": "postgresql://nobody:none@127.0.0.1:9/none",
    "LANDSCAPE_REDIS_URL": "redis://127.0.0.1:9/0",
}
CREDENTIALS = {
    "keywords": {
        "CLIENT_ID": "none",
        "CLIENT_SECRET": "none",
        "REFRESH_TOKEN": "none",
        "CUSTOMER_ID": "1234567890",
    },
}
#: For a process to answer, and to end when it is asked to. Seconds.
PATIENCE_SECONDS = 20.0


def environment(service: str) -> dict[str, str]:
    """What this service cannot do without."""
    if service not in PROVIDERS:
        return {**STORES, "LANDSCAPE_TOKEN": "none-of-your-business"}
    own = CREDENTIALS.get(service, {"API_KEY": "none"})
    return STORES | {f"LANDSCAPE_PROVIDERS__{service.upper()}__{name}": value for name, value in own.items()}


def install(service: str, folder: Path) -> Path:
    """Lay out the folder; the interpreter to run it with."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shared", folder / "shared", ignore=ignore)
    shutil.copytree(ROOT / "services" / service, folder / "services" / service, ignore=ignore)
    return distributions.make_environment(folder / "environment", distributions.needed(service))


@contextmanager
def running(python: Path, *words: str, cwd: Path, **variables: str) -> Iterator[None]:
    """A process and all it starts, gone afterwards."""
    log = cwd / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", *words],
            cwd=cwd, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{error}: {log.read_text()}") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)


def ask(url: str) -> tuple[int, Any]:
    """(status, decoded body), as soon as somebody answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            answer = httpx.get(url, timeout=PATIENCE_SECONDS)
        except httpx.TransportError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.02)
        else:
            return answer.status_code, answer.json()


def test_every_service_has_an_entry_point_here() -> None:
    """A new folder is tested, too."""
    assert set(distributions.FOLDERS) - {"shared"} == set(ENTRY_POINTS)


@pytest.mark.parametrize("service", ENTRY_POINTS)
def test_service_starts_without_the_others(service: str, tmp_path: Path) -> None:
    """Its entry point can be imported: no hidden import, no file of somebody else's, no library it does not name, no connection."""
    python = install(service, tmp_path)
    module = ENTRY_POINTS[service]
    create = "module.create_app()" if service == "gateway" else "None"
    code = f"""
import importlib, sys
module = importlib.import_module({module!r})
{create}
own = [m for m in sys.modules.values() if m.__name__.split(".")[0] in ("shared", "services")]
assert all((getattr(m, "__file__", None) or {str(tmp_path)!r}).startswith({str(tmp_path)!r}) for m in own), own
print(sorted({{m.__name__.split(".")[1] for m in own if m.__name__.startswith("services.")}}))
"""
    done = subprocess.run(
        [python, "-c", code],
        cwd=tmp_path, env=environment(service), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"[{service!r}]\n"


@pytest.mark.parametrize("service", COMMANDS)
def test_service_lives_without_its_stores_and_says_what_is_missing(service: str, tmp_path: Path) -> None:
    """Its real process answers /livez, for a restart would not help, and is not ready, for Postgres is away."""
    python, port = install(service, tmp_path), free_port()
    where = "GATEWAY" if service == "gateway" else "EXPOSITION"
    variables = {**environment(service), f"LANDSCAPE_{where}__PORT": str(port)}
    with running(python, *COMMANDS[service], cwd=tmp_path, **variables):
        live, _ = ask(f"http://127.0.0.1:{port}/livez")
        ready, checks = ask(f"http://127.0.0.1:{port}/readyz")

        assert (live, ready) == (200, 503)
        assert checks["postgres"] != "ok"


def test_simulator_lives_by_itself(tmp_path: Path) -> None:
    """It needs no store, and nothing of what it is asked by."""
    python, port = install("simulator", tmp_path), free_port()
    with running(python, "services.simulator", "--port", str(port), cwd=tmp_path):
        assert ask(f"http://127.0.0.1:{port}/livez") == (200, {"status": "ok"})


@pytest.mark.parametrize("service", PROVIDERS)
def test_worker_without_settings_says_what_is_missing(service: str) -> None:
    """The variable's name, on the last line, and no connection attempt."""
    done = subprocess.run(
        [sys.executable, "-c", f"import services.{service}.worker"],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "LANDSCAPE_POSTGRES_URL, LANDSCAPE_REDIS_URL must be set" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serp"], "error: LANDSCAPE_POSTGRES_URL, LANDSCAPE_REDIS_URL must be set"),
        (["nosuch"], "error: there is no service 'nosuch' in "),
        ([], "error: one word is expected, the name of a service"),
    ],
)
def test_worker_that_cannot_start_says_why_in_one_line(words: list[str], says: str) -> None:
    """An orchestrator's log shows the cause, not a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.runtime.run", *words],
        cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1
