"""Reads the requests of Cognism: bodies of account search, enrich and redeem."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

MAX_TERMS = 1000
MAX_REDEEMED = 20
INDEX_SIZES = range(20, 101)
"""Records one search page may hold."""
MIN_MATCH_SCORE = 40
"""Where the request does not say."""

Term = Annotated[str, Meta(min_length=1)]
Terms = Annotated[list[Term], Meta(max_length=MAX_TERMS)]
Ids = Annotated[list[Term], Meta(min_length=1, max_length=MAX_REDEEMED)]
B = TypeVar("B", bound=msgspec.Struct)


class RefusedError(Exception):
    """A request is wrong. Its text is what the answer says."""


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """How the terms of a search are matched."""

    match_exact_domain: bool = False
    match_exact_account_name: bool = False
    filter_domain: str = "exists"
    """Any other value finds nothing, and no error says so."""
    events_operator: Literal["AND", "OR"] = "AND"


class Search(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of a search; at least one of the terms is given."""

    domains: Terms = []
    websites: Terms = []
    names: Terms = []
    account_search_options: Options = msgspec.field(default_factory=Options)


class Enrich(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of an enrichment; at least one of the first four is given."""

    domain: Term = ""
    website: Term = ""
    linkedin_url: Term = ""
    name: Term = ""
    country: str = ""
    city: str = ""
    anchor_fields: list[str] = []
    min_match_score: Annotated[int, Meta(ge=0, le=100)] = MIN_MATCH_SCORE


class Redeem(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a redemption: either of the two."""

    redeem_ids: Ids | None = msgspec.field(default=None, name="redeemIds")
    ids: Ids | None = None


def decode(body: bytes, kind: type[B]) -> B:
    """The body. Raises RefusedError naming the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise RefusedError(f"Invalid request body: {error}") from None


def search(query: Mapping[str, str], body: bytes) -> tuple[Search, int, str]:
    """The search, the size of a page, and the key of the last record already returned."""
    given = decode(body, Search)
    if not (given.domains or given.websites or given.names):
        raise RefusedError("Invalid request body: at least one of domains, websites and names is needed")
    text = query.get("indexSize", str(INDEX_SIZES[0]))
    if not (text.isascii() and text.isdigit()) or int(text) not in INDEX_SIZES:
        raise RefusedError(f"indexSize must be from {INDEX_SIZES[0]} to {INDEX_SIZES[-1]}")
    return given, int(text), query.get("lastReturnedKey", "")


def enrich(body: bytes) -> Enrich:
    """The enrichment."""
    given = decode(body, Enrich)
    if not (given.domain or given.website or given.linkedin_url or given.name):
        raise RefusedError("Invalid request body: one of domain, website, linkedinUrl and name is needed")
    return given


def redeem(query: Mapping[str, str], body: bytes) -> tuple[Sequence[str], bool]:
    """The ids, each once, and whether phone numbers and locations are merged."""
    given = decode(body, Redeem)
    ids = given.redeem_ids or given.ids
    if not ids or (given.redeem_ids and given.ids):
        raise RefusedError("Invalid request body: redeemIds or ids is needed, and not both")
    merged = query.get("mergePhonesAndLocations", "false")
    if merged not in ("true", "false"):
        raise RefusedError("mergePhonesAndLocations must be true or false")
    return list(dict.fromkeys(ids)), merged == "true"
