"""The keyword metrics of the world: search volumes by a power law, in the steps that Google shows them in."""

import unicodedata
from bisect import bisect
from collections.abc import Iterable
from functools import lru_cache
from math import pi, sin
from struct import unpack
from typing import NamedTuple

import msgspec

from services.simulator.chance import digest
from services.simulator.google_ads_request import MONTHS, Wanted

LAST_MONTH = 12 * 2026 + 9
"""October 2026, as 12 · year + month from 0: the last month there are figures for."""
KEPT_MONTHS = 48
UNKNOWN_SHARE = 0.02
"""Of keywords: not in the answer at all."""
BARE_SHARE = 0.04
"""Of keywords: in the answer without metrics."""
STEPS = (
    10, 20, 30, 40, 50, 70, 90, 110, 140, 170, 210, 260, 320, 390, 480, 590, 720, 880, 1_000, 1_300, 1_600,
    1_900, 2_400, 2_900, 3_600, 4_400, 5_400, 6_600, 8_100, 9_900, 12_100, 14_800, 18_100, 22_200, 27_100,
    33_100, 40_500, 49_500, 60_500, 74_000, 90_500, 110_000, 135_000, 165_000, 201_000, 246_000, 301_000,
    368_000, 450_000, 550_000, 673_000, 823_000, 1_000_000, 1_220_000, 1_500_000, 1_830_000, 2_240_000,
    2_740_000, 3_350_000, 4_090_000, 5_000_000, 6_120_000, 7_480_000, 9_140_000, 11_100_000, 13_600_000,
)  # fmt: skip
"""Searches per month are rounded to one of these."""

_SPACE = float(1 << 32)
_EXPONENT = -1.1
_LEAST = 250.0
"""Searches a month of the rarest keyword of two words where the market is the largest."""
_LENGTHS = (6.0, 1.0, 0.5, 0.25)
"""Factor by number of words, the last for all longer ones."""
_MARKETS = {
    "2840": 1.0, "2356": 0.7, "2826": 0.35, "2276": 0.35, "2076": 0.4, "2392": 0.4, "2250": 0.3, "2704": 0.2,
    "2682": 0.15,
}  # fmt: skip
_EVERYWHERE = 5.0
_CURVES = 16
_DEVICE_SHARES = (("MOBILE", 0.58), ("TABLET", 0.04), ("DESKTOP", 0.38))

_encode = msgspec.json.Encoder().encode


class Group(NamedTuple):
    """Keywords of one request that are nearly the same and share one result."""

    key: str
    """What they have in common; the figures belong to it."""
    texts: list[str]
    """As in the request, in lower case, each once, in the order given."""


def tidy(keyword: str) -> str:
    """The keyword as Google writes it back: lower case, single blanks."""
    return " ".join(keyword.lower().split())


def groups(keywords: Iterable[str]) -> list[Group]:
    """Close variants together, in the order given."""
    found: dict[str, Group] = {}
    for text in dict.fromkeys(map(tidy, keywords)):
        key = _key(text)
        found.setdefault(key, Group(key, [])).texts.append(text)
    return list(found.values())


