"""The rows a report is made of: what completed items left behind, and how far each phase is."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from shared.domain.report_coverage import PhaseCoverage
from shared.domain.results import CompanyResult, Ranking, VideoResult


class SearchRow(msgspec.Struct, frozen=True):
    """A completed search with what ranked in it."""

    item_id: int
    keyword: str
    region: str
    content_type: str
    rankings: tuple[Ranking, ...]
    blocks: tuple[str, ...] | None = None
    """Other blocks on the page. None: not recorded."""
    owners: Mapping[str, tuple[str, ...]] | None = None
    """Registrable domains by block, in its order. None: not recorded, as before they were read."""
    searched_at: datetime | None = None
    """When the oldest of its answers was bought. None: not recorded."""

    @property
    def search(self) -> tuple[str, str, str]:
        """What makes two rows the same search."""
        return self.keyword, self.region, self.content_type


class VideoRow(msgspec.Struct, frozen=True):
    """A video whose lookup completed."""

    video_id: str
    result: VideoResult


class VolumeRow(msgspec.Struct, frozen=True):
    """A keyword whose metrics were asked for in a region."""

    keyword: str
    """Canonical."""
    region: str
    volume: int | None
    """Average monthly searches. None: unknown, not 0."""
    price: int | None = None
    """Of a click, in millionths of the account's currency. None: unknown."""


class CompanyRow(msgspec.Struct, frozen=True):
    """A domain whose company was asked for."""

    domain: str
    """Registrable."""
    result: CompanyResult


class AnalysisRow(msgspec.Struct, frozen=True):
    """A page that was analysed."""

    page: str
    """Key, as `keys.page_key` gives it."""
    scores: dict[str, float | None]
    """By dimension, 0 to 10. None: void."""
    journey_phase: str = ""
    page_type: str = ""
    sentiment: str = ""


class PageRow(msgspec.Struct, frozen=True):
    """A page that was fetched."""

    page: str
    """Key, as `keys.page_key` gives it."""
    found: bool
    title: str = ""
    words: int = 0
    language: str = ""
    published: str = ""


class Override(msgspec.Struct, frozen=True):
    """Who somebody says a domain belongs to; it wins over every match."""

    domain: str
    """Registrable."""
    name: str
    platform: bool
    """Whether its content is not its own."""
    actor: str
    reason: str


class Waiver(msgspec.Struct, frozen=True):
    """A gate somebody lets pass, and why."""

    gate: str
    actor: str
    reason: str
    waived_at: datetime


class CallRow(msgspec.Struct, frozen=True):
    """What a pipeline's own calls to an endpoint came to."""

    provider: str
    endpoint: str
    calls: int
    in_doubt: int
    subjects: int
    units: float | None
    """Charged. None: of no call known."""
    money: float | None
    """None: the provider's unit has no price."""


class Lineage(msgspec.Struct, frozen=True):
    """How many of the results that figures rest on lead to a stored answer."""

    results: int
    resolved: int


class ReportRows(msgspec.Struct, frozen=True):
    """All of one moment."""

    searches: list[SearchRow]
    videos: list[VideoRow] = []
    phases: list[PhaseCoverage] = []
    volumes: list[VolumeRow] = []
    companies: list[CompanyRow] = []
    analyses: list[AnalysisRow] = []
    pages: list[PageRow] = []
    overrides: list[Override] = []
    waivers: list[Waiver] = []
    calls: list[CallRow] = []
    lineage: Lineage | None = None
    """None: nobody counted."""
