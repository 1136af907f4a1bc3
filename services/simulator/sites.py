"""The web sites of the world: platforms, companies known in every world, made-up ones and a long tail."""

import re
from typing import NamedTuple

from services.simulator.chance import digest, generator
from services.simulator.vocabulary import IDN_NAMES, SYLLABLES, name

COMPANIES = 340
TAIL_SITES = 200_000

PLATFORMS = [
    ("Wikipedia", "en.wikipedia.org"), ("LinkedIn", "www.linkedin.com"), ("Reddit", "www.reddit.com"),
    ("YouTube", "www.youtube.com"), ("Quora", "www.quora.com"), ("Medium", "medium.com"),
    ("Amazon", "www.amazon.com"), ("Facebook", "www.facebook.com"), ("GitHub", "github.com"),
    ("G2", "www.g2.com"), ("Capterra", "www.capterra.com"), ("Trustpilot", "www.trustpilot.com"),
]  # fmt: skip
NEWSROOMS = [
    ("Reuters", "www.reuters.com"), ("Forbes", "www.forbes.com"), ("BBC", "www.bbc.co.uk"),
    ("The Guardian", "www.theguardian.com"), ("CNBC", "www.cnbc.com"), ("TechCrunch", "techcrunch.com"),
    ("Handelsblatt", "www.handelsblatt.com"), ("VnExpress", "vnexpress.net"),
]  # fmt: skip
KNOWN = [
    ("Northwind", "www.northwind.com"), ("Contoso", "www.contoso.com"), ("Fabrikam", "fabrikam.com"),
    ("Globex", "www.globex.com"), ("Initech", "initech.io"), ("Umbrella", "www.umbrella.co.uk"),
]  # fmt: skip
"""Companies of every world, so that a demonstration can name its company and competitors."""

_HOMES = {
    "co.uk": "uk", "org.uk": "uk", "de": "de", "fr": "fr", "com.au": "au", "co.jp": "jp", "com.sa": "sa",
    "com.vn": "vn", "vn": "vn", "in": "in",
}  # fmt: skip
_ENDINGS = (
    ["com"] * 44 + ["io"] * 6 + ["net"] * 5 + ["org"] * 5 + ["ai"] * 4 + ["co"] * 3 + ["github.io"] * 3
    + ["co.uk"] * 7 + ["org.uk"] * 2 + ["de"] * 7 + ["fr"] * 3 + ["com.au"] * 2 + ["co.jp"] * 2
    + ["com.sa"] * 3 + ["com.vn"] * 2 + ["vn"] * 2 + ["in"] * 2
)  # fmt: skip
_LONG_ENDINGS = tuple(sorted({f".{ending}" for ending in _ENDINGS if "." in ending}))
_TAIL_LABEL = re.compile(f"((?:{'|'.join(SYLLABLES)}){{3}})(?:[1-9][0-9]?)?")
_SUBDOMAINS = ["blog", "shop", "docs", "help", "go", "academy"]


class Site(NamedTuple):
    """One host that may rank."""

    name: str
    host: str
    """As links show it: perhaps with www. or a subdomain, an IDN in its Unicode or its ASCII form."""
    home: str
    """Region (gl) where it is strong; empty for everywhere, and for the tail, which is never ranked."""
    newsroom: bool


def build(seed: int) -> list[Site]:
    """All sites but the tail, strongest first."""
    rng = generator(seed, "sites")
    platforms = [Site(label, host, "", newsroom=False) for label, host in PLATFORMS]
    known = [Site(label, host, _home(host), newsroom=False) for label, host in KNOWN]
    sites = [Site(label, host, "", newsroom=True) for label, host in NEWSROOMS]
    hosts = {site.host for site in platforms + known + sites}
    idn = [f"{label}.{rng.choice(['com', 'de', 'fr', 'vn'])}" for label in IDN_NAMES]
    while len(sites) < COMPANIES:
        label, ending = name(rng), rng.choice(_ENDINGS)
        bare = idn.pop() if idn and len(sites) % 20 == 0 else f"{label}.{ending}"
        if not bare.isascii():
            label = bare.split(".")[0]
            bare = bare if rng.random() < 0.5 else bare.encode("idna").decode()
        for host in _hosts(bare, rng.random(), rng.choice(_SUBDOMAINS)):
            if host not in hosts:
                hosts.add(host)
                newsroom = rng.random() < 0.08
                sites.append(Site(label.title(), host, _home(bare), newsroom))
    rng.shuffle(sites)
    # A company everybody knows is not lost among the weak.
    strong = known + sites[: 3 * len(known)]
    rng.shuffle(strong)
    return platforms + strong + sites[3 * len(known) :]


def tail(seed: int, number: int) -> Site:
    """The `number`-th small site, below TAIL_SITES; most searches have one of their own."""
    draws = digest(seed, f"tail {number}")
    label = "".join(SYLLABLES[draw % len(SYLLABLES)] for draw in draws[:3])
    host = f"{label}{number % 97 or ''}.{_ENDINGS[draws[3] % len(_ENDINGS)]}"
    return Site(label.title(), host if draws[4] % 3 else f"www.{host}", "", newsroom=False)


def at(host: str) -> Site:
    """A site of the tail, or one that no search shows, by its host."""
    label = host.removeprefix("www.").split(".")[0].rstrip("0123456789")
    return Site(label.title(), host, _home(host), newsroom=False)


def domain(host: str) -> str:
    """What the owner of a host of this world registered, in its ASCII form."""
    labels = host.split(".")[-3 if host.endswith(_LONG_ENDINGS) else -2 :]
    return ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels
    )


def tail_name(registered: str) -> str | None:
    """What the small site at a domain is called; None for a domain that no small site has."""
    label, _, ending = registered.partition(".")
    found = _TAIL_LABEL.fullmatch(label) if ending in _ENDINGS else None
    return found[1].title() if found else None


def _home(host: str) -> str:
    return next((home for ending, home in _HOMES.items() if host.endswith(f".{ending}")), "")


def _hosts(bare: str, draw: float, subdomain: str) -> list[str]:
    if bare.endswith(".github.io") or draw < 0.3:
        return [bare]
    if draw < 0.85:
        return [f"www.{bare}"]
    return [f"{subdomain}.{bare}"] if draw < 0.93 else [f"www.{bare}", f"{subdomain}.{bare}"]
