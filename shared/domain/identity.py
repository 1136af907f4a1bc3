"""Who a company is: its name, where that is from, and how sure it is that it fits the domain."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.domain.report_schema import NamedBy
from shared.domain.results import CompanyResult
from shared.domain.roles import Roles

#: How sure a match is by the field of the record it was made by. An unlisted one is worth the least.
_BY_FIELD: Final[Mapping[str, float]] = {"domain": 0.9, "website": 0.8}
_BY_ANOTHER: Final = 0.5
#: What a name that shares nothing with its domain leaves of it.
_ODD_NAME: Final = 0.6
#: Below this a name is for a person to confirm.
LEAST_CONFIDENCE: Final = 0.5
#: Letters a word of a name must have to say anything; of an acronym two do.
_WORD: Final = 3


class Identity(NamedTuple):
    """What is shown of a company."""

    name: str
    named_by: NamedBy
    confidence: float | None
    """In [0, 1]. None: it goes by its domain."""
    match: CompanyResult | None


def identify(roles: Roles, company: str, matches: Mapping[str, CompanyResult]) -> Identity:
    """Named at the start, by a person, by its match, or else by its domain; in this order."""
    match = roles.match(company, matches)
    name = roles.name(company, matches)
    if company in roles.parties:
        return Identity(name, "start", 1.0, match)
    if company in roles.overrides:
        return Identity(name, "person", 1.0, match)
    if match is None or not match.matched or not match.name:
        return Identity(company, "domain", None, match)
    return Identity(name, "match", confidence(match, company), match)


def confidence(match: CompanyResult, domain: str) -> float:
    """That a matched record is of the domain's owner, in [0, 1]: by which field, and whether name and domain agree."""
    sure = _BY_FIELD.get(match.matched_by, _BY_ANOTHER)
    if match.domain == domain:
        sure = max(sure, _BY_FIELD["domain"])
    return sure if fits(match.name, domain) else sure * _ODD_NAME


def fits(name: str, domain: str) -> bool:
    """Whether a name could be that of a domain's owner: they share a word, a beginning or the initials."""
    label = _letters(domain.partition(".")[0])
    words = [word for word in map(_letters, re.split(r"[^\w]+", name)) if word]
    whole = "".join(words)
    if not words or not label:
        return False
    if whole in label or label in whole:
        return True
    if len(words) > 1 and (initials := "".join(word[0] for word in words)) and initials in label:
        return True
    return any(len(word) >= _WORD and (word in label or label in word) for word in words)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())
