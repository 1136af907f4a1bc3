"""What completed items leave behind: the evidence rows of each phase."""

import msgspec


class Ranking(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ranked result of a search."""

    position: int
    """Overall position, from 1, across the pages bought."""
    url: str
    domain: str
    """Registrable domain, A-label; the host itself where there is none (an IP address)."""
    title: str = ""
    snippet: str = ""
    source: str = ""
    """Publisher or channel as printed."""
    published: str = ""
    """As printed by the search engine; not normalised."""
    length: str = ""
    """Running time of a video, as printed."""


class SearchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One search: a keyword in a region and content type."""

    rankings: tuple[Ranking, ...]
    total_results: int | None = None
    """The engine's own estimate; None when it printed none."""
    features: tuple[str, ...] = ()
    """Other blocks on the page, as in "answer_box", sorted."""


class VideoResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One video with its channel. Counts are None when hidden: unknown, not 0."""

    found: bool
    """False: private, deleted or never existed."""
    title: str = ""
    channel_id: str = ""
    channel: str = ""
    published_at: str = ""
    """RFC 3339."""
    duration: str = ""
    """ISO 8601."""
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    subscribers: int | None = None
    """Of the channel; rounded by the provider to three digits."""
