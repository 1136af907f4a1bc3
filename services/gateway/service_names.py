"""Names of services in the API: the folder's, or the provider's behind it."""

from typing import Final

from shared.domain.phases import HOUSEKEEPING, PHASES, SERVICES
from shared.domain.strict_json import nearest
from shared.errors import NotFoundError

ALIASES: Final = {
    "scale_serp_api": "serp",
    "scale_serp": "serp",
    "google_ads": "keywords",
    "cognism": "enrichment",
    "youtube": "media",
    "scrapingbee": "pages",
    "openai": "llm",
}
#: Every queue there is.
QUEUES: Final = (*SERVICES, HOUSEKEEPING)


def service_named(name: str) -> str:
    """The service's own name. Raises NotFoundError."""
    return _known(name, SERVICES, "service")


def queue_named(name: str) -> str:
    """The queue's own name. Raises NotFoundError."""
    return _known(name, QUEUES, "queue")


def phase_named(name: str) -> str:
    """The phase of this name. Raises NotFoundError."""
    if name not in PHASES:
        raise NotFoundError(f"there is no phase of this name; {nearest(name, tuple(PHASES))}")
    return name


def check_queue(name: str | None) -> None:
    """Raise ValueError for an unknown one; a check of `strict_json`."""
    if name is not None and ALIASES.get(name, name) not in QUEUES:
        raise ValueError(f"is no service; {nearest(name, QUEUES)}")


def check_phase(name: str | None) -> None:
    """Raise ValueError for an unknown one; a check of `strict_json`."""
    if name is not None and name not in PHASES:
        raise ValueError(f"is no phase; {nearest(name, tuple(PHASES))}")


def _known(name: str, known: tuple[str, ...], what: str) -> str:
    found = ALIASES.get(name, name)
    if found not in known:
        raise NotFoundError(f"there is no {what} of this name; {nearest(name, known)}")
    return found
