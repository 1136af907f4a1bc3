"""`./landscape`: installs once, repairs itself, and gets out of the way. A stand-in for uv installs nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Writes down how it was called; fails when told to; takes its time when told to.
UV = """#!/bin/sh
echo "$@" >>"$UV_CALLS"
[ -z "${UV_FAILS-}" ] || exit 1
[ -z "${UV_WAITS_FOR-}" ] || cat "$UV_WAITS_FOR" >/dev/null
"""
#: What runs instead of the CLI: arguments and the environment it was given.
CLI = """
import os, sys
print(*sys.argv[1:], sep="|")
print(os.environ.get("LANDSCAPE_VENV"), os.environ["PYTHONPATH"], os.getcwd(), sep="|")
"""
PROGRAMS = ("sh", "cat", "cmp", "cp", "dirname", "find", "ls", "mkdir", "readlink", "rm")


class Checkout:
    """A copy of the script with small locks and a CLI of its own, and a PATH with nothing but what it may use."""

    def __init__(self, home: Path) -> None:
        self.root = home / "check out"
        self.programs = home / "programs"
        self.calls = home / "calls"
        cli = self.root / "services" / "gateway" / "cli"
        cli.mkdir(parents=True)
        self.programs.mkdir()
        (cli / "__main__.py").write_text(CLI)
        shutil.copy(ROOT / "landscape", self.root)
        for lock in ("requirements.lock", "requirements-dev.lock"):
            (self.root / lock).write_text(f"{lock}\n")
        for program in PROGRAMS:
            found = shutil.which(program)
            assert found is not None
            (self.programs / program).symlink_to(found)
        (self.programs / "python3").symlink_to(Path(sys.executable).resolve())
        (self.programs / "uv").write_text(UV)
        (self.programs / "uv").chmod(0o755)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def environment(self, **variables: str) -> dict[str, str]:
        return {"HOME": "/nonexistent", "PATH": str(self.programs), "UV_CALLS": str(self.calls), **variables}

    def start(self, *words: str, script: Path | None = None, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [script or self.root / "landscape", *words],
            cwd="/",
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *words: str, script: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, script=script, **variables)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def installed(self) -> list[str]:
        """The locks installed so far, in order."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line.rpartition("/")[2] for line in lines]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_arguments_reach_the_cli_unchanged_from_anywhere(checkout: Checkout) -> None:
    """The directory it is called from stays the current one; the checkout is importable."""
    done = checkout.run("start", "two words", "")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["start|two words|", f"None|{checkout.root}|/"]


def test_first_start_installs_with_hashes_and_later_ones_do_nothing(checkout: Checkout) -> None:
    """Messages go to stderr, and only when something happens."""
    first, second = checkout.run("up"), checkout.run("up")
    assert checkout.installed() == ["requirements.lock"]
    assert "--require-hashes" in checkout.calls.read_text()
    assert "installing requirements.lock" in first.stderr
    assert second.stderr == ""


def test_command_test_installs_the_development_lock_which_serves_the_others_too(checkout: Checkout) -> None:
    """It holds the runtime lock; nothing is installed twice."""
    for command in ("test", "up", "test"):
        assert checkout.run(command).returncode == 0
    assert checkout.installed() == ["requirements-dev.lock"]


def test_development_lock_is_added_to_an_installed_runtime_lock(checkout: Checkout) -> None:
    """A running system's environment is not torn down for it."""
    checkout.run("up")
    (checkout.venv / "kept").touch()
    checkout.run("test")
    assert checkout.installed() == ["requirements.lock", "requirements-dev.lock"]
    assert (checkout.venv / "kept").exists()


def test_changed_lock_is_installed_anew_into_a_fresh_environment(checkout: Checkout) -> None:
    """A package that is no longer wanted does not linger."""
    checkout.run("up")
    (checkout.venv / "stale").touch()
    (checkout.root / "requirements.lock").write_text("changed\n")
    checkout.run("up")
    assert checkout.installed() == ["requirements.lock"] * 2
    assert not (checkout.venv / "stale").exists()


