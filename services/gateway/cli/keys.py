"""`landscape keys`: API keys, each with a role; made, listed, revoked."""

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from services.gateway.cli import api, options
from services.gateway.cli.consent import Consent, acts
from services.gateway.cli.listing import listing, secret

PATH: Final = "/keys"


def _validity(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {key['revoked_at']}"
    return f"expires {key['expires_at']}" if key["expires_at"] else "valid until it is revoked"


command = listing(
    "keys",
    "API keys, the newest first.",
    PATH,
    "key_id",
    ("key_id", "role", "name", ("used", lambda key: key["last_used_at"] or "never"), ("validity", _validity)),
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
@options.reason
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
@options.reason
@options.data_dir
@acts
def revoke(key_id: UUID, reason: str, data_dir: Path, consent: Consent) -> int:
    """Let a key open nothing any more."""
    with api.connect(data_dir) as gateway:

        def foresee() -> tuple[str, Any]:
            found = gateway.ask("GET", f"{PATH}/{key_id}")
            return f"revoke for good {render(found)}", found

        if consent.asked(foresee):
            revoked = gateway.ask("POST", f"{PATH}/{key_id}/revoke", json={"reason": reason})
            consent.tell(revoked, render(revoked))
    return 0


def render(key: dict[str, Any]) -> str:
    """A line: id, role, name, and how it stands with it."""
    return f"{key['key_id']}  {key['role']}  {key['name']}; used {key['last_used_at'] or 'never'}; {_validity(key)}"
