"""The shape of the tree: what is where, how big, and how it opens."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
PROVIDERS = sorted(path.parent.name for path in SERVICES.glob("*/provider.py"))
MODULES = sorted(
    path.relative_to(ROOT)
    for root in ("shared", "services", "tests")
    for path in (ROOT / root).rglob("*.py")
    if "__pycache__" not in path.parts
)
PRODUCT = [path for path in MODULES if path.parts[0] != "tests"]

#: Names that say nothing about what is inside.
DRAWERS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "managers",
    "misc",
    "base",
    "lib",
    "tools",
}
#: Files longer than this do more than one thing. Lines.
LONGEST = 400
#: Who else reads the environment: whoever gives his own to the processes he starts, or becomes.
ENVIRONMENT_READERS = re.compile(r"shared/(config|runtime/run)\.py|services/gateway/(standalone|cli)/\w+\.py")


def test_modules_are_found() -> None:
    """Otherwise everything below would pass with nothing to look at."""
    assert len(PRODUCT) > 80
    assert {"serp", "media"} <= set(PROVIDERS)


def test_services_is_a_namespace_package() -> None:
    """With an __init__ of their own the wheels of two services would overwrite each other's."""
    assert not (SERVICES / "__init__.py").exists()


@pytest.mark.parametrize("service", PROVIDERS)
def test_provider_services_have_the_same_four_files(service: str) -> None:
    """Beside them may be modules of its own that `provider.py` reads with; folders, settings and stores may not."""
    files = {path.name for path in (SERVICES / service).iterdir() if path.name != "__pycache__"}
    same = {"__init__.py", "provider.py", "worker.py", "pyproject.toml"}

    assert same <= files
    assert {Path(name).suffix for name in files - same} <= {".py"}


def test_no_file_is_a_drawer() -> None:
    """A name tells what is inside; these tell that nobody knew."""
    assert [path for path in MODULES if path.stem in DRAWERS or DRAWERS & set(path.parts)] == []


def test_no_file_is_too_long() -> None:
    """One idea per file."""
    assert [path for path in MODULES if len((ROOT / path).read_text().splitlines()) > LONGEST] == []


def test_every_module_opens_with_a_sentence() -> None:
    """What it is for, ending as a sentence does."""
    silent = []
    for path in MODULES:
        docstring = ast.get_docstring(ast.parse((ROOT / path).read_text()))
        if not docstring or docstring.splitlines()[0][-1] not in ".:;?":
            silent.append(path)
    assert silent == []


def test_only_settings_read_the_environment() -> None:
    """Elsewhere a variable would be documented nowhere and checked by nobody."""
    reads = re.compile(r"\b(os\.environ|os\.getenv|getenv\(|environb)\b")
    readers = [str(path) for path in PRODUCT if reads.search((ROOT / path).read_text())]

    assert "shared/config.py" in readers
    assert [path for path in readers if not ENVIRONMENT_READERS.fullmatch(path)] == []


def test_nothing_prints_but_the_command_line() -> None:
    """A service's words go through the log, which knows what to hide."""
    printing = [
        str(path)
        for path in PRODUCT
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]

    assert [path for path in printing if not path.startswith("services/gateway/cli/")] == []


def test_no_machine_is_named_in_the_tree() -> None:
    """No home directory and no private package index: what is checked in runs anywhere."""
    private = re.compile(
        rb"/(?:home|Users|root)/\w|--(?:extra-)?index-url|://[\w.-]*(?:artifactory|nexus|devpi)"
    )
    folders = [ROOT / name for name in ("shared", "services", "tests", "docs", ".ci")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file()]
    paths = [path for path in paths if "__pycache__" not in path.parts]

    assert len(paths) > 150
    assert [path for path in paths if private.search(path.read_bytes())] == []


def test_no_work_is_left_as_a_note() -> None:
    """What is missing stands in an issue, where somebody will find it."""
    mark = re.compile(r"#.*\b(TO" + "DO|FIX" + "ME|XX" + "X|HA" + r"CK)\b")

    assert [path for path in MODULES if mark.search((ROOT / path).read_text())] == []
