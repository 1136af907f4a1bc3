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
    owners: dict[str, tuple[str, ...]] | None = None
    """Registrable domains each block leads to, by block, in its order. None: they were not read."""


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


class MonthlyVolume(msgspec.Struct, frozen=True):
    """Searches in one month."""

    year: int
    month: int
    """1 to 12."""
    searches: int


class VolumeResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a keyword is searched in a region. None: unknown, not 0."""

    volume: int | None = None
    """Average monthly searches."""
    competition: str = ""
    """LOW, MEDIUM or HIGH; empty: unknown."""
    competition_index: int | None = None
    """0 to 100."""
    low_bid_micros: int | None = None
    """Millionths of the account's currency, as the two below."""
    high_bid_micros: int | None = None
    cpc_micros: int | None = None
    monthly: tuple[MonthlyVolume, ...] = ()
    """Oldest first."""
    variant_of: str = ""
    """The keyword this one was merged into, when the figures are those of a close variant."""


class CompanyResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose a domain is."""

    matched: bool
    """False: the provider knows no company with this domain."""
    company_id: str = ""
    name: str = ""
    domain: str = ""
    """Registrable, as the provider's record has it."""
    matched_by: str = ""
    """Field of the record that gave the match: "domain" or "website"."""
    website: str = ""
    industries: tuple[str, ...] = ()
    description: str = ""
    kind: str = ""
    """As the provider types it, such as "Private"."""
    founded: int | None = None
    """Year."""
    revenue: int | None = None
    """As the provider gives it; it names no currency."""
    headcount: int | None = None
    size_from: int | None = None
    size_to: int | None = None
    """Employees, a range."""
    country: str = ""
    city: str = ""
    """Of the headquarters."""
    linkedin_url: str = ""
    technologies: tuple[str, ...] = ()


class PageResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page that ranks, without its text: that is in the fact."""

    found: bool
    """False: the site answered that there is no such page."""
    url: str = ""
    """Where it was found in the end."""
    title: str = ""
    words: int = 0
    """Of the main text; 0: none was found."""
    text_hash: str = ""
    """SHA-256 of the main text, hexadecimal."""
    language: str = ""
    """As the page itself says, such as "en"."""
    published: str = ""
    """As the page itself says; ISO date."""
    tier: str = ""
    """Of the fetch that worked: "default", "default_js", "premium", "premium_js" or "stealth"."""


class Score(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a page says about one dimension."""

    score: float | None
    """0 to 10. None: void, because the quote it rests on is not in the text."""
    confidence: float
    """0 to 10, the model's own."""
    evidence: str = ""
    """The quote."""
    signals: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


class Mention(msgspec.Struct, frozen=True):
    """A company or product a page speaks of."""

    entity: str
    kind: str
    """brand, competitor or other."""
    sentiment: str
    """positive, neutral, negative or mixed."""
    context: str
    """The words around it."""


class AnalysisResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a language model makes of a page. Empty but for the model's name when it refused."""

    model: str
    """As the provider names it in its answer."""
    prompt_hash: str
    """SHA-256 of model, messages and schema, hexadecimal."""
    schema_version: str
    scores: dict[str, Score] = {}
    """By dimension: "persona:<name>", "dimension:<name>" or "market_relevance"."""
    journey_phase: str = ""
    page_type: str = ""
    source_type: str = ""
    sentiment: str = ""
    """positive, neutral, negative or mixed; empty: refused."""
    topics: tuple[str, ...] = ()
    insights: str = ""
    mentions: tuple[Mention, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0


class CompanyStrength(msgspec.Struct, frozen=True):
    """The Digital Strength Index of a company with its factors, each in [0, 1]. None: unknown."""

    company: str
    """The first of its domains."""
    region: str | None
    """None: all regions together."""
    dsi: float | None
    """0 to 100."""
    dsi_legacy: float | None
    """Coverage in percent x share in percent x relevance, 0 to 10,000: only to compare with old numbers."""
    coverage: float | None
    share_of_voice: float | None
    relevance: float | None
    rank: int | None
    """From 1 among those with a DSI and enough keywords; platforms have none."""


class StrengthResult(msgspec.Struct, frozen=True):
    """All companies of one landscape."""

    companies: tuple[CompanyStrength, ...]
