"""How long many things took, in a few numbers: buckets that grow by a tenth, so that two of them can be added up.

A quantile read from them is off by 5 % of its value at the most, between LEAST and MOST: the idea of DDSketch
(Masson, Rim and Lee, 2019), with fixed buckets.
"""

import math
from collections.abc import Iterable, Mapping

#: What took less counts as this. Seconds.
LEAST = 0.001
#: What took longer counts as this.
MOST = 1000.0
#: Ratio of a bucket's ends.
GROWTH = 1.1
#: Number of the last bucket.
LAST = math.ceil(math.log(MOST / LEAST) / math.log(GROWTH))

Buckets = Mapping[int, int]
"""Number of a bucket -> how many fell into it."""


def bucket(seconds: float) -> int:
    """Where a duration falls."""
    if not seconds > LEAST:
        return 0
    return min(LAST, math.ceil(math.log(min(seconds, MOST) / LEAST) / math.log(GROWTH)))


def add_up(parts: Iterable[Buckets]) -> dict[int, int]:
    """All of them together."""
    total: dict[int, int] = {}
    for part in parts:
        for number, count in part.items():
            total[number] = total.get(number, 0) + count
    return total


def quantile(buckets: Buckets, share: float) -> float | None:
    """The duration that this share of all, 0 to 1, did not exceed, in seconds; None of nothing."""
    rank = math.ceil(share * sum(buckets.values()))
    passed = 0
    for number in sorted(buckets):
        passed += buckets[number]
        if passed >= max(1, rank):
            return _middle(number)
    return None


def _middle(number: int) -> float:
    """Off by as much upwards as downwards."""
    return LEAST if number == 0 else LEAST * GROWTH**number * 2 / (1 + GROWTH)
