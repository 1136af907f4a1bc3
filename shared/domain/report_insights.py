"""The shape of the report's tables beside companies: markets, features, content, channels, publishers."""

from typing import Final, Literal

import msgspec

Role = Literal["client", "competitor", "platform", "other"]
#: Roles of whom the report is about: always shown, in this order.
PARTIES: Final[tuple[Role, ...]] = ("client", "competitor")


class MarketRow(msgspec.Struct, frozen=True):
    """One content type in one region or all, of one landscape or the whole: how much there is, and who holds it."""

    landscape: str | None
    """Null: all keywords."""
    region: str | None
    content_type: str
    keywords: int
    """Of the landscape."""
    searches: int
    """Completed ones."""
    monthly_searches: int | None
    """Weight of the completed searches of known volume. Null: every search weighs 1."""
    expected_clicks: float | None
    """Of all that rank. Null: unknown."""
    capture_rate: float | None
    """Expected clicks by searches made; the rest goes to nobody."""
    traffic_value: float | None
    """What those clicks would cost as advertisements. Null: no price is known."""
    companies: int
    """That rank, platforms aside."""
    platform_share: float | None
    """Share of voice of all platforms together."""
    leader: str | None
    """Company of the largest share, platforms aside."""
    leader_share: float | None
    leader_gap: float | None
    """Share between the first and the second company. Null: there is no second."""
    concentration: float | None
    """Herfindahl-Hirschman index: the sum of the squares of all shares, 0 to 1."""
    effective_companies: float | None
    """1 / concentration: as many equal ones would be as concentrated."""


class Feature(msgspec.Struct, frozen=True):
    """How often something else stands on the pages of web searches."""

    region: str | None
    feature: str
    searches: int
    """Completed web searches whose page was looked at for it."""
    present: int
    presence: float | None
    """Of these searches."""
    weighted_presence: float | None
    """The same, each search weighing its volume. Null: no volume is known."""
    client_share: float | None
    """Of the searches with it, those in which it leads to the client, by volume. Null: no client, or not recorded."""


class FeatureOwner(msgspec.Struct, frozen=True):
    """How often a feature leads to a company."""

    region: str | None
    feature: str
    company: str
    name: str
    role: Role
    searches: int
    """In which the feature leads to it."""
    ownership: float | None
    """Weight of these by the weight of all with the feature. Null: unknown."""


class Theme(msgspec.Struct, frozen=True):
    """A kind of content, and how much of the clicks of web results goes to pages of it."""

    axis: str
    """journey_phase, page_type, sentiment, persona or dimension."""
    theme: str
    region: str | None
    pages: int
    expected_clicks: float
    mix: float | None
    """Of the clicks of all analysed pages. Pages may speak to several personas, so theirs need not sum to 1."""
    leader: str | None
    """Company with the largest share of the theme, platforms aside."""


class ThemeShare(msgspec.Struct, frozen=True):
    """A company's share of a theme, all regions together."""

    axis: str
    theme: str
    company: str
    name: str
    role: Role
    pages: int
    expected_clicks: float
    share: float
    """Of the clicks of the theme's pages."""
    mix: float
    """Of the clicks of the company's analysed pages."""


class DimensionRow(msgspec.Struct, frozen=True):
    """How pages score in a dimension."""

    dimension: str
    """As in `persona:<name>`."""
    pages: int
    """With a valid score."""
    void: int
    """Without: the quote was not in the text."""
    mean: float | None
    deviation: float | None
    """Of the population. Null: no page."""
    lowest: float | None
    highest: float | None
    high: int
    """Scores of 7 and more."""
    low: int
    """Scores below 5."""


class PageScore(msgspec.Struct, frozen=True):
    """A score of a listed page."""

    url: str
    content_type: str
    dimension: str
    score: float | None
    """0 to 10. Null: void."""


class Channel(msgspec.Struct, frozen=True):
    """A channel whose videos rank."""

    channel_id: str | None
    channel: str
    videos: int
    appearances: int
    expected_clicks: float | None
    """In video searches. Null: unknown."""
    share_of_voice: float | None
    """Of the clicks of all results of video searches."""
    views: int | None
    """Known ones of its videos listed. Null: none is known."""
    view_share: float | None
    engagement: float | None
    """Likes and comments by view, over its videos of which all three are known."""
    subscribers: int | None


class Publisher(msgspec.Struct, frozen=True):
    """Who publishes the news that rank."""

    publisher: str
    """As printed."""
    domain: str
    role: Role
    appearances: int
    weighted_appearances: int | None
    """Each weighing its search. Null: no volume is known."""
    share: float | None
    """Of the weighted appearances of all."""


class Match(msgspec.Struct, frozen=True):
    """A domain that was looked up, or that somebody named."""

    domain: str
    name: str | None
    matched: bool | None
    matched_by: str | None
    confidence: float | None
    named_by: str
    industries: tuple[str, ...]
    kind: str | None
    country: str | None
    city: str | None
    headcount: int | None
    founded: int | None
    revenue: int | None
    size_from: int | None
    size_to: int | None
    said_by: str | None
    """Who overrode the match, and why."""
    reason: str | None


class Mover(msgspec.Struct, frozen=True):
    """How a company's share of voice moved since an earlier pipeline, and by what. The effects sum to the change exactly."""

    region: str | None
    content_type: str
    company: str
    name: str
    role: Role
    before: float
    """Shares are rounded to 2^-40, so that sums of them are exact."""
    now: float
    change: float
    rank_effect: float
    """Other places for the keywords of both pipelines."""
    volume_effect: float
    """Other volumes for them."""
    keyword_effect: float
    """Keywords that only one of the two has."""
    method_effect: float
    """Another curve, other corrections, other weights or other companies: no move of the market."""
    rank_before: int | None
    rank_now: int | None
