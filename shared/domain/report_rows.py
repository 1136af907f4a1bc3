"""The rows a report is made of: what completed items left behind, and how far each phase is."""

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


class ReportRows(msgspec.Struct, frozen=True):
    """All of one moment."""

    searches: list[SearchRow]
    videos: list[VideoRow] = []
    phases: list[PhaseCoverage] = []
    volumes: list[VolumeRow] = []
    companies: list[CompanyRow] = []
    analyses: list[AnalysisRow] = []
