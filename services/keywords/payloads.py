"""What Google Ads answers about keywords, and whose figures are whose."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from shared.domain import keys
from shared.domain.results import MonthlyVolume, VolumeResult
from shared.errors import AnswerError

Month = Literal[
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER",
    "NOVEMBER", "DECEMBER",
]  # fmt: skip
#: Name -> 1 to 12.
_MONTHS = {name: number for number, name in enumerate(get_args(Month), 1)}

#: Keywords of one answer: as many as one request may ask for.
_KEYWORDS = 10_000
#: Characters of a keyword, far more than Google takes. Months of one: Google keeps four years.
_LENGTH, _SHOWN = 400, 120

#: What the record holds, 64 bits with a sign.
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Text = Annotated[str, Meta(max_length=_LENGTH)]


class _Searches(msgspec.Struct, rename="camel"):
    year: Annotated[int, Meta(ge=2000, le=2200)]
    month: Month
    monthly_searches: _Count | None = None


class _Metrics(msgspec.Struct, rename="camel"):
    avg_monthly_searches: _Count | None = None
    competition: Literal["UNSPECIFIED", "UNKNOWN", "LOW", "MEDIUM", "HIGH"] = "UNSPECIFIED"
    competition_index: Annotated[int, Meta(ge=0, le=100)] | None = None
    low_top_of_page_bid_micros: _Count | None = None
    high_top_of_page_bid_micros: _Count | None = None
    average_cpc_micros: _Count | None = None
    monthly_search_volumes: Annotated[list[_Searches], Meta(max_length=_SHOWN)] = []


class _Result(msgspec.Struct, rename="camel"):
    text: _Text
    close_variants: Annotated[list[_Text], Meta(max_length=_KEYWORDS)] = []
    keyword_metrics: _Metrics | None = None


class _Body(msgspec.Struct, rename="camel"):
    results: Annotated[list[_Result], Meta(max_length=_KEYWORDS)] = []
    error: None = None
    """Whatever has one is no answer."""


class _Nothing(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    results: list[msgspec.Raw] = []
    aggregate_metric_results: msgspec.Raw = msgspec.Raw()


def read(body: bytes, subjects: Sequence[str]) -> Mapping[str, VolumeResult]:
    """The figures of every keyword of the answer, by its subject; nearly equal keywords share a result.

    Raises AnswerError where results contradict each other or are all about something else.
    """
    # 64-bit integers come as JSON strings.
    results = msgspec.json.decode(body, type=_Body, strict=False).results
    if not results:
        # No data about any keyword is told by an empty object. Any other object would look the same.
        msgspec.json.decode(body, type=_Nothing)
    asked = {msgspec.json.decode(subject)[0]: subject for subject in subjects}
    texts = _owners(((result.text, result) for result in results), asked)
    variants = _owners(((text, result) for result in results for text in result.close_variants), asked)
    spellings = variants | texts
    answers = {}
    for keyword, subject in asked.items():
        result = spellings.get(keyword)
        if result is None and (plain := _plain(keyword)) not in asked:
            result = spellings.get(plain)
        if result is not None:
            answers[subject] = _volume(result, "" if texts.get(keyword) is result else result.text)
    if results and not answers:
        raise AnswerError("results for other keywords than those asked for", codes=("malformed",))
    return answers


def _owners(named: Iterable[tuple[str, _Result]], asked: Collection[str]) -> dict[str, _Result]:
    """Canonical spelling -> the result it stands in."""
    owners: dict[str, _Result] = {}
    for text, result in named:
        keyword = text if text in asked else _canonical(text)
        if owners.setdefault(keyword, result) is not result and keyword in asked:
            raise AnswerError(f"two results for {text!r}", codes=("malformed",))
    return owners


def _canonical(text: str) -> str:
    try:
        return keys.keyword_key(text)
    except ValueError as error:
        raise AnswerError(f"a result for what is no keyword: {error}", codes=("malformed",)) from None


def _plain(keyword: str) -> str:
    """As Google writes some back: "built-in oven" as "built in oven", '30" cooktop' as "30 cooktop"."""
    return " ".join(
        "".join(" " if unicodedata.category(letter)[0] in "PS" else letter for letter in keyword).split()
    )


def _volume(result: _Result, variant_of: str) -> VolumeResult:
    metrics = result.keyword_metrics
    if metrics is None:
        return VolumeResult(variant_of=variant_of)
    # A month without a figure is unknown.
    shown = [
        MonthlyVolume(month.year, _MONTHS[month.month], month.monthly_searches)
        for month in metrics.monthly_search_volumes
        if month.monthly_searches is not None
    ]
    if len({(month.year, month.month) for month in shown}) < len(shown):
        raise AnswerError(f"a month of {result.text!r} came twice", codes=("malformed",))
    return VolumeResult(
        volume=metrics.avg_monthly_searches,
        competition=metrics.competition if metrics.competition in {"LOW", "MEDIUM", "HIGH"} else "",
        competition_index=metrics.competition_index,
        low_bid_micros=metrics.low_top_of_page_bid_micros,
        high_bid_micros=metrics.high_top_of_page_bid_micros,
        cpc_micros=metrics.average_cpc_micros,
        monthly=tuple(sorted(shown, key=lambda month: (month.year, month.month))),
        variant_of=variant_of,
    )
