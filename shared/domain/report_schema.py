"""The shape of the report's JSON. A figure that is not known is null, never 0."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.domain import start
from shared.domain.publication_schema import Publication
from shared.domain.report_coverage import Coverage
from shared.domain.report_insights import (
    Channel,
    DimensionRow,
    Feature,
    FeatureOwner,
    MarketRow,
    Match,
    Mover,
    PageScore,
    Publisher,
    Role,
    Theme,
    ThemeShare,
)
from shared.domain.report_rows import CallRow

SCHEMA_VERSION: Final = "1.1"

NamedBy = Literal["start", "person", "match", "domain"]
MarketPosition = Literal["leader", "challenger", "competitor", "niche"]


class Meta(msgspec.Struct, frozen=True):
    """Which pipeline the report is of, and when. All that differs between two identical reports."""

    pipeline_id: str
    state: str
    created_at: datetime
    generated_at: datetime
    regions: tuple[str, ...]
    """ISO alpha-2."""
    content_types: tuple[str, ...]
    keywords: int
    """Distinct keywords of the pipeline."""
    company: start.Company | None
    """The client."""
    competitors: tuple[start.Company, ...]
    landscapes: tuple[str, ...]
    """Names of the parts of the keywords that have figures of their own."""
    personas: tuple[str, ...]
    data_source: Literal["simulator", "providers"]
    final: bool = False
    """The pipeline has ended: nothing will be added."""
    searched_from: datetime | None = None
    """When the oldest search was bought, and the newest. Null: not recorded."""
    searched_to: datetime | None = None
    calls: tuple[CallRow, ...] = ()
    """What the pipeline's own calls came to; what was in the store already cost nothing."""


class UsedCurve(msgspec.Struct, frozen=True):
    """The click-through curve behind every share that is not a bound of a band."""

    id: str
    version: str
    shares: tuple[float, ...]
    """Positions from 1, ten of them or more."""
    tail: float
    """Each position from there to 20; beyond there are no clicks."""


class Method(msgspec.Struct, frozen=True):
    """How the figures were made, in words."""

    curve: UsedCurve
    band_curves: tuple[str, ...]
    weights: Literal["volume", "equal"]
    """What a search counts: its monthly volume, or 1."""
    weighting: str
    several_urls: str
    companies: str
    domains: str
    content_types: str
    possible: str
    visibility: str
    average_position: str
    market_position: str
    relevance: str
    dsi: str
    dsi_rank: str
    dsi_legacy: str
    gaps: str
    view_share: str
    corrections: str
    depths: dict[str, int]
    """Positions that were looked at, by content type."""
    traffic_value: str
    features: str
    themes: str
    names: str


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """How a company stands in one content type, in one region or all, in one landscape or the whole.

    Shares and factors are in [0, 1].
    """

    company: str
    """The first of its domains."""
    name: str
    """As given at the start, else as its match has it, else its domain."""
    domains: tuple[str, ...]
    """All that count for it."""
    role: Role
    matched: bool | None
    """Whether the company was found by one of its domains. Null: not looked up."""
    matched_by: str | None
    industries: tuple[str, ...]
    country: str | None
    headcount: int | None
    landscape: str | None
    """Null: all keywords."""
    region: str | None
    """Null: all regions together."""
    content_type: str
    rank: int | None
    """By share of voice, platforms aside. Null: a platform, unknown, or it does not rank."""
    market_position: MarketPosition | None
    share_of_voice: float | None
    """Of the expected clicks of all that rank. Null: unknown, nothing of known volume was completed."""
    share_low: float | None
    """Lowest and highest share over the accepted curves."""
    share_high: float | None
    possible_low: float | None
    """Lowest and highest share that the missing searches still allow. Null: their volume is unknown."""
    possible_high: float | None
    expected_clicks: float | None
    """A month where `method.weights` is volume, else of searches made once."""
    visibility: float | None
    """1 would be first place in every search; the best place in each search counts."""
    keyword_coverage: float | None
    """Share of the completed searches with the company in the first 20."""
    keywords: int
    """Distinct ones with the company in the first 20."""
    appearances: int
    """Results, several in one search included."""
    best_position: int | None
    average_position: float | None
    """Mean of the best place in each search it ranks in."""
    analysed: float | None
    """Share of its expected clicks that go to pages whose relevance is known. Null: it expects none."""
    relevance: float | None
    """Null: none of its pages was analysed, or no web results. So are the index and its rank."""
    dsi: float | None
    """Digital Strength Index, 0 to 100, of web results only."""
    dsi_legacy: float | None
    """0 to 10,000: only to compare with old numbers."""
    dsi_rank: int | None
    match_confidence: float | None
    """How sure it is that the name is that of the domain's owner. Null: it goes by its domain."""
    named_by: NamedBy
    """Where the name is from."""
    peer_share: float | None
    """Of the expected clicks of the client and its competitors. Null: none of them."""
    capture_rate: float | None
    """Expected clicks by searches made."""
    weighted_visibility: float | None
    """As `visibility`, each search weighing its volume."""
    visibility_index: float | None
    """Expected clicks / 1,000, to be compared over time for the same keywords. Null: no volume is known."""
    coverage_3: float | None
    """Share of the completed searches with the company in the first 3, and in the first 10."""
    coverage_10: float | None
    average_position_all: float | None
    """Over all completed searches; where it does not rank, the last position that was looked at counts."""
    at_1: int
    """Searches by its best place: first, 2 and 3, 4 to 10, 11 to 20, beyond."""
    at_2_3: int
    at_4_10: int
    at_11_20: int
    beyond_20: int
    traffic_value: float | None
    """What its expected clicks would cost as advertisements, in the account's currency. Null: no price is known."""


