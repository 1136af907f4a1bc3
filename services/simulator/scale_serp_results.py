"""The results of a Scale SERP answer, as JSON text: made once per page and kept, for speed."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache

import msgspec

from services.simulator.serps import Clip, Kind
from services.simulator.videos import channel_title
from services.simulator.world import Page

WORLD_HOUR = date(2026, 11, 23).toordinal() * 24 + 10
"""Dates of results count back from here, so that they do not change from day to day."""
NEWS_HOURS = 700
"""All news are younger."""

_KEPT = 30_000
_encode = msgspec.json.Encoder().encode


def results(kind: Kind, pages: list[list[Page | Clip]], first: int, *, overall: bool) -> list[bytes]:
    """The results of the result pages from number `first` on, one JSON object each. `overall` adds `page`
    and `position_overall`, as a search over several pages has them.
    """
    render = _RENDER[kind]
    count = sum(len(page) for page in pages[: first - 1])
    rendered = []
    for number, page in enumerate(pages[first - 1 :], start=first):
        for position, hit in enumerate(page, start=1):
            count += 1
            if overall:
                form = b'{"position":%d,"page":%d,"position_overall":%d,%b,"block_position":%d}'
                rendered.append(form % (position, number, count, render(hit), position + 1))
            else:
                form = b'{"position":%d,%b,"block_position":%d}'
                rendered.append(form % (position, render(hit), position + 1))
    return rendered


@lru_cache(maxsize=_KEPT)
def _organic(hit: Page | Clip) -> bytes:
    age = _age_hours(hit)
    further = ""
    if age % 3 == 0:
        shown, date_utc = _date(age)
        further = f',"date":"{shown}","date_utc":"{date_utc}"'
    if age % 11 == 0:
        further += f',"sitelinks":{{"inline":[{{"title":"Pricing","link":"https://{hit.host}/pricing"}}]}}'
    # Written by hand because most results of a run are new: nothing in the world's text needs escaping.
    return (
        f'"title":"{_title(hit)}","link":"{hit.link}","domain":"{hit.host}",'
        f'"displayed_link":"https://{hit.host} > ...","snippet":"{_snippet(hit)}","prerender":false{further}'
    ).encode()


@lru_cache(maxsize=_KEPT)
def _news(hit: Page | Clip) -> bytes:
    shown, date_utc = _date(_age_hours(hit) % NEWS_HOURS + 1)
    result = {
        "title": _title(hit),
        "link": hit.link,
        "domain": hit.host,
        "source": hit.name if isinstance(hit, Page) else hit.host,
        "time": shown,
        "date": shown,
        "date_utc": date_utc,
        "snippet": _snippet(hit),
        "thumbnail": f"https://{hit.host}/thumbnail.jpg",
    }
    return _encode(result)[1:-1]


@lru_cache(maxsize=_KEPT)
def _video(hit: Page | Clip) -> bytes:
    shown, date_utc = _date(_age_hours(hit))
    result: dict[str, object] = {
        "title": _title(hit),
        "link": hit.link,
        "domain": hit.host,
        "source": "YouTube" if "youtu" in hit.host else hit.host,
        "date": shown,
        "date_utc": date_utc,
        "snippet": _snippet(hit),
    }
    if isinstance(hit, Clip):
        result["channel"] = channel_title(hit.video.channel)
        result["length"] = f"{hit.video.seconds // 60}:{hit.video.seconds % 60:02}"
        result["thumbnail"] = f"https://i.ytimg.com/vi/{hit.video.id}/mqdefault.jpg"
    return _encode(result)[1:-1]


_RENDER: Mapping[Kind, Callable[[Page | Clip], bytes]] = {"web": _organic, "news": _news, "videos": _video}


def _title(hit: Page | Clip) -> str:
    return hit.title if isinstance(hit, Page) else hit.video.title


def _snippet(hit: Page | Clip) -> str:
    if isinstance(hit, Page):
        return hit.snippet
    return f"{hit.video.title}. Chapters, sources and everything mentioned are linked in the description."


def _age_hours(hit: Page | Clip) -> int:
    return hit.age_hours if isinstance(hit, Page) else hit.video.draws[0] % 30_000 + 1


def _date(hours: int) -> tuple[str, str]:
    """As shown, and in UTC."""
    days, hours_left = divmod(WORLD_HOUR - hours, 24)
    shown, iso = _day(days)
    if hours < 24:
        shown = f"{hours} hour{'s' * (hours > 1)} ago"
    elif hours < 7 * 24:
        shown = f"{hours // 24} day{'s' * (hours >= 2 * 24)} ago"
    return shown, f"{iso}T{hours_left:02}:00:00.000Z"


@lru_cache(maxsize=4096)
def _day(ordinal: int) -> tuple[str, str]:
    day = date.fromordinal(ordinal)
    return f"{day:%b} {day.day}, {day.year}", day.isoformat()
