"""What is expected of a provider: which call is cheap, what it needs, and what its answer looks like."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from services.gateway.doctor.shape import Fields
from shared.config import PREFIX
from shared.config import Provider as Own
from shared.domain.provider import Limits, Provider, Request
from shared.domain.retry import RetryPolicy


def caller(
    name: str,
    service: str,
    base_url: str,
    auth: tuple[Literal["query", "header", "bearer", "oauth"], str],
    **declared: Any,
) -> Provider:
    """A provider for a single call: no limit to keep, no second try."""
    return Provider(name, service, base_url, auth, Limits(1), RetryPolicy(1), **declared)


def _nothing(_answer: Any, _own: Own) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One provider and one call."""

    provider: Provider
    """Of what the service declares, only what a call needs. Services are not imported here; a test compares the two."""
    request: Request
    price: str
    """As in "free"."""
    source: str
    """Where the fields are from."""
    fields: Fields
    credentials: tuple[str, ...] = ("api_key",)
    """Settings without which no call can be made."""
    tells: tuple[str, ...] = ()
    """Top-level paths of fields whose values an operator wants to see; never of credentials."""
    objection: Callable[[Any, Own], str] = _nothing
    """(answer, settings) -> why work would fail although the call did not; empty when nothing speaks against it."""

    @property
    def service(self) -> str:
        """Folder and settings name."""
        return self.provider.service

    def variable(self, setting: str) -> str:
        """The variable of one of its settings."""
        return f"{PREFIX}PROVIDERS__{self.service.upper()}__{setting.upper()}"

    def missing(self, own: Own) -> list[str]:
        """Variables of the credentials that are not set."""
        return [self.variable(name) for name in self.credentials if not getattr(own, name)]

    def is_configured(self, own: Own) -> bool:
        """Whether any of its credentials, or an address, is set: somebody wants it to work."""
        return bool(own.base_url) or len(self.missing(own)) < len(self.credentials)

    def can_call(self, own: Own) -> bool:
        """Whether there is enough for a call; at an address of one's own a key may not be needed."""
        return not self.missing(own) or (bool(own.base_url) and self.credentials == ("api_key",))
