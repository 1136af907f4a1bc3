"""What an API key may do: scopes, and the roles that are bundles of them."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """One kind of thing to do."""

    READ_PIPELINES = "pipelines:read"
    WRITE_PIPELINES = "pipelines:write"
    READ_REPORTS = "reports:read"
    READ_OPERATIONS = "ops:read"
    WRITE_BREAKERS = "breakers:write"
    WRITE_QUEUES = "queues:write"
    WRITE_DEAD_LETTERS = "dead_letters:write"
    WRITE_SETTINGS = "settings:write"
    ADMINISTER_KEYS = "keys:admin"


#: Sees everything, and changes nothing.
VIEWER: Final = frozenset({Scope.READ_PIPELINES, Scope.READ_REPORTS, Scope.READ_OPERATIONS})
#: Starts and steers the work, too.
OPERATOR: Final = VIEWER | {
    Scope.WRITE_PIPELINES,
    Scope.WRITE_BREAKERS,
    Scope.WRITE_QUEUES,
    Scope.WRITE_DEAD_LETTERS,
}
ADMIN: Final = frozenset(Scope)
#: Role -> what it may do.
ROLES: Final = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


def scopes_of(role: str, narrowed: Collection[str] | None = None) -> frozenset[Scope]:
    """What a key of this role may do; `narrowed` leaves only these. Raises KeyError for an unknown role."""
    return ROLES[role] if narrowed is None else ROLES[role] & frozenset(narrowed)
