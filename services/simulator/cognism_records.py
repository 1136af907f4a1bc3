"""What Cognism tells of a company: the free preview of `has…` flags, and the record with the values."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.simulator.chance import digest
from services.simulator.cognism_companies import Company
from services.simulator.vocabulary import SYLLABLES
from services.simulator.world import World

Values = dict[str, Any]

ENTITLEMENT: Mapping[str, bool] = {
    "domain": True,
    "website": True,
    "industries": True,
    "description": True,
    "shortDescription": True,
    "founded": True,
    "linkedinUrl": True,
    "revenue": True,
    "sizeFrom": True,
    "sizeTo": True,
    "headcount": True,
    "type": True,
    "sic": True,
    "naics": True,
    "isic": False,
    "technologies": True,
    "locations": True,
    "officePhoneNumbers": True,
    "hqPhoneNumbers": True,
    "hiringEvent": False,
    "fundingEvent": False,
}
"""Fields the account has bought. What it has not is told of in previews and absent in records."""
OTHER_NAMES: Mapping[str, str] = {"technologies": "tech", "locations": "location"}
"""As published samples have it."""

_ALWAYS = ("domain", "website", "industries")
_GAPS_IN_256 = 40
"""Of the values of any other field: not known."""
_INDUSTRIES = (
    ("Computer Software", "7372", "511210", "5820"), ("Internet", "7375", "519130", "6312"),
    ("Marketing and Advertising", "7311", "541810", "7310"), ("Financial Services", "6199", "523999", "6499"),
    ("Hospital & Health Care", "8062", "622110", "8610"), ("Retail", "5311", "452210", "4719"),
    ("Logistics and Supply Chain", "4731", "488510", "5229"), ("Construction", "1542", "236220", "4100"),
    ("Education Management", "8299", "611710", "8549"), ("Insurance", "6411", "524210", "6622"),
    ("Media Production", "7812", "512110", "5911"), ("Renewables & Environment", "4911", "221114", "3510"),
)  # fmt: skip
_SIZES = ((1, 10), (11, 50), (51, 200), (201, 500), (501, 1000), (1001, 5000), (5001, 10_000), (10_001, None))
_TYPES = ("Privately Held", "Privately Held", "Public Company", "Nonprofit", "Partnership")
_TECHNOLOGIES = (
    "Google Analytics", "HubSpot", "Salesforce", "Cloudflare", "WordPress", "Shopify", "React", "Marketo",
    "Zendesk", "Stripe", "AWS", "Segment",
)  # fmt: skip
_COUNTRIES = {
    "": ("United States", "California", "1"), "uk": ("United Kingdom", "Greater London", "44"),
    "de": ("Germany", "Bavaria", "49"), "fr": ("France", "Île-de-France", "33"),
    "au": ("Australia", "Victoria", "61"), "jp": ("Japan", "Kanto", "81"),
    "sa": ("Saudi Arabia", "Riyadh Province", "966"), "vn": ("Vietnam", "Southeast", "84"),
    "in": ("India", "Karnataka", "91"),
}  # fmt: skip


def preview(world: World, company: Company) -> Values:
    """Free of credits: which values there are, not the values."""
    known = _values(world, company)
    flags = {f"has{name[0].upper()}{name[1:]}": name in known for name in ENTITLEMENT}
    return {"id": company.id, "redeemId": company.id, "name": company.name, **flags}


def record(world: World, company: Company, *, merged: bool, other_names: bool) -> Values:
    """The values known and bought. `merged` puts all phone numbers among those of the offices; `other_names`
    spells some fields as published samples do.
    """
    values = {name: value for name, value in _values(world, company).items() if ENTITLEMENT[name]}
    if merged:
        phones = [*values.pop("hqPhoneNumbers", []), *values.pop("officePhoneNumbers", [])]
        values |= {"officePhoneNumbers": phones} if phones else {}
    if other_names:
        values = {OTHER_NAMES.get(name, name): value for name, value in values.items()}
    return {"id": company.id, "name": company.name, **values}


@lru_cache(maxsize=4096)
def _values(world: World, company: Company) -> Values:
    """All there is to know, bought or not. Not to be changed: it is kept."""
    draws = digest(world.seed, f"facts of company {company.domain}", 56)
    industry, sic, naics, isic = _INDUSTRIES[draws[0] % len(_INDUSTRIES)]
    least, most = _SIZES[draws[1] % len(_SIZES)]
    headcount = least + (draws[3] * 256 + draws[4]) % ((most or 40_000) - least + 1)
    about = world.snippets[int.from_bytes(draws[5:7], "little") % len(world.snippets)]
    first = draws[7] % len(_TECHNOLOGIES)
    values: Values = {
        "domain": company.domain,
        "website": f"https://www.{company.domain}",
        "industries": [industry],
        "description": f"{company.name} works in {industry.lower()}. {about}",
        "shortDescription": f"{company.name} works in {industry.lower()}.",
        "founded": 1950 + draws[8] % 75,
        "linkedinUrl": f"https://www.linkedin.com/company/{company.domain.partition('.')[0]}",
        "revenue": headcount * (80 + draws[9]) * 1000,
        "sizeFrom": least,
        "sizeTo": most,
        "headcount": headcount,
        "type": _TYPES[draws[10] % len(_TYPES)],
        "sic": [sic],
        "naics": [naics],
        "isic": [isic],
        "technologies": [(_TECHNOLOGIES * 2)[first + step] for step in range(1 + draws[11] % 5)],
        "locations": _locations(company, draws[12:20]),
        "officePhoneNumbers": [_phone(company, draws[20:24], dnc={"status": draws[24] % 8 == 0})],
        "hqPhoneNumbers": [_phone(company, draws[25:29], dnc=draws[29] % 8 == 0)],
        "hiringEvent": [{"date": "2026-09-14", "title": "Head of Sales"}],
        "fundingEvent": [{"date": "2026-03-02", "amount": headcount * 10_000}],
    }
    gaps = draws[-len(values) :]
    return {
        name: value
        for (name, value), gap in zip(values.items(), gaps, strict=True)
        if value is not None and (name in _ALWAYS or gap >= _GAPS_IN_256)
    }


def _locations(company: Company, draws: bytes) -> list[Values]:
    """The headquarters, and up to two offices."""
    country, state, _ = _COUNTRIES[company.home]
    return [
        {
            "type": "office" if number else "hq",
            "country": country,
            "state": state,
            "city": f"{SYLLABLES[draws[number] % len(SYLLABLES)]}ville".title(),
            "zip": f"{draws[number + 3] * 389:05}",
            "street": f"{1 + draws[number + 4]} Market Street",
        }
        for number in range(1 + draws[7] % 3)
    ]


def _phone(company: Company, draws: bytes, *, dnc: object) -> Values:
    """`dnc` is a flag, or an object that holds one."""
    _, _, code = _COUNTRIES[company.home]
    number = int.from_bytes(draws, "little") % 10**9
    return {"number": f"+{code}{number:09}", "score": draws[0] % 101, "dnc": dnc, "label": "main"}