class Video(msgspec.Struct, frozen=True):
    """A video. Counts are null when hidden or not collected."""

    id: str
    found: bool | None
    """False: private, deleted or never existed. Null: not looked up."""
    title: str | None
    channel: str | None
    channel_id: str | None
    published_at: str | None
    duration: str | None
    views: int | None
    view_share: float | None
    """Of the known views of all videos listed."""
    likes: int | None
    comments: int | None
    subscribers: int | None
    appearances: int
    """Results of all completed searches, whatever their type, that lead to it."""
    best_position: int | None
    engagement: float | None
    """Likes and comments by view. Null: one of them is hidden, or nobody looked."""


class Keyword(msgspec.Struct, frozen=True):
    """A completed search in short."""

    keyword: str
    region: str
    content_type: str
    volume: int | None
    """Average monthly searches of the keyword in the region. Null: unknown."""
    results: int
    leader: str | None
    """Domain of the first result. Null: nothing ranks."""
    client_position: int | None
    """Best place of the client. Null: it does not rank, or no client was given."""


class Page(msgspec.Struct, frozen=True):
    """A page that ranks, all regions together, whatever spellings its address has."""

    url: str
    """As in its best place."""
    domain: str
    content_type: str
    title: str
    """Of its best place."""
    expected_clicks: float | None
    """Null: the volume of every search it ranks in is unknown."""
    searches: int
    best_position: int
    relevance: float | None
    """0 to 1. Null: not analysed, or no score of it holds."""
    journey_phase: str | None
    page_type: str | None
    sentiment: str | None
    words: int | None
    """Of the main text. Null: not fetched."""
    language: str | None
    """As the page says, as is the day it was published."""
    published: str | None


class Gap(msgspec.Struct, frozen=True):
    """A web search in which a rival stands on the first page and the client nowhere near."""

    keyword: str
    region: str
    volume: int | None
    rival: str
    """Name of the rival that stands highest."""
    rival_domain: str
    rival_position: int
    client_position: int | None
    """Beyond 20. Null: it does not rank."""
    opportunity: float | None
    """Clicks to be gained. Null: the volume is unknown."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report. Every table is sorted; two reports of the same results differ in `meta` only."""

    schema_version: str = SCHEMA_VERSION
    meta: Meta
    method: Method
    coverage: Coverage
    companies: tuple[Company, ...]
    pages: tuple[Page, ...]
    videos: tuple[Video, ...]
    keywords: tuple[Keyword, ...]
    gaps: tuple[Gap, ...]
    markets: tuple[MarketRow, ...] = ()
    features: tuple[Feature, ...] = ()
    feature_owners: tuple[FeatureOwner, ...] = ()
    themes: tuple[Theme, ...] = ()
    theme_shares: tuple[ThemeShare, ...] = ()
    dimensions: tuple[DimensionRow, ...] = ()
    page_scores: tuple[PageScore, ...] = ()
    channels: tuple[Channel, ...] = ()
    publishers: tuple[Publisher, ...] = ()
    matches: tuple[Match, ...] = ()
    movers: tuple[Mover, ...] = ()
    """Against an earlier pipeline, where one was named."""
    publication: Publication | None = None
    """Whether it may be published. Null: nobody judged."""
