"""The shape of the report's JSON. A figure that is not known is null, never 0."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.domain import start
from shared.domain.share_of_voice import Standing

SCHEMA_VERSION: Final = "0.1"

Role = Literal["client", "competitor", "platform", "other"]


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
    data_source: Literal["simulator", "providers"]
    final: bool = False
    """The pipeline has ended: nothing will be added."""


class UsedCurve(msgspec.Struct, frozen=True):
    """The click-through curve behind every share that is not a bound of a band."""

    id: str
    version: str
    shares: tuple[float, ...]
    """Positions 1 to 10."""
    tail: float
    """Each position from 11 to 20; beyond there are no clicks."""


class Method(msgspec.Struct, frozen=True):
    """How the figures were made."""

    curve: UsedCurve
    band_curves: tuple[str, ...]
    weighting: str
    several_urls: str
    domains: str
    content_types: str
    visibility: str
    average_position: str


class PhaseCoverage(msgspec.Struct, frozen=True):
    """How far a phase has come, in items."""

    phase: str
    planned: int
    completed: int
    failed: int
    skipped: int
    open: int
    degraded: int = 0
    """Of the completed ones: the answer was less than was asked for."""
    share: float | None = None
    """Completed of planned. None: nothing was planned."""


class SearchCoverage(msgspec.Struct, frozen=True):
    """How many searches of a region and content type are in the figures."""

    region: str
    content_type: str
    planned: int
    completed: int
    share: float | None


class PageCoverage(msgspec.Struct, frozen=True):
    """How many of a content type's pages are listed."""

    content_type: str
    found: int
    listed: int
    cap: int


class Coverage(msgspec.Struct, frozen=True):
    """What the figures rest on."""

    complete: bool
    """Everything planned was completed, and nothing of it degraded."""
    phases: tuple[PhaseCoverage, ...]
    searches: tuple[SearchCoverage, ...]
    pages: tuple[PageCoverage, ...]


class Company(Standing, frozen=True):
    """Standing of a domain, with whose it is."""

    name: str
    """As given at the start, else the domain."""
    role: Role


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
    likes: int | None
    comments: int | None
    subscribers: int | None
    appearances: int
    """Results of all completed searches, whatever their type, that lead to it."""
    best_position: int | None


class Keyword(msgspec.Struct, frozen=True):
    """A completed search in short."""

    keyword: str
    region: str
    content_type: str
    results: int
    leader: str | None
    """Domain of the first result. Null: nothing ranks."""
    client_position: int | None
    """Best place of the client. Null: it does not rank, or no client was given."""


class Page(msgspec.Struct, frozen=True):
    """A URL that ranks, all regions together."""

    url: str
    domain: str
    content_type: str
    title: str
    """Of its best place."""
    expected_clicks: float
    """When each search is made once."""
    searches: int
    best_position: int


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
