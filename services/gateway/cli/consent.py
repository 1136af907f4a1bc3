"""Acts: what one would come to is said on a dry run, and before what cannot be taken back."""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

#: What an act would come to, as `cancel 3 pipelines` says it, and the answer of the gateway that tells so.
Foreseen = tuple[str, Any]


class Consent(NamedTuple):
    """What somebody said of an act beforehand."""

    dry_run: bool
    yes: bool
    as_json: bool

    def asked(self, foresee: Callable[[], Foreseen]) -> bool:
        """Whether to do what loses something or spends: not on a dry run, and after a question at a terminal.

        Raises click.UsageError where nobody can be asked.
        """
        if self.yes and not self.dry_run:
            return True
        what, found = foresee()
        if self.dry_run:
            click.echo(json.dumps(found) if self.as_json else f"would {what}")
            return False
        if not (sys.stdin and sys.stdin.isatty()):
            raise click.UsageError(f"about to {what}; say --yes, or --dry-run to see only that")
        return click.confirm(f"{what}?", err=True)

    def free(self, foresee: Callable[[], Foreseen]) -> bool:
        """Whether to do what an opposite act takes back: unless on a dry run."""
        return not self.dry_run or self.asked(foresee)

    def tell(self, found: Any, text: str) -> None:
        """Print what came of it."""
        click.echo(json.dumps(found) if self.as_json else text)


def acts(function: F) -> F:
    """--dry-run, --yes and --json, together the parameter `consent`; where there is -o, --json is its own."""

    @functools.wraps(function)
    def with_consent(*, dry_run: bool, yes: bool, **given: Any) -> Any:
        as_json = given.pop("as_json") if "as_json" in given else given["form"] == "json"
        return function(consent=Consent(dry_run, yes, as_json), **given)

    there = [parameter.name for parameter in getattr(with_consent, "__click_params__", [])]
    wanted = [
        click.option("--yes", is_flag=True, help="Do not ask, where this asks."),
        click.option("--dry-run", is_flag=True, help="Only say what would be done."),
    ]
    if "form" not in there:
        wanted.append(
            click.option("--json", "as_json", is_flag=True, help="The API's answer on standard output.")
        )
    for option in wanted:
        option(with_consent)
    return with_consent  # type: ignore[return-value]  # click calls it by the names of its options
