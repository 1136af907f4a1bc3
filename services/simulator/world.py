"""One seeded world: who ranks where, and with which pages and videos; the same for every provider."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from random import Random

from services.simulator import sites
from services.simulator.chance import digest, generator, share
from services.simulator.sites import Site
from services.simulator.videos import POPULAR, Video, Videos
from services.simulator.vocabulary import SECTIONS, TOPICS, paragraph, title

PAGES_PER_TOPIC = 3
"""Pages a company has on one topic."""
TAIL_SHARE = 0.075
"""Of results: sites that hardly any other search shows."""
OWN_VIDEO_SHARE = 0.5
"""Of video links: videos that no other search shows."""
_SNIPPETS = 512
_TOPIC_BY_SLUG = {topic.replace(" ", "-"): number for number, topic in enumerate(TOPICS)}


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A web page that can be a result. Compared by identity: it is the key of what is rendered from it."""

    link: str
    host: str
    name: str
    """Of the site."""
    title: str
    snippet: str
    age_hours: int
    """Since it was published."""


class World:
    """Everything is a function of the seed and the arguments; what is kept is kept for speed only."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sites = sites.build(seed)
        self._by_host = {site.host: site for site in self.sites}
        self.videos = Videos(seed)
        self._generator = Random()
        rng = generator(seed, "prose")
        self.snippets = [paragraph(rng, 2 + int(rng.random() * 2)) for _ in range(_SNIPPETS)]
        self.page = lru_cache(maxsize=100_000)(self._page)
        self.ranking = lru_cache(maxsize=1024)(self._weigh)
        self._popular = lru_cache(maxsize=POPULAR)(self.videos.video)

    def generator(self, words: str) -> Random:
        """The generator of these words, valid until it is asked for others: one that starts anew, for to
        make one costs more than all it draws.
        """
        self._generator.seed(int.from_bytes(digest(self.seed, words), "little"))
        return self._generator

    def topic(self, keyword: str) -> int:
        """The field a keyword belongs to, an index of TOPICS."""
        return int(share(self.seed, f"topic {keyword}") * len(TOPICS))

    def tail_page(self, draw: float, topic: int) -> Page:
        """A page of a small site, chosen by `draw` in [0, 1)."""
        return self._write(sites.tail(self.seed, int(draw * sites.TAIL_SITES)), topic, 0)

    def page_at(self, host: str, path: str) -> Page | None:
        """The page that results link to there, or None where no search leads. The path is without a query."""
        slug = path.rstrip("/").rpartition("/")[2]
        topic = _TOPIC_BY_SLUG.get(slug.rpartition("-")[0])
        if topic is None:
            return None
        site = self._by_host.get(host) or sites.at(host)
        pages = (self._write(site, topic, number) for number in range(PAGES_PER_TOPIC))
        return next((page for page in pages if f"/{slug}" in page.link), None)

    def own_video(self, search: str, draw: float) -> Video:
        """A video that no other search shows."""
        return self.videos.video(self.videos.own_number(f"{search} {draw}"))

    def popular_video(self, draw: float) -> Video:
        """A video of the shared ones; the first of them come often."""
        return self._popular(int(POPULAR * draw**2.5))

    def _page(self, site: int, topic: int, number: int) -> Page:
        return self._write(self.sites[site], topic, number)

    def _write(self, site: Site, topic: int, number: int) -> Page:
        draws = digest(self.seed, f"page {site.host} {topic} {number}", 12)
        pick = int.from_bytes(draws[:8], "little")
        subject = TOPICS[topic]
        slug = f"{subject.replace(' ', '-')}-{pick % 9000 + 1000}"
        if site.host == "www.youtube.com":
            path = f"/@{slug}" if pick % 3 else f"/playlist?list=PL{draws.hex()}"
        else:
            path = f"/{SECTIONS[draws[8] % len(SECTIONS)]}/{slug}"
            # Tracking parameters and final slashes, as real links have them.
            path += ("?utm_source=google&utm_medium=organic" if draws[9] < 8 else "") + "/" * (draws[9] > 200)
        return Page(
            f"https://{site.host}{path}",
            site.host,
            site.name,
            f"{title(draws[10], topic)} | {site.name}",
            self.snippets[pick % _SNIPPETS],
            pick % 20_000 + 1,
        )

    def _weigh(self, region: str, topic: int, news: bool) -> list[float]:
        """Cumulated weights of the sites: a power law, bent by topic, region and kind of result.
        A draw between 0 and the last finds a site; the strong ones come often.
        """
        weights = []
        for rank, site in enumerate(self.sites):
            fit = share(self.seed, f"fit {site.host} {topic}") ** 3 * 3 + 0.05
            home = 1.0 if not site.home else 6.0 if site.home == region else 0.15
            taste = 0.5 + share(self.seed, f"taste {site.host} {region}")
            kind = (8.0 if site.newsroom else 0.1) if news else 1.0
            weights.append(fit * home * taste * kind / (rank + 3) ** 1.05)
        return list(accumulate(weights))
