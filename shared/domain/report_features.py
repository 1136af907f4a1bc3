"""The tables of SERP features: how often they stand on a page, and to whom they lead."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from shared.domain.basis import ORGANIC, Basis
from shared.domain.report_insights import Feature, FeatureOwner
from shared.domain.results import CompanyResult
from shared.domain.serp_features import FEATURES, NAMES

#: Owners listed per region and feature, beside client and competitors.
OWNER_CAP = 25

_Where = tuple[str | None, str]
"""Region, None for all; and feature."""


class _Counts:
    def __init__(self) -> None:
        self.searches: Counter[str | None] = Counter()
        self.weights: Counter[str | None] = Counter()
        self.present: Counter[_Where] = Counter()
        self.weight: Counter[_Where] = Counter()
        self.known: Counter[_Where] = Counter()
        """Weight of the searches with the feature whose owners were recorded."""
        self.owned: dict[_Where, Counter[str]] = defaultdict(Counter)
        self.owned_weight: dict[_Where, Counter[str]] = defaultdict(Counter)

    def add(self, basis: Basis, search: tuple[str, str, str]) -> None:
        keyword, region, _ = search
        weight = basis.weights.weight(keyword, region) or 0
        owners = basis.owners.get(search)
        found: dict[str, set[str]] = {}
        for block in basis.blocks[search]:
            if block in NAMES:
                whose = owners.get(block, ()) if owners is not None else ()
                found.setdefault(NAMES[block], set()).update(map(basis.roles.company, whose))
        for where in (None, region):
            self.searches[where] += 1
            self.weights[where] += weight
            for feature, companies in found.items():
                at = (where, feature)
                self.present[at] += 1
                self.weight[at] += weight
                self.known[at] += weight if owners is not None else 0
                self.owned[at].update(companies)
                self.owned_weight[at].update(dict.fromkeys(companies, weight))


def features(
    basis: Basis, matches: Mapping[str, CompanyResult]
) -> tuple[tuple[Feature, ...], tuple[FeatureOwner, ...]]:
    """By region, all together first. Empty where what stands beside the results was never recorded."""
    counts = _Counts()
    for search in basis.found:
        if search[2] == ORGANIC and search in basis.blocks:
            counts.add(basis, search)
    listed, owners = [], []
    for region in (None, *basis.regions):
        if not counts.searches[region]:
            continue
        for feature in FEATURES:
            at = (region, feature)
            listed.append(
                Feature(
                    region=region,
                    feature=feature,
                    searches=counts.searches[region],
                    present=counts.present[at],
                    presence=counts.present[at] / counts.searches[region],
                    weighted_presence=_part(counts.weight[at], counts.weights[region]),
                    client_share=_part(counts.owned_weight[at][basis.roles.client], counts.known[at])
                    if basis.roles.client
                    else None,
                )
            )
            owners += _owners(basis, counts, at, matches)
    return tuple(listed), tuple(owners)


def _owners(
    basis: Basis, counts: _Counts, at: _Where, matches: Mapping[str, CompanyResult]
) -> list[FeatureOwner]:
    searches, weights = counts.owned[at], counts.owned_weight[at]
    order = sorted(searches, key=lambda company: (-weights[company], -searches[company], company))
    shown = order[:OWNER_CAP] + [company for company in order[OWNER_CAP:] if company in basis.roles.parties]
    return [
        FeatureOwner(
            region=at[0],
            feature=at[1],
            company=company,
            name=basis.roles.name(company, matches),
            role=basis.roles.role(company),
            searches=searches[company],
            ownership=_part(weights[company], counts.known[at]),
        )
        for company in shown
    ]


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
