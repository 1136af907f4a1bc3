"""ScrapingBee: GET /usage tells credits and concurrency, and costs none; it may be asked six times a minute."""

from typing import Any

from services.gateway.doctor.expectation import Expectation, caller
from shared.config import Provider as Own
from shared.domain.provider import Request


def _no_credits(answer: Any, _own: Own) -> str:
    return "no credits are left" if answer["used_api_credit"] >= answer["max_api_credit"] else ""


EXPECTATION = Expectation(
    caller(
        "scrapingbee",
        "pages",
        "https://app.scrapingbee.com/api/v1",
        ("bearer", ""),
        error_codes=("message",),
    ),
    Request("/usage"),
    price="free",
    source="the provider's own Python client, version 2.2",
    fields={
        "max_api_credit": "integer",
        "used_api_credit": "integer",
        "max_concurrency": "integer",
        "current_concurrency": "integer",
        "renewal_subscription_date": "string|null",
    },
    tells=("used_api_credit", "max_api_credit", "max_concurrency"),
    objection=_no_credits,
)
