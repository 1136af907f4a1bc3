"""Where a figure comes from: the items whose stored answers a cell of the report was made of.

Every column rests on kinds of evidence; the row says which items of these kinds. What is of no item comes
from the frozen configuration or from what a person says, and is named as such.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.domain import keys
from shared.domain.basis import ORGANIC, WHOLE, Basis
from shared.domain.phases import (
    COMPANY_ENRICHMENT,
    CONTENT_ANALYSIS,
    CONTENT_SCRAPING,
    KEYWORD_METRICS,
    SERP_COLLECTION,
    VIDEO_ENRICHMENT,
)
from shared.domain.report_columns import Table, columns
from shared.domain.report_rows import ReportRows

#: Evidence that is no item's: the configuration as it was frozen, with the rules of the method.
CONFIGURATION: Final = "configuration"

_SEARCHES: Final = (SERP_COLLECTION,)
_WEIGHED: Final = (SERP_COLLECTION, KEYWORD_METRICS)
_JUDGED: Final = (*_WEIGHED, CONTENT_ANALYSIS)
_MATCHED: Final = (SERP_COLLECTION, COMPANY_ENRICHMENT, CONFIGURATION)

#: What the columns of a table rest on, where `_COLUMNS` does not say otherwise.
_TABLES: Final[Mapping[Table, tuple[str, ...]]] = {
    "companies": _WEIGHED,
    "pages": _WEIGHED,
    "videos": _SEARCHES,
    "keywords": _SEARCHES,
    "gaps": _WEIGHED,
    "markets": _WEIGHED,
    "features": _WEIGHED,
    "feature_owners": _WEIGHED,
    "themes": _JUDGED,
    "theme_shares": _JUDGED,
    "dimensions": (CONTENT_ANALYSIS,),
    "page_scores": (SERP_COLLECTION, CONTENT_ANALYSIS),
    "channels": (*_WEIGHED, VIDEO_ENRICHMENT),
    "publishers": _WEIGHED,
    "matches": (COMPANY_ENRICHMENT, CONFIGURATION),
    "movers": _WEIGHED,
}
_COLUMNS: Final[Mapping[Table, Mapping[str, tuple[str, ...]]]] = {
    "companies": {
        **dict.fromkeys(
            ("name", "matched", "matched_by", "industries", "country", "headcount", "match_confidence", "named_by"),
            _MATCHED,
        ),
        **dict.fromkeys(("role", "domains"), (SERP_COLLECTION, CONFIGURATION)),
        **dict.fromkeys(("relevance", "analysed", "dsi", "dsi_legacy", "dsi_rank"), _JUDGED),
    },
    "pages": {
        **dict.fromkeys(("relevance", "journey_phase", "page_type", "sentiment"), (CONTENT_ANALYSIS,)),
        **dict.fromkeys(("words", "language", "published"), (CONTENT_SCRAPING,)),
    },
    "videos": dict.fromkeys(
        ("found", "channel_id", "published_at", "duration", "views", "view_share", "likes", "comments", "subscribers", "engagement"),
        (VIDEO_ENRICHMENT,),
    ),
    "keywords": {"volume": (KEYWORD_METRICS,)},
    "gaps": {"volume": (KEYWORD_METRICS,), "rival": _MATCHED},
}  # fmt: skip


def evidence(table: Table, column: str) -> tuple[str, ...]:
    """Phases a column rests on, and `configuration`. Raises KeyError for a column the table does not have."""
    if column not in columns(table):
        raise KeyError(column)
    return _COLUMNS.get(table, {}).get(column, _TABLES[table])


def items(
    basis: Basis, rows: ReportRows, table: Table, column: str, row: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Keys of the items behind a cell, by phase; `row` holds at least what tells the row from the others.

    Shares rest on all searches of their market, not on the company's own alone: the whole is a part of them.
    """
    searches = [search for search in basis.found if _concerns(basis, table, row, search)]
    wanted = set(evidence(table, column))
    made: dict[str, Callable[[], set[str]]] = {
        SERP_COLLECTION: lambda: {keys.search_key(*search) for search in searches},
        KEYWORD_METRICS: lambda: _volumes(rows, searches),
        CONTENT_ANALYSIS: lambda: _analyses(basis, rows, table, row, searches),
        CONTENT_SCRAPING: lambda: {
            page.page for page in rows.pages if page.page == basis.page(str(row.get("url")))
        },
        COMPANY_ENRICHMENT: lambda: _companies(basis, rows, table, row),
        VIDEO_ENRICHMENT: lambda: _videos(basis, rows, table, row, column, searches),
    }
    return {phase: sorted(find()) for phase, find in made.items() if phase in wanted}


def _concerns(basis: Basis, table: Table, row: Mapping[str, Any], search: tuple[str, str, str]) -> bool:
    """Whether a search is in a row's figures."""
    keyword, region, content_type = search
    only = {"channels": "video", "publishers": "news"}.get(table) or row.get("content_type")
    if table in {"gaps", "features", "feature_owners", "themes", "theme_shares"}:
        only = ORGANIC
    if only not in {None, content_type} or row.get("region") not in {None, region}:
        return False
    if "keyword" in row and keys.keyword_key(str(row["keyword"])) != keys.keyword_key(keyword):
        return False
    members = basis.landscapes.get(row.get("landscape") or WHOLE, frozenset())
    if keys.keyword_key(keyword) not in members:
        return False
    if table in {"pages", "page_scores"}:
        wanted = basis.page(str(row.get("url")))
        return any(basis.page(ranking.url) == wanted for ranking in basis.found[search])
    if table == "videos":
        return any(basis.video(ranking.url) == row.get("id") for ranking in basis.found[search])
    return True


def _volumes(rows: ReportRows, searches: list[tuple[str, str, str]]) -> set[str]:
    asked = {(keys.keyword_key(keyword), region) for keyword, region, _ in searches}
    return {
        keys.volume_key(row.keyword, row.region) for row in rows.volumes if (row.keyword, row.region) in asked
    }


def _analyses(
    basis: Basis, rows: ReportRows, table: Table, row: Mapping[str, Any], searches: list[tuple[str, str, str]]
) -> set[str]:
    if table in {"pages", "page_scores"}:
        ranked = {basis.page(str(row.get("url")))}
    elif table == "dimensions":
        return {one.page for one in rows.analyses if row.get("dimension") in one.scores}
    else:
        ranked = {basis.page(ranking.url) for search in searches for ranking in basis.found[search]}
    return {one.page for one in rows.analyses if one.page in ranked}


def _companies(basis: Basis, rows: ReportRows, table: Table, row: Mapping[str, Any]) -> set[str]:
    domain = str(row.get({"matches": "domain", "gaps": "rival_domain"}.get(table, "company")))
    domains = {domain} if table == "matches" else set(basis.roles.domains(basis.roles.company(domain)))
    return {one.domain for one in rows.companies if one.domain in domains}


def _videos(  # noqa: PLR0917  what a row may rest on
    basis: Basis,
    rows: ReportRows,
    table: Table,
    row: Mapping[str, Any],
    column: str,
    searches: list[tuple[str, str, str]],
) -> set[str]:
    """A share of views rests on all videos."""
    if table == "videos":
        return {
            one.video_id for one in rows.videos if column == "view_share" or one.video_id == row.get("id")
        }
    ranked = {basis.video(ranking.url) for search in searches for ranking in basis.found[search]}
    return {one.video_id for one in rows.videos if one.video_id in ranked}
