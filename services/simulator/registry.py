"""The providers that are played. A further one is one file and one entry here."""

from services.simulator.port import Provider
from services.simulator.scale_serp import ScaleSerp
from services.simulator.youtube import YouTube

PROVIDERS: tuple[Provider, ...] = (ScaleSerp(), YouTube())
