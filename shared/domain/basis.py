"""What every figure of a report rests on: the completed searches, their weights, and whose each result is."""

from collections.abc import Iterator
from typing import Final

from shared.domain import keys
from shared.domain.curves import curve
from shared.domain.market import Market, Result, Search, merged, places
from shared.domain.pipeline import PipelineConfig
from shared.domain.relevance import relevances
from shared.domain.report_rows import ReportRows
from shared.domain.results import Ranking
from shared.domain.roles import Roles
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

    def __init__(self, rows: ReportRows, config: PipelineConfig) -> None:
        """Raises ValueError for an unknown curve or a search the configuration does not ask for."""
        self.curve = curve(config.curve)
        self.roles = Roles(config.company, config.competitors)
        self.regions = sorted(set(config.regions))
        self.content_types: list[str] = [name for name in _CONTENT_TYPES if name in config.content_types]
        self.weights = Weights(rows.volumes)
        self.relevance = relevances(rows.analyses, config.personas)
        self.landscapes = landscapes(config)
        """Canonical keywords by name of the landscape, the whole first."""
        self.found = merged(rows.searches)
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

    def page(self, url: str) -> str:
        """Key of a page; the address itself where it is none of the web."""
        try:
            return keys.page_key(url)
        except ValueError:
            return url

    def _counted(self) -> Iterator[Search]:
        asked = self.landscapes[WHOLE]
        for (text, region, content_type), rankings in self.found.items():
            keyword = keys.keyword_key(text)
            if region not in self.regions or content_type not in self.content_types or keyword not in asked:
                what = f"search {text!r} is of {region}/{content_type}"
                raise ValueError(f"{what}, which this pipeline does not ask for")
            weight = self.weights.weight(keyword, region)
            yield Search(keyword, region, content_type, weight, self._results(content_type, rankings))

    def _results(self, content_type: str, rankings: list[Ranking]) -> tuple[Result, ...]:
        company, known = self.roles.company, self.relevance
        judged = known and content_type == ORGANIC
        return tuple(
            Result(company(ranking.domain), place, known.get(self.page(ranking.url)) if judged else None)
            for ranking, place in zip(rankings, places(rankings), strict=True)
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
