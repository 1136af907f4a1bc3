"""The command group: a table of commands, each imported only when it runs."""

import difflib
import importlib
import sys

import click

from services.gateway.cli import exits

PACKAGE = "services.gateway.cli"

#: One line per command: its name, the module whose `command` it is, its help.
COMMANDS = {
    "demo": ("demo", "From 40 keywords to a report on this machine, without any API key."),
    "up": ("up", "Run the whole system on this machine."),
    "plan": ("plan", "What a pipeline would take, before anything is spent."),
    "start": ("start", "Start a pipeline."),
    "list": ("list", "Pipelines: the newest, or searched by state, name and time."),
    "items": ("items", "Items of a pipeline, or one of them with all its attempts."),
    "restart-phase": ("restart_phase", "Do a phase of a pipeline again."),
    "clone": ("clone", "Start a pipeline with another one's configuration."),
    "templates": ("templates", "Bodies of a start, kept by name; save, start, try out."),
    "schedules": ("schedules", "Templates that are started by the clock; create, pause, run now."),
    "delete": ("delete", "Delete a pipeline that has ended."),
    "workers": ("workers", "Worker processes: version, sign of life, load."),
    "providers": ("providers", "Limits, quota and spending of the providers today."),
    "watch": ("watch", "Follow a pipeline until it ends."),
    "report": ("report", "The share-of-voice report of a pipeline."),
    "why": ("why", "Why a pipeline, an item or a service does not go on, and what to do."),
    "pause": ("pause", "Start no more calls of a pipeline for now."),
    "unpause": ("unpause", "Go on after a pause."),
    "cancel": ("cancel", "End a pipeline before its time."),
    "resume": ("resume", "Go on with a pipeline that failed, has gaps or was cancelled."),
    "checkpoint": ("checkpoint", "Write down, list or verify positions of a pipeline."),
    "rewind": ("rewind", "Take back what a pipeline did after a checkpoint, and do it again."),
    "audit": ("audit", "Prove that a pipeline lost nothing and bought nothing twice."),
    "budget": ("budget", "What a pipeline may spend; show it, or set it."),
    "in-doubt": ("in_doubt", "Calls that may have been charged; say what they cost."),
    "breakers": ("breakers", "Which providers are not called, and why; hold or reset one."),
    "queues": ("queues", "How much work stands in the queues; pause or unpause one."),
    "dead-letters": ("dead_letters", "What was given up: list, group, edit, replay, discard."),
    "operations": ("operations", "Bulk actions that go on by themselves: list, watch, cancel."),
    "retry-failed": ("retry_failed", "Give a pipeline's failed items another chance."),
    "keys": ("keys", "API keys with roles: create, list, revoke."),
    "events": ("events", "What has happened: pipelines, phases, breakers, quotas, budgets, dead letters."),
    "webhooks": ("webhooks", "Who is sent events over HTTP; register, test, enable."),
    "audit-log": ("audit_log", "Every write that was asked of the API: who, when, why."),
    "completion": ("completion", "Code that completes commands in bash, zsh or fish."),
    "doctor": ("doctor", "Check this machine, the stores and the providers' keys."),
    "migrate": ("migrate", "Bring the database to this code's schema."),
    "gateway": ("gateway", "Serve the REST API."),
    "worker": ("worker", "Run the worker of one service."),
    "simulate": ("simulate", "Serve the simulator of all providers."),
    "test": ("test", "Check everything CI checks."),
}


class LazyGroup(click.Group):
    """Lists commands from the table; `landscape --help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """The command of this name, imported now; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = importlib.import_module(f"{PACKAGE}.{module}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{PACKAGE}.{module}.command is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a name that is misspelt."""
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        """The table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
def group() -> None:
    """Digital Landscape Analyzer: who owns a market's search results, and with what content."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave the process with its exit code."""
    try:
        result = group.main(arguments, prog_name="landscape", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        code = exits.report(error)
        if code is None:
            raise
        sys.exit(code)
    sys.exit(result if isinstance(result, int) else 0)
