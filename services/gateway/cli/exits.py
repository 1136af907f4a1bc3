"""Exit codes: what a script that calls `landscape` may rely on."""

import sys

import click

from shared.errors import LandscapeError

ERROR = 1
USAGE = 2
AUTH = 3
NOT_FOUND = 4
PIPELINE_FAILED = 5
CONFLICT = 6
UNAVAILABLE = 7
INTERRUPTED = 130

#: Code -> when a command ends with it; the reference of the command line is made from this.
MEANINGS = {
    0: "it is done, or was shown; also a dry run, and a question answered with no",
    ERROR: "it failed; also an audit, a checkpoint or a check of `doctor` that does not hold, and a plan over its budget",
    USAGE: "the command line, a setting or a file is wrong, or --yes is needed; nothing was done",
    AUTH: "the API key is refused, or may not do that",
    NOT_FOUND: "there is no such pipeline, item, service or file of the API",
    PIPELINE_FAILED: "the pipeline that was followed has failed or was cancelled",
    CONFLICT: "what it is about is in no state for it",
    UNAVAILABLE: "the gateway or a store does not answer, or asks for patience",
    INTERRUPTED: "Ctrl-C",
}

#: By LandscapeError.code; any other code is a plain error.
BY_CODE = {
    "config": USAGE,
    "input": USAGE,
    "auth": AUTH,
    "not_found": NOT_FOUND,
    "pipeline_failed": PIPELINE_FAILED,
    "conflict": CONFLICT,
    "unavailable": UNAVAILABLE,
}

#: A store that does not answer, by module and name: importing them here would cost every command 0.3 s.
_UNREACHABLE = (("psycopg", "OperationalError"), ("redis", "ConnectionError"), ("redis", "TimeoutError"))


def report(error: BaseException) -> int | None:
    """Print `error: …` on stderr and return the exit code. None for a bug: its traceback is worth more."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return USAGE
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        where = f"{context.command_path} --help" if context is not None else "landscape --help"
        _print(f"{error.format_message()} See `{where}`.")
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, LandscapeError):
        _print(str(error))
        return BY_CODE.get(error.code, ERROR)
    if _is_unreachable(error):
        _print(f"a store does not answer: {error}; check LANDSCAPE_POSTGRES_URL and LANDSCAPE_REDIS_URL")
        return UNAVAILABLE
    return None


def _print(text: str) -> None:
    click.echo(f"error: {' '.join(text.split())}", err=True)


def _is_unreachable(error: BaseException) -> bool:
    return any(
        isinstance(error, getattr(sys.modules[module], name))
        for module, name in _UNREACHABLE
        if module in sys.modules
    )
