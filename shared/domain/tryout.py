"""A try-out: the start of a template, of a few of its keywords only. Pure."""

from collections import defaultdict
from itertools import chain, zip_longest
from typing import Final

import msgspec

from shared.domain import keys
from shared.domain.start import Keyword, KeywordText, StartRequest

#: Keywords of a try-out.
KEYWORDS: Final = 10


def try_out(request: StartRequest, most: int = KEYWORDS) -> StartRequest:
    """The same with `most` keywords, taken in turn from every group, and with what is left of the named landscapes."""
    chosen = _chosen(request.keywords, most)
    left = {keys.keyword_key(text(keyword)) for keyword in chosen}
    landscapes = (
        msgspec.structs.replace(
            one, keywords=tuple(word for word in one.keywords if keys.keyword_key(word) in left)
        )
        for one in request.landscapes
    )
    return msgspec.structs.replace(
        request, keywords=chosen, landscapes=tuple(one for one in landscapes if one.keywords)
    )


def text(keyword: KeywordText | Keyword) -> str:
    """Of a keyword, however it was given."""
    return keyword.keyword if isinstance(keyword, Keyword) else keyword


def _chosen(keywords: tuple[KeywordText | Keyword, ...], most: int) -> tuple[KeywordText | Keyword, ...]:
    groups: dict[str | None, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for place, keyword in enumerate(keywords):
        if (key := keys.keyword_key(text(keyword))) not in seen:  # the same search counts once
            seen.add(key)
            groups[keyword.group if isinstance(keyword, Keyword) else None].append(place)
    in_turn = [place for place in chain.from_iterable(zip_longest(*groups.values())) if place is not None]
    return tuple(keywords[place] for place in sorted(in_turn[:most]))
