"""The tiers a page can be visited in, and which of them comes next: dearer ones only where they can help."""

from dataclasses import dataclass
from typing import Literal

TierName = Literal["default", "default_js", "premium", "premium_js", "stealth"]
Obstacle = Literal["", "refused", "captcha", "consent", "empty", "not_html", "not_found", "cut"]
"""What stood between a visit and the page's text. "refused": the site did not serve the page; "cut": it
was too long; "": nothing.
"""


@dataclass(frozen=True, slots=True)
class Tier:
    """One way to visit a page."""

    name: TierName
    credits: int
    """Price of a visit."""
    proxy: Literal["", "premium_proxy", "stealth_proxy"]
    """The provider's switch for better addresses than its ordinary ones."""
    render_js: bool
    """The page's scripts run."""


#: From cheap to dear.
LADDER = (
    Tier("default", 1, "", render_js=False),
    Tier("default_js", 5, "", render_js=True),
    Tier("premium", 10, "premium_proxy", render_js=False),
    Tier("premium_js", 25, "premium_proxy", render_js=True),
    Tier("stealth", 75, "stealth_proxy", render_js=True),
)
TIERS = {tier.name: tier for tier in LADDER}


def after(tier: Tier, obstacle: Obstacle, most: int) -> Tier | None:
    """The next tier that may get past the obstacle met in this one, for `most` credits; None: no more visits.

    Without text scripts are tried, from the same kind of address. Who is refused or challenged needs
    another address; scripts that turned out to be needed stay on. A wall of consent stands before everybody.
    """
    match obstacle:
        case "empty":
            helps = [later for later in _above(tier) if later.proxy == tier.proxy and later.render_js]
        case "refused" | "captcha":
            helps = [later for later in _above(tier) if later.proxy and later.render_js >= tier.render_js]
        case _:
            helps = []
    return helps[0] if helps and helps[0].credits <= most else None


def _above(tier: Tier) -> tuple[Tier, ...]:
    return LADDER[LADDER.index(tier) + 1 :]
