"""The state of one simulator: settings, world, ledger, meters and faults in force."""

from services.simulator.faults import Faults
from services.simulator.ledger import Ledger
from services.simulator.meter import Meter
from services.simulator.registry import PROVIDERS
from services.simulator.settings import Limits, Settings
from services.simulator.world import World

NO_LIMITS = Limits()


class Stage:
    """Everything a control request can read or change."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.world = World(settings.seed)
        self.faults = Faults({provider.name: provider.faults for provider in PROVIDERS})
        self.ledger = Ledger(provider.name for provider in PROVIDERS)
        self.meters = self._new_meters()

    def apply(self, settings: Settings) -> None:
        """Play on under these settings; another seed is another world."""
        if settings.seed != self.settings.seed:
            self.world = World(settings.seed)
        self.settings = settings

    def reset(self) -> None:
        """Empty ledger, no fault rules, full buckets and allowances. Settings stay."""
        self.ledger.reset()
        self.faults.clear()
        self.meters = self._new_meters()

    def limits(self, provider: str) -> Limits:
        """What the provider enforces."""
        return self.settings.limits.get(provider, NO_LIMITS)

    @staticmethod
    def _new_meters() -> dict[str, Meter]:
        return {provider.name: Meter(provider.zone) for provider in PROVIDERS}
