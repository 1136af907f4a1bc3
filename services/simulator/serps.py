"""What a search shows: which pages and videos stand on which result page."""

from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Literal

from services.simulator.chance import pick
from services.simulator.videos import Video
from services.simulator.world import OWN_VIDEO_SHARE, PAGES_PER_TOPIC, TAIL_SHARE, Page, World

Kind = Literal["web", "news", "videos"]

SHORT_SHARE = 0.04
"""Of searches: at most four pages instead of LAST_PAGE."""
LAST_PAGE = 10
VIDEO_SHARE = {"web": 0.1, "news": 0.0, "videos": 1.0}
"""Of results."""
ELSEWHERE_SHARE = 0.1
"""Of video results of a video search: not at YouTube."""
PER_SITE = 2
"""Results one site may have on one result page."""

_SIZES = (10, 10, 10, 10, 10, 10, 10, 9, 9, 8)
_TRIES = 20
_FORMS = (
    ["https://www.youtube.com/watch?v={}"] * 12
    + ["https://www.youtube.com/watch?v={}&t=30s"] * 2
    + ["https://www.youtube.com/watch?app=desktop&v={}", "https://m.youtube.com/watch?v={}"]
    + ["https://youtu.be/{}", "https://youtu.be/{}?si=wS3k9Qf2", "https://www.youtube.com/shorts/{}"]
    + ["https://youtube.com/watch?v={}&list=PLx7"]
)
_ELSEWHERE = ["https://vimeo.com/{}"] * 2 + ["https://www.dailymotion.com/video/x{}", "https://fb.watch/{}"]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A video as a result: the facts of the video shown, also where the link leads elsewhere.
    Compared by identity, as pages are.
    """

    link: str
    host: str
    video: Video


def search(
    world: World, rng: Random, keyword: str, region: str, *, kind: Kind, last: int
) -> list[list[Page | Clip]]:
    """The result pages 1 to `last`, fewer when there are fewer. A page is the same whatever `last` is.

    `rng` is in the state that belongs to this search.
    """
    draw = rng.random
    pages = 1 + int(4 * draw()) if draw() < SHORT_SHARE else LAST_PAGE
    topic = world.topic(keyword)
    ranking = world.ranking(region, topic, kind == "news")
    total, end = ranking[-1], len(ranking) - 1
    videos, words = VIDEO_SHARE[kind], f"{keyword}\n{region}\n{kind}"
    seen: set[int] = set()
    found: list[list[Page | Clip]] = []
    for _ in range(min(last, pages)):
        hits: list[Page | Clip] = []
        on_page: list[int] = []
        for _ in range(_SIZES[int(len(_SIZES) * draw())]):
            which = draw()
            if which < videos:
                hits.append(_clip(world, rng, words, kind))
                continue
            if which > 1 - TAIL_SHARE:
                hits.append(world.tail_page(draw(), topic))
                continue
            for _ in range(_TRIES):
                site = bisect(ranking, draw() * total, hi=end)
                number = int(PAGES_PER_TOPIC * draw() ** 2)
                if site * PAGES_PER_TOPIC + number not in seen and on_page.count(site) < PER_SITE:
                    break
            seen.add(site * PAGES_PER_TOPIC + number)
            on_page.append(site)
            hits.append(world.page(site, topic, number))
        found.append(hits)
    return found


def _clip(world: World, rng: Random, words: str, kind: Kind) -> Clip:
    elsewhere = kind == "videos" and rng.random() < ELSEWHERE_SHARE
    form = pick(rng, _ELSEWHERE if elsewhere else _FORMS)
    if rng.random() < OWN_VIDEO_SHARE:
        return _link(world.own_video(words, rng.random()), form)
    return _popular_clip(world.popular_video(rng.random()), form)


def _link(video: Video, form: str) -> Clip:
    link = form.format(video.id if "youtu" in form else video.number % 10**9)
    return Clip(link, link.split("/", 3)[2], video)


_popular_clip = lru_cache(maxsize=20_000)(_link)