def _key(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("-", " ")
    return " ".join(map(_singular, folded.split()))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def answer(seed: int, wanted: Wanted) -> bytes:
    """The body, without `results` when none of the keywords is known."""
    first, last = wanted.months or (LAST_MONTH - 11, LAST_MONTH)
    shown = (max(first, LAST_MONTH - KEPT_MONTHS + 1), min(last, LAST_MONTH))
    results, searches = [], 0
    for group in groups(wanted.keywords):
        draws = unpack("<7I", digest(seed, f"keyword {group.key}", 28))
        if draws[0] < UNKNOWN_SHARE * _SPACE:
            continue
        head = _head(group.texts, draws[1])
        if draws[0] < (UNKNOWN_SHARE + BARE_SHARE) * _SPACE:
            results.append(b"{%b}" % head)
            continue
        step, curve = _volume(seed, group.key, draws[2], wanted.geos)
        average = _average(step, curve)
        searches += 12 * average
        metrics = b'"avgMonthlySearches":"%d"%b%b' % (
            average,
            _competition(draws[3]),
            _bids(draws[4], draws[5], cpc=wanted.average_cpc),
        )
        form = b'{%b,"keywordMetrics":{%b%b}}'
        results.append(form % (head, metrics, _monthly(step, curve, *shown)))
    body = b'"results":[%b]' % b",".join(results) if results else b""
    if wanted.devices and results:
        body += b',"aggregateMetricResults":' + _devices(searches)
    return b"{%b}" % body


def _head(texts: list[str], draw: int) -> bytes:
    """Which of the variants stands for all is Google's choice: here it does not depend on their order."""
    chosen = (min if draw % 2 else max)(texts, key=lambda text: (len(text), text))
    variants = sorted(text for text in texts if text != chosen)
    head = b'"text":%b' % _encode(chosen)
    return head + b',"closeVariants":%b' % _encode(variants) if variants else head


def _volume(seed: int, key: str, draw: int, geos: tuple[str, ...]) -> tuple[int, int]:
    """The step of the usual month, all geos together, and the seasonal curve."""
    length = _LENGTHS[min(key.count(" "), len(_LENGTHS) - 1)]
    base = length * _LEAST * ((draw + 1) / _SPACE) ** _EXPONENT
    searches, curve = 0.0, 0
    for geo in geos or ("",):
        taste, curve = unpack("<2I", digest(seed, f"keyword {key}\n{geo}"))
        searches += base * _market(geo) * (0.3 + 1.4 * taste / _SPACE)
    return max(0, bisect(STEPS, searches) - 1), curve % _CURVES


@lru_cache(maxsize=1024)
def _market(geo: str) -> float:
    return _MARKETS.get(geo, 0.05 + 0.1 * digest(0, f"market {geo}", 1)[0] / 256) if geo else _EVERYWHERE


def _searches(step: int, curve: int, month: int) -> int:
    """The searches of one month: up to three steps around the usual one, and fewer in earlier years."""
    season = (0.0, 0.8, 1.6, 2.6)[curve % 4] * sin(2 * pi * (month + 3 * (curve // 4)) / 12)
    at = step + round(season) - (LAST_MONTH - month) // 12 * (curve % 2)
    return STEPS[min(at, len(STEPS) - 1)] if at >= 0 else 0


@lru_cache(maxsize=2048)
def _average(step: int, curve: int) -> int:
    """Of the last twelve months, whatever months are shown."""
    mean = sum(_searches(step, curve, LAST_MONTH - back) for back in range(12)) / 12
    return STEPS[max(0, bisect(STEPS, mean) - 1)]


@lru_cache(maxsize=4096)
def _monthly(step: int, curve: int, first: int, last: int) -> bytes:
    form = '{"month":"%s","year":"%d","monthlySearches":"%d"}'
    months = [
        form % (MONTHS[month % 12], month // 12, _searches(step, curve, month))
        for month in range(first, last + 1)
    ]
    return f',"monthlySearchVolumes":[{",".join(months)}]'.encode() if months else b""


def _competition(draw: int) -> bytes:
    """Level and index; some keywords have neither."""
    if draw % 25 == 0:
        return b""
    index = draw // 25 % 101
    level = b"LOW" if index < 34 else b"MEDIUM" if index < 67 else b"HIGH"
    return b',"competition":"%b","competitionIndex":"%d"' % (level, index)


def _bids(low_draw: int, high_draw: int, *, cpc: bool) -> bytes:
    """In millionths of the account's currency; some keywords have none."""
    if low_draw % 9 == 0:
        return b""
    low = int(10 * 100 ** (low_draw / _SPACE)) * 10_000
    high = low * (15 + high_draw % 45) // 100_000 * 10_000
    bids = b',"lowTopOfPageBidMicros":"%d","highTopOfPageBidMicros":"%d"' % (low, high)
    return bids + b',"averageCpcMicros":"%d"' % ((low + high) // 20_000 * 10_000) if cpc else bids


def _devices(searches: int) -> bytes:
    found = [{"device": name, "searchCount": str(int(searches * share))} for name, share in _DEVICE_SHARES]
    return _encode({"deviceSearches": found})
