"""What the packaging files name, what that brings with it, and environments that have nothing else."""

import importlib.metadata
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
#: Everything that has a packaging file of its own, by the name of its folder.
FOLDERS = {
    "shared": ROOT / "shared",
    **{path.name: path for path in sorted((ROOT / "services").iterdir()) if (path / "__init__.py").exists()},
}
PROVIDERS = [name for name, path in FOLDERS.items() if (path / "worker.py").exists()]
#: Beginning of the names of our own distributions.
OURS = "landscape-"


def project(folder: Path) -> Any:
    """The packaging file, decoded."""
    return tomllib.loads((folder / "pyproject.toml").read_text())


def requirements(name: str, *extras: str) -> list[Requirement]:
    """Everything a folder's packaging names, without what is ours."""
    return [r for r in _named(FOLDERS[name], extras) if not r.name.startswith(OURS)]


def needed(name: str) -> list[Requirement]:
    """As `requirements`, with those of what is shared when it is built on that."""
    built_on = [r.name for r in _named(FOLDERS[name], ()) if r.name.startswith(OURS)]
    assert set(built_on) <= {"landscape-shared"}
    return [*requirements(name), *(requirements("shared") if built_on else [])]


def _named(folder: Path, extras: Iterable[str]) -> list[Requirement]:
    table = project(folder)["project"]
    texts = [*table["dependencies"], *(text for e in extras for text in table["optional-dependencies"][e])]
    return [Requirement(text) for text in texts]


def closure(roots: Iterable[Requirement]) -> set[str]:
    """Canonical names of the installed distributions that these requirements bring, as their metadata says."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    queue = [(r, extra) for r in roots for extra in ("", *r.extras)]
    for requirement, extra in queue:
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen or (
            requirement.marker and not requirement.marker.evaluate({"extra": extra})
        ):
            continue
        seen.add((name, extra))
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            further = Requirement(text)
            if further.marker is None or further.marker.evaluate({"extra": extra}):
                further.marker = None
                queue += [(further, e) for e in ("", *further.extras)]
    return found


def make_environment(folder: Path, roots: Iterable[Requirement]) -> Path:
    """A virtual environment with these requirements and what they need alone; its interpreter.

    They are links to what is installed here: the same files, and no index is asked.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    python = folder / "bin" / "python"
    there = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for name in sorted(closure(roots)):
        distribution = importlib.metadata.distribution(name)
        for top in {Path(file).parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            link = there / top
            if not link.is_symlink():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return python


def build_wheels(folder: Path, *names: str) -> list[Path]:
    """The wheels of these folders, built by the tool their packaging names."""
    for name in names:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(command, cwd=FOLDERS[name], check=True, capture_output=True, timeout=60)
    return [next(folder.glob(f"landscape_{name}-*.whl")) for name in names]
