"""What every figure of a report rests on: the completed searches, their weights, and whose each result is."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.domain import keys
from shared.domain.curves import Curve, chosen
from shared.domain.market import Market, Result, Search, merged, places
from shared.domain.pipeline import PipelineConfig
from shared.domain.relevance import relevances
from shared.domain.report_rows import ReportRows, SearchRow
from shared.domain.results import Ranking
from shared.domain.roles import Roles
from shared.domain.serp_features import PLAIN, Layout, layout, names
from shared.domain.weights import Weights

#: The landscape of all keywords; the others have a name.
WHOLE: Final = ""
#: Whose share of voice is the headline, and the only one a Digital Strength Index is made of.
ORGANIC: Final = "organic"
_CONTENT_TYPES: Final = (ORGANIC, "news", "video")

Scope = tuple[str, str | None]
"""Content type and region, None for all regions."""


class Basis:
    """The rows of a pipeline, merged and weighed, with what its configuration says about them."""

    def __init__(self, rows: ReportRows, config: PipelineConfig, curve: Curve | None = None) -> None:
        """With `curve` in place of the configuration's own.

        Raises ValueError for an unknown curve or a search the configuration does not ask for.
        """
        self.curve = curve or chosen(config.curve)
        self.roles = Roles(config.company, config.competitors, rows.overrides)
        self.regions = sorted(set(config.regions))
        self.content_types: list[str] = [name for name in _CONTENT_TYPES if name in config.content_types]
        self.weights = Weights(rows.volumes)
        self.relevance = relevances(rows.analyses, config.personas)
        self.landscapes = landscapes(config)
        """Canonical keywords by name of the landscape, the whole first."""
        self._pages: dict[str, str] = {}
        self._videos: dict[str, str | None] = {}
        self.found = merged(rows.searches)
        self.depths = {name: 10 * getattr(config.pages, name) for name in self.content_types}
        """Positions that were looked at, by content type."""
        self.blocks, self.owners = _beside(rows.searches)
        self._corrected = config.corrections
        self._searches = list(self._counted())

    def markets(self, landscape: str = WHOLE) -> dict[Scope, Market]:
        """The markets of a landscape by content type and region, also where nothing is completed yet.

        Raises KeyError for a landscape the pipeline does not have.
        """
        members = self.landscapes[landscape]
        planned = self._planned(members)
        markets: dict[Scope, Market] = {
            (content_type, region): Market(planned[region])
            for content_type in self.content_types
            for region in (None, *self.regions)
        }
        for search in self._searches:
            if search.keyword in members:
                markets[search.content_type, search.region].add(search)
                markets[search.content_type, None].add(search)
        return markets

    def layout(self, search: tuple[str, str, str]) -> Layout:
        """What stands beside a search's results, as far as clicks are corrected for it."""
        blocks = self.blocks.get(search)
        if not self._corrected or blocks is None or search[2] != ORGANIC:
            return PLAIN
        first = next(iter(self.found[search]), None)
        sitelinks = first is not None and first.domain in self.owners.get(search, {}).get("sitelinks", ())
        return layout(names(blocks), first_has_sitelinks=sitelinks)

    def page(self, url: str) -> str:
        """Key of a page; the address itself where it is none of the web."""
        found = self._pages.get(url)
        if found is None:
            try:
                found = keys.page_key(url)
            except ValueError:
                found = url
            self._pages[url] = found
        return found

    def video(self, url: str) -> str | None:
        """Id of the YouTube video an address plays, as `keys.video_id`."""
        if url not in self._videos:
            self._videos[url] = keys.video_id(url)
        return self._videos[url]

    def _counted(self) -> Iterator[Search]:
        asked = self.landscapes[WHOLE]
        for (text, region, content_type), rankings in self.found.items():
            keyword = keys.keyword_key(text)
            if region not in self.regions or content_type not in self.content_types or keyword not in asked:
                what = f"search {text!r} is of {region}/{content_type}"
                raise ValueError(f"{what}, which this pipeline does not ask for")
            weight, price = self.weights.weight(keyword, region), self.weights.price(keyword, region)
            results = self._results((text, region, content_type), rankings)
            yield Search(keyword, region, content_type, weight, results, price)

    def _results(self, search: tuple[str, str, str], rankings: list[Ranking]) -> tuple[Result, ...]:
        company, known = self.roles.company, self.relevance
        judged = known and search[2] == ORGANIC
        return tuple(
            Result(company(ranking.domain), place, known.get(self.page(ranking.url)) if judged else None)
            for ranking, place in zip(rankings, places(rankings, self.layout(search)), strict=True)
        )

    def _planned(self, members: frozenset[str]) -> dict[str | None, int | None]:
        """Weight of the searches asked for, of one content type, by region and for all of them."""
        planned: dict[str | None, int | None] = {None: 0}
        for region in self.regions:
            weights = [self.weights.weight(keyword, region) for keyword in members]
            known = [weight for weight in weights if weight is not None]
            planned[region] = sum(known) if len(known) == len(weights) else None
        parts = [planned[region] for region in self.regions]
        planned[None] = None if None in parts else sum(part or 0 for part in parts)
        return planned


def landscapes(config: PipelineConfig) -> dict[str, frozenset[str]]:
    """Canonical keywords by name of the landscape, the whole first."""
    whole = {WHOLE: frozenset(keys.keyword_key(keyword.keyword) for keyword in config.keywords)}
    return whole | {
        landscape.name: frozenset(map(keys.keyword_key, landscape.keywords))
        for landscape in config.landscapes
    }


def _beside(
    searches: Iterable[SearchRow],
) -> tuple[
    dict[tuple[str, str, str], tuple[str, ...]], dict[tuple[str, str, str], Mapping[str, tuple[str, ...]]]
]:
    """Blocks, and whose they are, by search; a search is in them only where that was recorded."""
    blocks: dict[tuple[str, str, str], tuple[str, ...]] = {}
    owners: dict[tuple[str, str, str], Mapping[str, tuple[str, ...]]] = {}
    for row in searches:
        if row.blocks is not None:
            blocks[row.search] = max(blocks.get(row.search, ()), row.blocks)
        if row.owners is not None:
            owners[row.search] = row.owners
    return blocks, owners
