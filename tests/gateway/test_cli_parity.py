"""What all commands have in common: -o where they read, --dry-run and --yes where they act. Found by walking over them."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from services.gateway.cli import exits
from tests.architecture import command_reference
from tests.architecture.command_reference import commands

ROOT: Final = Path(__file__).parents[2]

#: Processes: they serve until they are stopped, or do one thing to this machine, and are no part of the API.
PROCESSES: Final = {"demo", "up", "migrate", "gateway", "worker", "simulate", "test"}
#: What neither reads as the others do nor acts as the others do, and why.
EXCEPTIONS: Final = {
    "completion": "code for a shell, in one form",
    "report": "a file in the form that --format says; -o is its name, and a waiver is printed in it",
    "keys create": "adds what may be revoked, and prints a secret alone on standard output",
    "webhooks create": "adds what may be deleted, and prints a secret alone on standard output",
}
#: In the source of a command: it asks the gateway to change something.
CHANGES: Final = re.compile(r'"(POST|PUT|PATCH|DELETE)"|\.steer\(|\.do\(|\.waive\(')

ALL: Final = dict(commands())
every = pytest.mark.parametrize("name", sorted(ALL.keys() - PROCESSES - EXCEPTIONS.keys()))


def flags(name: str) -> set[str]:
    return {option for parameter in ALL[name].params for option in parameter.opts}


def test_the_exceptions_name_commands_that_exist() -> None:
    """One for what was renamed would excuse nothing."""
    assert PROCESSES | EXCEPTIONS.keys() <= ALL.keys()


@every
def test_a_command_reads_or_acts_as_all_others_do(name: str) -> None:
    """Who reads takes -o in three forms, who acts --dry-run and --yes, and everybody --json."""
    reads, acts = "-o" in flags(name), "--dry-run" in flags(name)
    assert reads or acts
    assert "--json" in flags(name)
    if reads:
        (form,) = (one for one in ALL[name].params if "-o" in one.opts)
        assert isinstance(form.type, click.Choice)
        assert ("--output" in form.opts, list(form.type.choices)) == (True, ["table", "json", "ids"])
    if acts:
        assert "--yes" in flags(name)
    callback = ALL[name].callback
    assert callback
    assert acts or not CHANGES.search(inspect.getsource(inspect.unwrap(callback)))


@every
def test_a_command_says_what_it_does_in_one_sentence_and_each_option_what_it_is(name: str) -> None:
    """As `--help` prints them."""
    command = ALL[name]
    assert command.help
    assert command.help.rstrip().endswith(".")
    unsaid = [
        one.opts
        for one in command.params
        if isinstance(one, click.Option) and not one.help and not one.hidden and one.opts[0] not in SPEAKING
    ]
    assert unsaid == []


#: Options whose name and default say it all.
SPEAKING: Final = {"--limit", "--role"}


def test_a_shell_completes_subcommands() -> None:
    """By what `completion` has it call."""
    variables = {"COMP_WORDS": "landscape dead-letters re", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "services.gateway.cli"],
        cwd=ROOT,
        env={**os.environ, **variables, "_LANDSCAPE_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "replay" in done.stdout, done.stderr


def test_exit_codes_are_all_different_and_none_is_lost() -> None:
    """A script tells them apart."""
    codes = list(exits.MEANINGS)
    assert codes == sorted(set(codes))
    assert set(exits.BY_CODE.values()) < set(codes)


def test_the_page_about_the_commands_is_up_to_date() -> None:
    """Made anew by `python -m tests.architecture.command_reference`."""
    assert command_reference.REFERENCE.read_text() == command_reference.reference()
