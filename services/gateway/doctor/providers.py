"""The providers: which have what a call needs, and which phases are off because theirs has not."""

from collections.abc import Iterator

from services.gateway.doctor.expectation import Expectation
from services.gateway.doctor.expectations import cognism, google_ads, openai, scale_serp, scrapingbee, youtube
from services.gateway.doctor.finding import Finding, note, ok, wrong
from shared.config import Settings
from shared.domain.phases import PHASES, of_service

_KNOWN: tuple[Expectation, ...] = (
    scale_serp.EXPECTATION,
    google_ads.EXPECTATION,
    cognism.EXPECTATION,
    youtube.EXPECTATION,
    scrapingbee.EXPECTATION,
    openai.EXPECTATION,
)
_ORDER = [phase.service for phase in PHASES.values()]
#: In the order of the phases.
EXPECTATIONS = tuple(sorted(_KNOWN, key=lambda expectation: _ORDER.index(expectation.service)))


def credentials(settings: Settings) -> Iterator[Finding]:
    """A line per provider, or one for all where none has anything; keys are never shown."""
    if not any(e.is_configured(settings.provider(e.service)) for e in EXPECTATIONS):
        cure = "set the keys of those you want to pay, see .env.example"
        yield note("providers", "none has a key: the simulator stands in for all", cure)
        return
    for expectation in EXPECTATIONS:
        yield _credentials(expectation, settings)


def _credentials(expectation: Expectation, settings: Settings) -> Finding:
    own = settings.provider(expectation.service)
    name, phase = expectation.provider.name, of_service(expectation.service)
    missing = expectation.missing(own)
    sets_them = f"set {' and '.join(missing)}"
    if expectation.is_configured(own):
        if not expectation.can_call(own):
            return wrong(name, f"{phase.name} cannot run with only a part of what it needs", sets_them)
        where = f" at {own.base_url}, whose answers count as simulated" if own.base_url else ""
        return ok(name, f"needs no key{where}" if missing else f"has its key{where}")
    if phase.mandatory:
        return wrong(name, f"has no key: no {phase.name}, and without it no pipeline", sets_them)
    return note(name, f"has no key: {phase.name} is off", sets_them)
