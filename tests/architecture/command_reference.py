"""Writes docs/reference/cli.md from the commands themselves: `python -m tests.architecture.command_reference`."""

from collections.abc import Iterator

import click

from services.gateway.cli import exits
from services.gateway.cli.group import COMMANDS, group
from tests.architecture.pages import ROOT

REFERENCE = ROOT / "docs/reference/cli.md"

_HEAD = """# Command line

Generated from `services/gateway/cli/` by `python -m tests.architecture.command_reference`; a test fails when it is out of date.

Data goes to standard output, everything else to standard error. Commands talk to `LANDSCAPE_URL` with `LANDSCAPE_TOKEN`, else to what runs
on `--data-dir`.

- **What reads** takes `-o table`, `-o json` (as `--json`: the API's answer) and `-o ids`: one id a line, for the next command.
- **What acts** takes `--dry-run`, which says what would be done and does not do it, `--yes`, and `--json`. On a pipeline and on
  calls in doubt a dry run is the gateway's: it does the work, says what came of it, and takes it back, so that it refuses what the act itself
  would refuse, and takes as long. Failed items and dead letters are counted. Of a queue, a breaker, a budget, a checkpoint, a key or a webhook it says how that
  stands now. That of `start` and `clone` is their plan.
- **What loses something or spends** says first what it would come to, and asks. Where nobody sits at a terminal it ends with exit code 2,
  and does nothing, unless `--yes` is given. What an opposite command takes back, such as `pause`, is not asked about.

```sh
./landscape list --state failed -o ids | xargs -n 1 ./landscape resume
```

## Exit codes

"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand with the words that call it."""
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        if command is None:
            raise LookupError(name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", inner) for sub, inner in sorted(command.commands.items()))


def reference() -> str:
    """The page."""
    codes = [f"| {code} | {meaning} |\n" for code, meaning in exits.MEANINGS.items()]
    parts = [_HEAD, "| code | when |\n|---|---|\n", *codes]
    for name, command in commands():
        parts.append(f"\n## {name}\n\n{_sentence(command)}\n\n```\n{_usage(name, command)}\n```\n")
        rows = [row for parameter in command.params if (row := _row(parameter))]
        if rows:
            parts.append("\n| option | meaning |\n|---|---|\n" + "".join(rows))
    return "".join(parts)


def _sentence(command: click.Command) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))


def _usage(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"landscape {name}")
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _row(parameter: click.Parameter) -> str | None:
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return None
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    takes = "|".join(map(str, parameter.type.choices)) if isinstance(parameter.type, click.Choice) else ""
    facts = [parameter.help or "", f"One of {takes}." if takes else ""]
    if parameter.required:
        facts.append("Needed.")
    elif parameter.show_default and parameter.default is not None:
        facts.append(f"Default: `{parameter.default}`.")
    text = " ".join(fact for fact in facts if fact).replace("  [default:", " [default:")
    return f"| {names} | {text.replace('|', chr(92) + '|')} |\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference())
