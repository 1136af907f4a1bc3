"""What stands behind a URL: which page it is, and what its server answers to which kind of visitor."""

from collections.abc import Mapping
from random import Random
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from services.simulator import scrapingbee_pages as pages
from services.simulator.chance import pick, share
from services.simulator.scrapingbee_prose import Article, unlisted, write
from services.simulator.sites import at
from services.simulator.world import World

Tier = Literal["default", "premium", "stealth"]
Kind = Literal[
    "plain", "missing", "blocked", "guarded", "broken", "unreachable", "captcha", "consent", "empty", "script",
    "pdf", "charset", "huge",
]  # fmt: skip

SHARES: tuple[tuple[Kind, float], ...] = (
    ("missing", 0.03),
    ("blocked", 0.05),
    ("guarded", 0.01),
    ("broken", 0.01),
    ("unreachable", 0.005),
    ("captcha", 0.02),
    ("consent", 0.02),
    ("empty", 0.01),
    ("script", 0.04),
    ("pdf", 0.02),
    ("charset", 0.03),
    ("huge", 0.01),
)
"""Of addresses. blocked: 403 unless premium or stealth; guarded: 403 unless stealth; captcha: an article for
premium and stealth; script: an empty shell without JavaScript; the rest is plain.
"""
MOVED_SHARE = 0.1
"""Of addresses: redirected to their final form."""

_HTML = "text/html; charset=utf-8"
_LANGUAGES = ("en",) * 4 + ("en-US",) * 2 + ("en-GB", "")
_CHARSETS = ("windows-1252", "iso-8859-1")


class Visit(NamedTuple):
    """The target's answer."""

    status: int
    """0 when it did not answer."""
    body: bytes = b""
    content_type: str = _HTML
    charset: str = "utf-8"
    article: Article | None = None
    """What a reader would take from it."""
    initial_status: int = 0
    """Of the first answer, before redirects."""
    resolved_url: str = ""


_WITHOUT_ARTICLE: Mapping[Kind, Visit] = {
    "unreachable": Visit(0),
    "broken": Visit(500, pages.BROKEN.encode()),
    "blocked": Visit(403, pages.DENIED.encode()),
    "guarded": Visit(403, pages.DENIED.encode()),
    "missing": Visit(404, pages.NOT_FOUND.encode()),
    "captcha": Visit(200, pages.CAPTCHA.encode()),
    "consent": Visit(200, pages.CONSENT.encode()),
    "empty": Visit(200),
}
_FAULTS: Mapping[str, Kind] = {
    "blocked": "guarded",
    "captcha": "captcha",
    "consent": "consent",
    "empty": "empty",
}


def visit(world: World, url: str, tier: Tier, *, render_js: bool, fault: str = "") -> Visit:
    """What a visitor gets. The same address with other tracking parameters or slashes is the same page."""
    parts = urlsplit(url)
    query = urlencode([pair for pair in parse_qsl(parts.query) if not pair[0].startswith("utm_")])
    path = parts.path.rstrip("/")
    words = f"{parts.hostname}{path}?{query}"
    moved = share(world.seed, f"moved {words}") < MOVED_SHARE
    resolved = f"https://{parts.netloc}{path}/{'?' * bool(query)}{query}" if moved else url
    kind = _kind(world.seed, words, path)
    answer = _get(world, words, resolved, _seen(kind, tier, render_js=render_js, fault=fault))
    if moved and answer.status == 200:
        return answer._replace(initial_status=301, resolved_url=resolved)
    return answer._replace(initial_status=answer.status, resolved_url=url)


def _kind(seed: int, words: str, path: str) -> Kind:
    if path.lower().endswith(".pdf"):
        return "pdf"
    draw = share(seed, f"kind of page {words}")
    for kind, part in SHARES:
        draw -= part
        if draw < 0:
            return kind
    return "plain"


def _seen(kind: Kind, tier: Tier, *, render_js: bool, fault: str) -> Kind:
    """What the page comes to for this visitor."""
    if fault:
        return _FAULTS[fault]
    passes = {
        "blocked": tier != "default",
        "captcha": tier != "default",
        "guarded": tier == "stealth",
        "script": render_js,
    }
    return "plain" if passes.get(kind) else kind


def _get(world: World, words: str, url: str, kind: Kind) -> Visit:
    if kind in _WITHOUT_ARTICLE:
        return _WITHOUT_ARTICLE[kind]
    rng = world.generator(f"article {words}")
    article = _article(world, rng, url)
    if kind == "script":
        return Visit(200, pages.SHELL.format(article.site).encode())
    if kind == "pdf":
        return Visit(200, pages.pdf(article), "application/pdf", article=article)
    lang, charset, shown = pick(rng, _LANGUAGES), "utf-8", _HTML
    if kind == "charset":
        charset = pick(rng, _CHARSETS)
        # Half of such servers say so in the page alone.
        shown = f"text/html; charset={charset}" if rng.random() < 0.5 else "text/html"
    body = pages.html(article, url, lang, charset, huge=kind == "huge").encode(charset, "xmlcharrefreplace")
    return Visit(200, body, shown, charset, article)


def _article(world: World, rng: Random, url: str) -> Article:
    parts = urlsplit(url)
    host = parts.netloc.lower()
    page = world.page_at(host, parts.path)
    return write(world, rng, page or unlisted(world, rng, host, at(host).name))
