"""`landscape test`: everything CI checks, behind one door."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

from services.gateway.cli.scratch import scratch
from services.gateway.standalone.services import ROOT

#: Test processes at once, on two cores: many tests wait for servers. With two of them it takes twice as long; more starve
#: the timing of the servers they share.
PROCESSES = 3
#: pytest: no test was selected.
NOTHING_SELECTED = 5

PYTEST = ["-m", "pytest", "-q"]
#: Said at every run by itself, with a seed that makes it again.
CHAOS = [*PYTEST, "-v", "-s", "--timeout", "0", "tests/resilience"]
KILLS = 1000
LOADS = 20
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@click.command("test")
@click.option(
    "--benchmarks", is_flag=True, help="Run the benchmarks, and nothing else, with their output shown."
)
@click.option(
    "--soak",
    is_flag=True,
    help="Kill processes and carry big loads for hours, and run nothing else.",
)
@click.option(
    "--kills",
    type=click.IntRange(min=1),
    default=KILLS,
    show_default=True,
    help="With --soak: how many processes.",
)
@click.option(
    "--loads",
    type=click.IntRange(min=0),
    default=LOADS,
    show_default=True,
    help="With --soak: how many reference loads.",
)
@click.option(
    "--chaos-seed",
    type=click.IntRange(min=0),
    help="Run the chaos suite's run of this seed, and nothing else.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    *,
    benchmarks: bool,
    soak: bool,
    kills: int,
    loads: int,
    chaos_seed: int | None,
    arguments: tuple[str, ...],
) -> int:
    """Lint, types, import contracts and all tests. ARGUMENTS after -- go to pytest.

    All steps run; the exit code is that of the first one that failed.
    """
    if benchmarks:
        return _run([*PYTEST, "-s", "-m", "benchmark", *arguments])
    if chaos_seed is not None:
        return _run([*CHAOS, "-m", "seeded", f"--chaos-seed={chaos_seed}", *arguments])
    if soak:
        return _run([*CHAOS, "-m", "soak", f"--kills={kills}", f"--loads={loads}", *arguments])
    checks = [
        ["-m", "ruff", "check"],
        ["-m", "ruff", "format", "--check"],
        ["-m", "mypy"],
        ["-c", LINT_IMPORTS],
    ]
    failed = [(step, code) for step in checks if (code := _run(step))]
    failed += _tests(list(arguments), failed)
    return failed[0][1] if failed else 0


def _tests(arguments: list[str], failed: list[tuple[list[str], int]]) -> list[tuple[list[str], int]]:
    """The steps that failed. The closing line of the larger one is the last on stdout, so what failed before is said first."""
    alone = [*PYTEST, "-m", "alone and not benchmark and not soak", *arguments]
    together = [
        *PYTEST,
        "-n",
        str(PROCESSES),
        "--dist",
        "worksteal",
        "-m",
        "not benchmark and not alone and not soak",
        *arguments,
    ]
    if memory := scratch(os.environ):
        os.environ["TMPDIR"] = str(memory)
    codes = [(alone, _run(alone))]
    for step, code in [*failed, *codes]:
        if code not in {0, NOTHING_SELECTED}:
            click.echo(f"error: failed with exit code {code}: {_name(step)}", err=True)
    codes.append((together, _run(together)))
    if all(code == NOTHING_SELECTED for _, code in codes):
        return codes
    return [(step, code) for step, code in codes if code not in {0, NOTHING_SELECTED}]


def _run(step: list[str]) -> int:
    click.echo(f"$ {_name(step)}", err=True)
    sys.stdout.flush()
    return subprocess.run([sys.executable, *step], cwd=ROOT, check=False).returncode  # noqa: S603  our own commands


def _name(step: list[str]) -> str:
    return "lint-imports" if step[-1] == LINT_IMPORTS else shlex.join([Path(sys.executable).name, *step])
