"""What Cognism's bodies say: previews that hold no values, and records of which hardly a field is sure."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw
from msgspec.json import Decoder

from shared.domain import keys
from shared.domain.results import CompanyResult
from shared.errors import AnswerError

T = TypeVar("T")

#: Previews a search is asked for: the fewest there are, for all of them are taken from the allowance.
PAGE = 20
#: Entries of an answer; the largest page there is has as many.
_ENTRIES = 100
#: The largest integer the record holds, 64 bits with a sign.
_MOST = 2**63 - 1
#: What can be asked for again: no id has blanks or control characters, and none is nearly as long.
_ID = re.compile(r"[!-~]{1,1000}", re.ASCII)
#: A page of the web up to its query, in which tokens may hide, with no other scheme and nobody's password.
_SITE = re.compile(r"((?:https?://)?[^\s/?#:@\\]+(?::\d+)?(?:/[^\s?#]*)?)(?:[?#].*)?", re.IGNORECASE)
#: An organisation's page; anything else there is a person's.
_LINKEDIN = re.compile(
    r"((?:https?://)?(?:[a-z]+\.)?linkedin\.com/(?:company|school|showcase)/[^\s/?#]+)(?:[/?#].*)?",
    re.IGNORECASE,
)

_Text = Annotated[str, Meta(max_length=10_000)]
_Label = Annotated[str, Meta(max_length=1_000)]
_Number = Annotated[int, Meta(ge=0, le=_MOST)]


class _Preview(msgspec.Struct):
    id: str


_Previews = Annotated[list[_Preview], Meta(max_length=_ENTRIES)]


class _Page(msgspec.Struct, rename="camel"):
    results: _Previews | None = None
    result: _Previews | None = None
    total_results: _Number | None = None
    total: _Number | None = None
    last_returned_key: Raw = Raw()


class _Place(msgspec.Struct):
    type: _Label | None = None
    country: _Label | None = None
    city: _Label | None = None


class _Record(msgspec.Struct, rename="camel"):
    """Id and name are promised. Of the rest, published samples and descriptions differ in names and types."""

    id: str
    name: _Label
    domain: Raw = Raw()
    website: Raw = Raw()
    industries: Raw = Raw()
    description: Raw = Raw()
    short_description: Raw = Raw()
    type: Raw = Raw()
    founded: Raw = Raw()
    revenue: Raw = Raw()
    headcount: Raw = Raw()
    size_from: Raw = Raw()
    size_to: Raw = Raw()
    linkedin_url: Raw = Raw()
    technologies: Raw = Raw()
    tech: Raw = Raw()
    locations: Raw = Raw()
    location: Raw = Raw()


_Records = Annotated[list[_Record], Meta(max_length=_ENTRIES)]


class _Redeemed(msgspec.Struct):
    results: _Records | None = None
    result: _Records | None = None


_TEXT: Decoder[str] = Decoder(_Text)
_LABEL: Decoder[str] = Decoder(_Label)
_LABELS: Decoder[tuple[str, ...]] = Decoder(Annotated[tuple[_Label, ...], Meta(max_length=1_000)])
_NUMBER: Decoder[int] = Decoder(_Number, strict=False)
_YEAR: Decoder[int] = Decoder(Annotated[int, Meta(ge=1, le=9999)], strict=False)
_PLACES: Decoder[list[_Place]] = Decoder(list[_Place])
_NOTHING = (b"", b"null", b'""')


class Previews(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer about a domain: whose records may be its company's."""

    ids: tuple[str, ...] = ()
    more: bool = False
    """There were more than a page; none is kept."""


class Company(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored answer about an id: the record without phone numbers, events and streets."""

    result: CompanyResult
    """Its domain is empty when the record has none that could be somebody's."""
    degraded: str = ""


def read_search(body: bytes, domains: Sequence[str]) -> Mapping[str, Previews]:
    """All previews for each of the domains: nothing in them tells whose they are."""
    page = msgspec.json.decode(body, type=_Page, strict=False)
    previews = _listed(page.results, page.result)
    total = page.total if page.total_results is None else page.total_results
    if total is None:
        more = len(previews) >= PAGE and bytes(page.last_returned_key) not in _NOTHING
    else:
        more = total > len(previews)
    found = Previews(more=True) if more else Previews(_ids(previews))
    return dict.fromkeys(domains, found) if more or found.ids else {}


def read_enrichment(body: bytes, domains: Sequence[str]) -> Mapping[str, Previews]:
    """The best match of one domain."""
    page = msgspec.json.decode(body, type=_Page, strict=False)
    ids = _ids(_listed(page.results, page.result))
    return {domains[0]: Previews(ids)} if ids else {}


def read_records(body: bytes, ids: Sequence[str]) -> Mapping[str, Company]:
    """The companies among the ids that were asked for."""
    page = msgspec.json.decode(body, type=_Redeemed)
    records = _listed(page.results, page.result)
    asked = frozenset(ids)
    companies: dict[str, Company] = {}
    for record in records:
        if record.id in asked:
            company = _company(record)
            if companies.setdefault(record.id, company) != company:
                raise AnswerError("two records of one id", codes=("malformed",))
    if records and not companies:
        raise AnswerError("only records of ids never asked for", codes=("malformed",))
    return companies


def _listed(first: list[T] | None, second: list[T] | None) -> list[T]:
    """The list of results, under either of the names it is published with."""
    listed = second if first is None else first
    if listed is None:
        raise AnswerError("no list of results", codes=("malformed",))
    return listed


def _ids(previews: Sequence[_Preview]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(preview.id for preview in previews if _ID.fullmatch(preview.id)))


def _company(record: _Record) -> Company:
    """One field of another type than described costs that field, not a batch of twenty companies."""
    unread = False

    def value(decoder: Decoder[T], *given: Raw) -> T | None:
        nonlocal unread
        for raw in given:
            if bytes(raw) not in _NOTHING:
                try:
                    return decoder.decode(raw)
                except msgspec.ValidationError:
                    unread = True
        return None

    places = value(_PLACES, record.locations, record.location) or []
    headquarters = next((place for place in places if (place.type or "").lower() == "hq"), _Place())
    website = _link(_SITE, value(_LABEL, record.website))
    domain = _registrable(value(_LABEL, record.domain))
    result = CompanyResult(
        matched=True,
        company_id=record.id,
        name=record.name,
        domain=domain or _registrable(website),
        matched_by="domain" if domain else "website",
        website=website,
        industries=value(_LABELS, record.industries) or (),
        description=value(_TEXT, record.description, record.short_description) or "",
        kind=value(_LABEL, record.type) or "",
        founded=value(_YEAR, record.founded),
        revenue=value(_NUMBER, record.revenue),
        headcount=value(_NUMBER, record.headcount),
        size_from=value(_NUMBER, record.size_from),
        size_to=value(_NUMBER, record.size_to),
        country=headquarters.country or "",
        city=headquarters.city or "",
        linkedin_url=_link(_LINKEDIN, value(_LABEL, record.linkedin_url)),
        technologies=value(_LABELS, record.technologies, record.tech) or (),
    )
    return Company(result, "unread_fields" if unread else "")


def _link(pattern: re.Pattern[str], text: str | None) -> str:
    found = pattern.fullmatch((text or "").strip())
    return found[1] if found else ""


def _registrable(text: str | None) -> str:
    try:
        return keys.registrable_domain(text) if text else ""
    except ValueError:
        return ""
