"""The providers that are played. A further one is one file and one entry here."""

from services.simulator.cognism import Cognism
from services.simulator.google_ads import GoogleAds
from services.simulator.oauth import OAuth
from services.simulator.openai import OpenAI
from services.simulator.port import Provider
from services.simulator.scale_serp import ScaleSerp
from services.simulator.scrapingbee import ScrapingBee
from services.simulator.youtube import YouTube

PROVIDERS: tuple[Provider, ...] = (
    ScaleSerp(),
    YouTube(),
    ScrapingBee(),
    OpenAI(),
    GoogleAds(),
    OAuth(),
    Cognism(),
)
