"""Regions: what a country is called by the search engine and by the keyword planner."""

import difflib
from dataclasses import dataclass

from shared.domain.region_table import COUNTRIES, LANGUAGE_CONSTANTS

#: Google's geo target of a country is this plus its ISO numeric code.
_GEO_TARGET_OFFSET = 2000
#: Geo targets that kept a number ISO has since withdrawn: Sudan was 736 before South Sudan left it.
_GEO_TARGET_KEPT = {"SD": 2736}
_ALIASES = {"UK": "GB"}


@dataclass(frozen=True, slots=True)
class Region:
    """A country as the providers name it."""

    code: str
    """ISO 3166-1 alpha-2, upper case."""
    name: str
    """The `location` of a search, as in "United States"."""
    gl: str
    """Country of the results, lower case."""
    hl: str
    """Language of the results page, as in "en" or "zh-CN"."""
    google_domain: str
    geo_target: int
    """Id of the geoTargetConstant."""
    language_constant: int | None
    """Id of the languageConstant; None: Google Ads has none for this language."""


def _parse(line: str) -> Region:
    code, numeric, language, ending, name = line.split(" ", 4)
    return Region(
        code=code,
        name=name,
        gl=code.lower(),
        hl=language,
        google_domain=f"google.{ending}",
        geo_target=_GEO_TARGET_KEPT.get(code, _GEO_TARGET_OFFSET + int(numeric)),
        language_constant=LANGUAGE_CONSTANTS.get(language),
    )


#: All countries by code, sorted.
REGIONS: dict[str, Region] = {found.code: found for found in map(_parse, COUNTRIES.splitlines())}


def region(code: str) -> Region:
    """The region of an ISO alpha-2 code in any case; UK is GB. Raises ValueError naming the nearest codes."""
    canonical = code.strip().upper()
    canonical = _ALIASES.get(canonical, canonical)
    if canonical not in REGIONS:
        raise ValueError(f"unknown region {code!r}; {_nearest(canonical)}")
    return REGIONS[canonical]


def language_constant(code: str) -> int | None:
    """Id of the languageConstant of a language code such as "en" or "pt-BR"; None where Google Ads has none."""
    return LANGUAGE_CONSTANTS.get(code, LANGUAGE_CONSTANTS.get(code.partition("-")[0]))


def _nearest(text: str) -> str:
    names = {found.name.upper(): found for found in REGIONS.values()}
    # Two letters resemble many a name and half of all codes; a slip is rarely in the first.
    codes = {code: found for code, found in REGIONS.items() if code[0] == text[:1]}
    spellings = codes if len(text) == len("US") else names | codes
    matches = difflib.get_close_matches(text, spellings, n=3, cutoff=0.5)
    nearest = dict.fromkeys(f"{spellings[match].code} ({spellings[match].name})" for match in matches)
    if not nearest:
        return "expected an ISO 3166-1 alpha-2 code such as US, GB or DE"
    return f"did you mean {' or '.join(nearest)}?"
