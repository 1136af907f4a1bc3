"""Reads the body of generateKeywordHistoricalMetrics: as protobuf JSON first, then by the rules of the API."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from services.simulator.google_ads_errors import INVALID, Problem, refuse, refuse_json
from services.simulator.port import Answer

MAX_KEYWORDS = 10_000
MAX_GEOS = 10
MAX_CHARACTERS = 80
MAX_WORDS = 10
LANGUAGES = range(1000, 1200)
"""Ids of language constants."""
MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER",
    "NOVEMBER", "DECEMBER",
)  # fmt: skip

_COUNTRIES, _PLACES = range(2000, 3000), range(1_000_000, 100_000_000)
_MONTH = ("MonthOfYearEnum.MonthOfYear", ("UNSPECIFIED", "UNKNOWN", *MONTHS))
_YEAR_MONTH = {"year": "TYPE_INT64", "month": _MONTH}
_MESSAGE = {
    "customerId": "TYPE_STRING",
    "keywords": ["TYPE_STRING"],
    "language": "TYPE_STRING",
    "includeAdultKeywords": "TYPE_BOOL",
    "geoTargetConstants": ["TYPE_STRING"],
    "keywordPlanNetwork": (
        "KeywordPlanNetworkEnum.KeywordPlanNetwork",
        ("UNSPECIFIED", "UNKNOWN", "GOOGLE_SEARCH", "GOOGLE_SEARCH_AND_PARTNERS"),
    ),
    "aggregateMetrics": {
        "aggregateMetricTypes": [
            (
                "KeywordPlanAggregateMetricTypeEnum.KeywordPlanAggregateMetricType",
                ("UNSPECIFIED", "UNKNOWN", "DEVICE"),
            )
        ]
    },
    "historicalMetricsOptions": {
        "yearMonthRange": {"start": _YEAR_MONTH, "end": _YEAR_MONTH},
        "includeAverageCpc": "TYPE_BOOL",
    },
}
"""A field is a scalar by its type, an enum by name and values, a list of one of these, or a message."""
_WHOLE = re.compile(r"-?\d+")


class Wanted(NamedTuple):
    """A valid request."""

    keywords: list[str]
    geos: tuple[str, ...]
    """Ids of the geo targets, sorted; empty for everywhere."""
    months: tuple[int, int] | None
    """First and last month wanted, each as 12 · year + month from 0."""
    average_cpc: bool
    devices: bool


def read(body: bytes, version: str) -> Wanted | Answer:
    """What is wanted, or the refusal; it costs one operation."""
    try:
        given = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        return refuse_json([("", f"Invalid JSON payload received. {error}")], units=1)
    violations: list[tuple[str, str]] = []
    message = _fit(given, _MESSAGE, "", version, violations)
    if violations:
        return refuse_json(violations, units=1)
    problems = [*_keyword_problems(message), *_target_problems(message), *_month_problems(message)]
    if problems:
        return refuse(INVALID, problems, version=version, units=1)
    options = message.get("historicalMetricsOptions", {})
    return Wanted(
        message["keywords"],
        tuple(sorted({name.rpartition("/")[2] for name in message.get("geoTargetConstants", [])})),
        _months(options),
        options.get("includeAverageCpc", False),
        "DEVICE" in message.get("aggregateMetrics", {}).get("aggregateMetricTypes", []),
    )


def _fit(value: Any, kind: Any, path: str, version: str, violations: list[tuple[str, str]]) -> Any:
    """The value as the field holds it, names in lower camel case; what does not fit is added to the
    violations.
    """
    if isinstance(kind, dict):
        return _fit_message(value, kind, path, version, violations)
    if isinstance(kind, list):
        entries = value if isinstance(value, list) else [value]
        return [
            _fit(entry, kind[0], f"{path}[{index}]", version, violations)
            for index, entry in enumerate(entries)
        ]
    if isinstance(kind, tuple):
        name, values = kind
        fits, shown = value in values, f"type.googleapis.com/google.ads.googleads.{version}.enums.{name}"
    elif kind == "TYPE_INT64":
        fits, shown = _WHOLE.fullmatch(str(value)) is not None and not isinstance(value, bool), kind
        value = int(value) if fits else value
    else:
        fits, shown = isinstance(value, bool if kind == "TYPE_BOOL" else str), kind
    if not fits:
        text = msgspec.json.encode(value).decode()
        violations.append((path, f"Invalid value at '{path}' ({shown}), {text}"))
    return value


def _fit_message(
    value: Any, fields: Mapping[str, Any], path: str, version: str, violations: list[tuple[str, str]]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        at = f" at '{path}'" if path else ""
        violations.append((path, f"Invalid JSON payload received. Expected an object{at}."))
        return {}
    fitted = {}
    for name, content in value.items():
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        if camel not in fields:
            at = f" at '{path}'" if path else ""
            what = f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
            violations.append((path, what))
        elif content is not None:
            below = f"{path}.{_snake(camel)}" if path else _snake(camel)
            fitted[camel] = _fit(content, fields[camel], below, version, violations)
    return fitted


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


def _keyword_problems(message: Mapping[str, Any]) -> list[Problem]:
    keywords: Sequence[str] = message.get("keywords", [])
    if not keywords:
        return [Problem("collectionSizeError", "TOO_FEW", "Too few.", [("keywords", None)])]
    if len(keywords) > MAX_KEYWORDS:
        return [Problem("collectionSizeError", "TOO_MANY", "Too many.", [("keywords", None)])]
    return [
        Problem("keywordPlanIdeaError", "INVALID_VALUE", "Value is not valid.", [("keywords", index)])
        for index, keyword in enumerate(keywords)
        if not 0 < len(keyword.strip()) <= MAX_CHARACTERS or len(keyword.split()) > MAX_WORDS
    ]


def _target_problems(message: Mapping[str, Any]) -> list[Problem]:
    geos: Sequence[str] = message.get("geoTargetConstants", [])
    if len(geos) > MAX_GEOS:
        return [Problem("collectionSizeError", "TOO_MANY", "Too many.", [("geo_target_constants", None)])]
    found = [
        _resource(name, "geoTargetConstants", (_COUNTRIES, _PLACES), ("geo_target_constants", index))
        for index, name in enumerate(geos)
    ]
    if "language" in message:
        found.append(_resource(message["language"], "languageConstants", (LANGUAGES,), ("language", None)))
    return [problem for problem in found if problem]


def _resource(
    name: str, collection: str, known: Sequence[range], at: tuple[str, int | None]
) -> Problem | None:
    prefix, _, number = name.partition("/")
    if prefix != collection or not (number.isascii() and number.isdigit()):
        what = f"'{name}' part of the resource name is invalid."
        return Problem("requestError", "RESOURCE_NAME_MALFORMED", what, [at])
    if not any(int(number) in ids for ids in known):
        return Problem("requestError", "BAD_RESOURCE_ID", f"'{name}' does not exist.", [at])
    return None


def _month_problems(message: Mapping[str, Any]) -> list[Problem]:
    wanted = message.get("historicalMetricsOptions", {}).get("yearMonthRange")
    if wanted is None:
        return []
    at = [("historical_metrics_options", None), ("year_month_range", None)]
    missing = [
        Problem("requestError", "REQUIRED_FIELD_MISSING", "Required field is missing.", [*at, (end, None)])
        for end in ("start", "end")
        if "year" not in wanted.get(end, {}) or wanted[end].get("month") not in MONTHS
    ]
    if missing:
        return missing
    first, last = _month(wanted["start"]), _month(wanted["end"])
    what = "The start date is after the end date."
    return [Problem("dateRangeError", "START_DATE_AFTER_END_DATE", what, at)] if first > last else []


def _months(options: Mapping[str, Any]) -> tuple[int, int] | None:
    wanted = options.get("yearMonthRange")
    return None if wanted is None else (_month(wanted["start"]), _month(wanted["end"]))


def _month(year_month: Mapping[str, Any]) -> int:
    return 12 * int(year_month["year"]) + MONTHS.index(year_month["month"])
