"""The column contract: the tables of a report and their columns, in order; the same in every export.

Columns are added at the end and never change their meaning; what is taken away raises the first number of
`SCHEMA_VERSION`, what is added the second.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from shared.domain import report_insights as insights
from shared.domain import report_schema as schema

Table = Literal[
    "companies",
    "pages",
    "videos",
    "keywords",
    "gaps",
    "markets",
    "features",
    "feature_owners",
    "themes",
    "theme_shares",
    "dimensions",
    "page_scores",
    "channels",
    "publishers",
    "matches",
    "movers",
]
TABLES: Final[tuple[Table, ...]] = get_args(Table)

ROWS: Final[Mapping[Table, type[msgspec.Struct]]] = {
    "companies": schema.Company,
    "pages": schema.Page,
    "videos": schema.Video,
    "keywords": schema.Keyword,
    "gaps": schema.Gap,
    "markets": insights.MarketRow,
    "features": insights.Feature,
    "feature_owners": insights.FeatureOwner,
    "themes": insights.Theme,
    "theme_shares": insights.ThemeShare,
    "dimensions": insights.DimensionRow,
    "page_scores": insights.PageScore,
    "channels": insights.Channel,
    "publishers": insights.Publisher,
    "matches": insights.Match,
    "movers": insights.Mover,
}

Kind = Literal["text", "number", "count", "flag", "list"]


def columns(table: Table) -> dict[str, Kind]:
    """Columns of a table by name, with what stands in them where it is known."""
    return {field.name: _kind(field.type) for field in msgspec.structs.fields(ROWS[table])}


def _kind(annotation: Any) -> Kind:
    known = [part for part in get_args(annotation) or (annotation,) if part is not type(None)]
    if known == [bool]:
        return "flag"
    if known == [int]:
        return "count"
    if known == [float]:
        return "number"
    return "list" if Ellipsis in known or str(annotation).startswith("tuple") else "text"
