"""The shape of what a report says about its own fitness to be published."""

import msgspec


class PublicationGate(msgspec.Struct, frozen=True):
    """A condition of publishing."""

    gate: str
    passed: bool
    reasons: tuple[str, ...]
    """Why it did not pass."""
    waived_by: str | None
    """Who lets it pass all the same. Null: nobody, or it passed by itself."""
    waiver: str | None
    """Why."""


class Publication(msgspec.Struct, frozen=True):
    """Whether a report may be published."""

    publishable: bool
    """Every gate passed or was waived by name."""
    gates: tuple[PublicationGate, ...]
