"""What moved between two pipelines, and by what: places, volumes, keywords, or only the method.

The share is computed again for worlds between the two, each one step from the one before. What a step
changes is its effect, so the effects sum to the whole change. Steps in order: the method of the later
pipeline; then only the searches both have; then the later volumes; then the later places; then all
searches of the later one. The first and the last step over keywords are one effect.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

import msgspec

from shared.domain import keys
from shared.domain.basis import Basis, Scope
from shared.domain.curves import Curve
from shared.domain.pipeline import PipelineConfig
from shared.domain.report_insights import Mover
from shared.domain.report_rows import ReportRows, SearchRow, VolumeRow
from shared.domain.results import CompanyResult
from shared.domain.share_of_voice import competition_ranks, market_shares

#: Shares are rounded to this, which is exact in binary: their sums and differences are, too.
GRAIN: Final = 2.0**-40
#: Movers listed per scope, the largest first, beside client and competitors.
MOVER_CAP: Final = 50

_Shares = Mapping[Scope, Mapping[str, float]]


def movers(
    now: ReportRows,
    config: PipelineConfig,
    before: ReportRows,
    earlier: PipelineConfig,
    curve: Curve | None = None,
) -> tuple[Mover, ...]:
    """By content type and region that both pipelines have, the largest change first.

    `curve` is used for the later pipeline in place of its own. Raises ValueError when the two have no search
    in common.
    """
    worlds = _worlds(now, config, before, earlier, curve)
    later = Basis(now, config, curve)
    matches = {row.domain: row.result for row in now.companies}
    first, last = worlds[0], worlds[-1]
    listed = []
    for scope in [scope for scope in last if scope in first]:
        rows = [
            _mover(
                later, scope, company, [world.get(scope, {}).get(company, 0.0) for world in worlds], matches
            )
            for company in sorted({*first[scope], *last[scope]})
        ]
        ranks = [_ranks(later, world.get(scope, {})) for world in (first, last)]
        rows = [
            msgspec.structs.replace(
                row, rank_before=ranks[0].get(row.company), rank_now=ranks[1].get(row.company)
            )
            for row in rows
        ]
        rows.sort(key=lambda row: (-abs(row.change), row.company))
        parties = later.roles.parties
        listed += [row for number, row in enumerate(rows) if number < MOVER_CAP or row.company in parties]
    return tuple(listed)


def _worlds(
    now: ReportRows, config: PipelineConfig, before: ReportRows, earlier: PipelineConfig, curve: Curve | None
) -> list[_Shares]:
    common = _searched(now.searches) & _searched(before.searches)
    if not common:
        raise ValueError("the two pipelines have no search in common, so nothing can be compared")
    asked = _both(config, earlier)
    equal = Basis(now, config).weights.equal

    def world(searches: Iterable[SearchRow], volumes: list[VolumeRow], *, shared: bool) -> _Shares:
        kept = [row for row in searches if not shared or _key(row) in common]
        rows = msgspec.structs.replace(now, searches=kept, volumes=[] if equal else volumes, analyses=[])
        return _shares(Basis(rows, asked, curve))

    return [
        _shares(Basis(msgspec.structs.replace(before, analyses=[]), earlier)),
        world(before.searches, before.volumes, shared=False),
        world(before.searches, before.volumes, shared=True),
        world(before.searches, now.volumes, shared=True),
        world(now.searches, now.volumes, shared=True),
        _shares(Basis(msgspec.structs.replace(now, analyses=[]), config, curve)),
    ]


def _both(config: PipelineConfig, earlier: PipelineConfig) -> PipelineConfig:
    """The later pipeline's method over the searches of both."""
    keywords = {keys.keyword_key(k.keyword): k for k in (*earlier.keywords, *config.keywords)}
    return msgspec.structs.replace(
        config,
        keywords=tuple(keywords.values()),
        regions=tuple(dict.fromkeys((*config.regions, *earlier.regions))),
        content_types=tuple(dict.fromkeys((*config.content_types, *earlier.content_types))),
        landscapes=(),
    )


def _key(row: SearchRow) -> tuple[str, str, str]:
    return keys.keyword_key(row.keyword), row.region, row.content_type


def _searched(searches: Iterable[SearchRow]) -> set[tuple[str, str, str]]:
    return {_key(row) for row in searches}


def _shares(basis: Basis) -> _Shares:
    return {
        scope: {
            company: round(share / GRAIN) * GRAIN
            for company, share in market_shares(market, basis.curve).items()
        }
        for scope, market in basis.markets().items()
    }


def _mover(
    basis: Basis, scope: Scope, company: str, shares: list[float], matches: Mapping[str, CompanyResult]
) -> Mover:
    method, fewer, volume, rank, more = (after - before for before, after in pairwise(shares))
    return Mover(
        region=scope[1],
        content_type=scope[0],
        company=company,
        name=basis.roles.name(company, matches),
        role=basis.roles.role(company),
        before=shares[0],
        now=shares[-1],
        change=shares[-1] - shares[0],
        rank_effect=rank,
        volume_effect=volume,
        keyword_effect=fewer + more,
        method_effect=method,
        rank_before=None,
        rank_now=None,
    )


def _ranks(basis: Basis, shares: Mapping[str, float]) -> dict[str, int]:
    order = sorted(shares, key=lambda company: (-shares[company], company))
    return competition_ranks(
        (company, shares[company]) for company in order if company not in basis.roles.platforms
    )
