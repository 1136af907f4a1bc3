"""Whose a domain is: the client's, a competitor's, a platform's or somebody else's."""

from collections.abc import Iterable
from typing import Final

from shared.domain import keys
from shared.domain.report_schema import Role
from shared.domain.start import Company

_PLATFORMS = """
amazon.ae amazon.ca amazon.co.jp amazon.co.uk amazon.com amazon.com.au amazon.com.br amazon.com.mx amazon.de
amazon.es amazon.fr amazon.in amazon.it amazon.nl amazon.pl amazon.sa amazon.se archive.org baidu.com
bilibili.com dailymotion.com ebay.co.uk ebay.com ebay.de etsy.com facebook.com fandom.com flickr.com
github.com glassdoor.com imdb.com indeed.com instagram.com issuu.com linkedin.com medium.com
pinterest.co.uk pinterest.com pinterest.de quora.com reddit.com researchgate.net scribd.com
slideshare.net snapchat.com stackexchange.com stackoverflow.com substack.com t.me telegram.org threads.net
tiktok.com tripadvisor.com trustpilot.com tumblr.com twitch.tv twitter.com vimeo.com vk.com weibo.com
whatsapp.com wikimedia.org wikipedia.org wordpress.com x.com xing.com yelp.com youtu.be youtube.com zhihu.com
"""
#: Registrable domains of sites whose content is not their own. They rank, but are no company of the market.
PLATFORMS: Final = frozenset(_PLATFORMS.split())


class Roles:
    """Roles and names by registrable domain. Where a domain is claimed twice, the client's claim wins."""

    def __init__(self, company: Company | None, competitors: Iterable[Company]) -> None:
        """Raises ValueError for a given domain that is none."""
        self.client: frozenset[str] = frozenset(
            map(keys.registrable_domain, company.domains if company else ())
        )
        self.parties: dict[str, str] = {}
        for given in (*((company,) if company else ()), *competitors):
            for domain in given.domains:
                self.parties.setdefault(keys.registrable_domain(domain), given.name)

    def role(self, domain: str) -> Role:
        """Of a registrable domain."""
        if domain in self.client:
            return "client"
        if domain in self.parties:
            return "competitor"
        return "platform" if domain in PLATFORMS else "other"

    def name(self, domain: str) -> str:
        """As given at the start, else the domain."""
        return self.parties.get(domain, domain)
