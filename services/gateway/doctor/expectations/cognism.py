"""Cognism: which fields of a company the contract covers; no preview and no credit is used."""

from typing import Any

from services.gateway.doctor.expectation import Expectation, caller
from shared.config import Provider as Own
from shared.domain.provider import Request

#: Every field may be left out of a contract.
_FIELDS = (
    "domain", "website", "industries", "description", "shortDescription", "founded", "linkedinUrl", "revenue",
    "sizeFrom", "sizeTo", "headcount", "type", "sic", "naics", "isic", "technologies", "locations",
    "officePhoneNumbers", "hqPhoneNumbers", "hiringEvent", "fundingEvent",
)  # fmt: skip
#: The key is spelt with a blank.
_ENTITLEMENT = "account Entitlement"


def _not_covered(answer: Any, _own: Own) -> str:
    # Companies are told apart by their domains: without these nothing redeemed can be assigned.
    return (
        "" if answer[_ENTITLEMENT].get("domain") else "the contract does not cover the domains of companies"
    )


EXPECTATION = Expectation(
    caller(
        "cognism",
        "enrichment",
        "https://app.cognism.com/api",
        ("bearer", ""),
        error_codes=("key", "errors.code"),
    ),
    Request("/search/entitlement/accountEntitlementSubscription"),
    price="free",
    source="the provider's API documentation, samples of the entitlement endpoints",
    fields={_ENTITLEMENT: "object"} | {f"{_ENTITLEMENT}.{name}?": "boolean" for name in _FIELDS},
    objection=_not_covered,
)
