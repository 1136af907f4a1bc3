"""`landscape keys`: API keys, each with a role; made, listed, revoked."""

from pathlib import Path
from typing import Any, Final

import click

from services.gateway.cli import api, options
from services.gateway.cli.listing import listing, secret

PATH: Final = "/keys"


command = listing(
    "keys",
    "API keys, the newest first.",
    PATH,
    lambda found: "\n".join(map(render, found["items"])) or "no key yet",
)


@command.command("create")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["viewer", "operator", "admin"]), default="viewer", show_default=True
)
@click.option(
    "--scope", "scopes", multiple=True, help="Of the role's, only this; may be given several times."
)
@click.option("--days", type=float, help="Valid for so long; omitted: until it is revoked.")
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@options.data_dir
def create(
    *, name: str, role: str, scopes: tuple[str, ...], days: float | None, reason: str, data_dir: Path
) -> int:
    """Make a key called NAME. It is printed this once, alone on standard output."""
    body: dict[str, Any] = {"name": name, "role": role, "reason": reason}
    body |= {"expires_in_days": days} if days is not None else {}
    body |= {"scopes": list(scopes)} if scopes else {}
    with api.connect(data_dir) as gateway:
        made = gateway.ask("POST", PATH, json=body)
    secret(render(made["api_key"]), made["key"])
    return 0


@command.command("revoke")
@click.argument("key_id", type=click.UUID)
@click.option("--reason", default="", help="Why; it stays in the audit log.")
@options.data_dir
def revoke(key_id: str, reason: str, data_dir: Path) -> int:
    """Let a key open nothing any more."""
    with api.connect(data_dir) as gateway:
        click.echo(render(gateway.ask("POST", f"{PATH}/{key_id}/revoke", json={"reason": reason})))
    return 0


def render(key: dict[str, Any]) -> str:
    """A line: id, role, name, and how it stands with it."""
    facts = [f"used {key['last_used_at'] or 'never'}"]
    if key["revoked_at"]:
        facts.append(f"revoked {key['revoked_at']}")
    elif key["expires_at"]:
        facts.append(f"expires {key['expires_at']}")
    return f"{key['key_id']}  {key['role']:<9}{key['name']}; {'; '.join(facts)}"
