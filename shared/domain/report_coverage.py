"""The shape of what a report says about its own reach: what was asked for, and what of it is there."""

import msgspec


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


class PhaseOff(msgspec.Struct, frozen=True):
    """A phase this pipeline does without."""

    phase: str
    reason: str
    effect: str
    """What the report lacks because of it."""


class SearchCoverage(msgspec.Struct, frozen=True):
    """How many searches of a region and content type are in the figures."""

    region: str
    content_type: str
    planned: int
    completed: int
    share: float | None


class VolumeCoverage(msgspec.Struct, frozen=True):
    """How many keywords have a known search volume in a region."""

    region: str
    keywords: int
    known: int
    share: float | None
    monthly_searches: int | None
    """Sum of the known volumes. None: none is known."""


class AnalysisCoverage(msgspec.Struct, frozen=True):
    """How much of what web results may expect in clicks goes to pages whose relevance is known."""

    region: str | None
    """None: all regions together."""
    share: float | None
    """Pages on video hosts aside. None: no clicks to be expected."""


class CompanyCoverage(msgspec.Struct, frozen=True):
    """How many of the companies that rank somewhere are listed: of a named landscape the strongest only."""

    landscape: str | None
    """None: all keywords."""
    region: str | None
    content_type: str
    keywords: int
    """Of the landscape."""
    searches: int
    """Completed ones."""
    found: int
    listed: int
    """The client and its competitors included, wherever they rank."""


class PageCoverage(msgspec.Struct, frozen=True):
    """How many of a content type's pages are listed."""

    content_type: str
    found: int
    listed: int
    cap: int


class MassCoverage(msgspec.Struct, frozen=True):
    """How much of a phase is there, by what it weighs and not by how many items it is."""

    phase: str
    region: str | None
    """None: all regions together."""
    share: float | None
    """Searches by their volume, what rests on them by the clicks to be expected. None: unknown, or nothing to weigh."""


class Coverage(msgspec.Struct, frozen=True):
    """What the figures rest on."""

    complete: bool
    """Everything planned was completed, and nothing of it degraded that another try could better."""
    phases: tuple[PhaseCoverage, ...]
    off: tuple[PhaseOff, ...]
    searches: tuple[SearchCoverage, ...]
    volumes: tuple[VolumeCoverage, ...]
    analysis: tuple[AnalysisCoverage, ...]
    companies: tuple[CompanyCoverage, ...]
    pages: tuple[PageCoverage, ...]
    mass: tuple[MassCoverage, ...] = ()
