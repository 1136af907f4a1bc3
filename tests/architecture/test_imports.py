"""Who may import whom: the contracts hold, and they would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Of the given tree only: an installed checkout would be a second portion of the namespace package `services`.
LINT = """
import sys
root, checkout = sys.argv.pop(1), sys.argv.pop(1)
sys.path[:] = [root, *(path for path in sys.path if path not in ("", checkout))]
from importlinter.cli import lint_imports_command
lint_imports_command()
"""

#: File -> line that is appended to it, and the contract that must break.
VIOLATIONS = {
    "provider takes httpx": (
        "services/media/provider.py", "import httpx", "A provider talks only through the port",
    ),
    "service takes another": (
        "services/serp/worker.py", "from services.media.provider import PROVIDER", "Services never import one another",
    ),
    "domain does I/O inside a function": (
        "shared/domain/retry.py", "def f() -> None:\n    import psycopg", "The domain does no I/O",
    ),
    "drawer in shared": ("shared/utils.py", "", "Inside shared: testing > runtime > store | broker > domain > base"),
    "simulator shares the clients' decoding": (
        "services/simulator/world.py", "from shared.domain import results",
        "The simulator shares no code with the clients it answers",
    ),
}  # fmt: skip


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, str(root), str(ROOT), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)


def test_contracts_hold() -> None:
    """As `landscape test` checks them."""
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def test_each_violation_is_caught_by_its_contract(tmp_path: Path) -> None:
    """Contracts that name a module wrongly would keep for ever; one copy breaks five of them at once."""
    for name in ("shared", "services"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line, _ in VIOLATIONS.values():
        with (tmp_path / path).open("a") as file:
            file.write(f"\n{line}\n")

    done = lint(tmp_path)

    assert done.returncode != 0
    broken = [
        line.removesuffix(" BROKEN").strip() for line in done.stdout.splitlines() if line.endswith(" BROKEN")
    ]
    assert sorted(broken) == sorted(contract for _, _, contract in VIOLATIONS.values())


@pytest.mark.parametrize("module", ["services.gateway.cli", "shared.errors", "shared.domain.phases"])
def test_light_modules_import_no_heavy_library(module: str) -> None:
    """A command's help and a pure decision must not pay for servers and drivers."""
    heavy = {"litestar", "dramatiq", "psycopg", "redis", "uvicorn", "aiohttp", "httpx"}
    code = f"import sys, {module}; print(sorted({heavy!r} & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"
