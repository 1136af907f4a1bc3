"""Independent deployment: each service starts from a folder with nothing but itself and what is shared."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROVIDERS = sorted(path.parent.name for path in (ROOT / "services").glob("*/provider.py"))
ENTRY_POINTS = {
    **{service: f"services.{service}.worker" for service in PROVIDERS},
    "gateway": "services.gateway.app",
    "simulator": "services.simulator.__main__",
}
#: Addresses where nobody answers: what connects at import time fails.
ENVIRONMENT = {
    "LANDSCAPE_POSTGRES_URL": "postgresql://nobody:none@127.0.0.1:9/none",
    "LANDSCAPE_REDIS_URL": "redis://127.0.0.1:9/0",
    "LANDSCAPE_TOKEN": "none-of-your-business",
    **{f"LANDSCAPE_PROVIDERS__{service.upper()}__API_KEY": "none" for service in PROVIDERS},
}


def test_every_service_has_an_entry_point_here() -> None:
    """A new folder is tested, too."""
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")}

    assert folders == set(ENTRY_POINTS)


@pytest.mark.parametrize("service", ENTRY_POINTS)
def test_service_starts_without_the_others(service: str, tmp_path: Path) -> None:
    """Copied alone, its entry point can be imported: no hidden import, no file of somebody else's, no connection."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shared", tmp_path / "shared", ignore=ignore)
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service, ignore=ignore)
    module = ENTRY_POINTS[service]
    create = "module.create_app()" if service == "gateway" else "None"
    code = f"""
import importlib, sys
sys.path.insert(0, {str(tmp_path)!r})
module = importlib.import_module({module!r})
{create}
own = [m for m in sys.modules.values() if m.__name__.split(".")[0] in ("shared", "services")]
assert all((getattr(m, "__file__", None) or {str(tmp_path)!r}).startswith({str(tmp_path)!r}) for m in own), own
print(sorted({{m.__name__.split(".")[1] for m in own if m.__name__.startswith("services.")}}))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"[{service!r}]\n"


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