def test_failed_installation_is_said_and_repaired_by_the_next_start(checkout: Checkout) -> None:
    """What is half there is thrown away."""
    (checkout.programs / "python3").unlink()
    without_pip = checkout.programs / "python3"
    without_pip.write_text(f'#!/bin/sh\n[ "$2" != pip ] || exit 1\nexec {sys.executable} "$@"\n')
    without_pip.chmod(0o755)
    failed = checkout.run("up", UV_FAILS="1", PYTHONPATH=str(_without_ensurepip(checkout)))
    assert failed.returncode == 1
    assert "install uv or pip" in failed.stderr
    assert failed.stdout == ""
    (checkout.venv / "half").touch()
    assert checkout.run("up").returncode == 0
    assert not (checkout.venv / "half").exists()


def _without_ensurepip(checkout: Checkout) -> Path:
    folder = checkout.root / "hidden"
    folder.mkdir()
    (folder / "ensurepip.py").write_text("raise SystemExit(1)\n")
    return folder


def test_killed_installation_is_repaired_by_the_next_start(checkout: Checkout, tmp_path: Path) -> None:
    """The kernel gives up the lock; the marker stays and says that nothing here can be trusted."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    killed = checkout.start("up", UV_WAITS_FOR=str(fifo))
    with fifo.open("w"):  # returns when the installation is under way, and ends its stand-in afterwards
        (checkout.venv / "half").touch()
        killed.kill()
        killed.wait(60)
    killed.communicate(timeout=60)
    assert checkout.run("up").returncode == 0
    assert not (checkout.venv / "half").exists()
    assert checkout.installed() == ["requirements.lock"] * 2


def test_two_first_starts_install_once(checkout: Checkout, tmp_path: Path) -> None:
    """The second waits for the first, says so, and then just runs."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = checkout.start("one", UV_WAITS_FOR=str(fifo))
    with fifo.open("w"):
        second = checkout.start("two")
        assert second.stderr is not None
        assert "another start is installing" in second.stderr.readline()
    for process, word in ((first, "one"), (second, "two")):
        out, err = process.communicate(timeout=60)
        assert out.startswith(f"{word}\n"), err
    assert checkout.installed() == ["requirements.lock"]


def test_symlink_finds_its_checkout(checkout: Checkout, tmp_path: Path) -> None:
    """As from a directory on PATH, relative or not."""
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "landscape"
    link.symlink_to("../check out/landscape")
    done = checkout.run("up", script=link)
    assert done.stdout.splitlines()[1].split("|")[1] == str(checkout.root)


def test_environment_may_lie_elsewhere(checkout: Checkout, tmp_path: Path) -> None:
    """A read-only checkout; the variable is not passed on, for it is no setting."""
    done = checkout.run("up", LANDSCAPE_VENV=str(tmp_path / "else where"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "else where" / "bin" / "python").exists()
    assert not checkout.venv.exists()
    assert done.stdout.splitlines()[1].startswith("None|")


def test_directory_of_somebody_else_is_left_alone(checkout: Checkout) -> None:
    """It might be anything; the message says how to go on."""
    checkout.venv.mkdir()
    (checkout.venv / "precious").touch()
    done = checkout.run("up")
    assert done.returncode == 1
    assert "was not made by this script" in done.stderr
    assert "LANDSCAPE_VENV" in done.stderr
    assert [path.name for path in checkout.venv.iterdir()] == ["precious"]


def test_old_python_is_refused_with_the_next_step(checkout: Checkout) -> None:
    """Nothing is made before that."""
    (checkout.programs / "python3").unlink()
    (checkout.programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (checkout.programs / "python3").chmod(0o755)
    done = checkout.run("up")
    assert done.returncode == 1
    assert "Python 3.11 or later is needed" in done.stderr
    assert "install it" in done.stderr
    assert not checkout.venv.exists()
